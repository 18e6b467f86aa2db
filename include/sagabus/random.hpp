// Randomness, as an interface that can be replaced: for jitter, nonces and new ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace sagabus {

// Safe to call from any thread.
class RandomSource {
 public:
  virtual ~RandomSource() = default;

  // 64 uniform bits.
  virtual std::uint64_t next() = 0;
};

// Seeded from the operating system; one generator a thread.
std::shared_ptr<RandomSource> system_random();

// The same numbers for the same seed.
std::shared_ptr<RandomSource> seeded_random(std::uint64_t seed);

// Uniform in [0, 1).
double uniform(RandomSource& random);

// A random UUID (version 4), such as "9f1c6f0e-3f7b-4c57-9c49-0c1d4e9a7a10".
std::string new_uuid(RandomSource& random);

// A short random text, 64 bits in 11 characters: for the birth of an instance or of a worker.
std::string new_nonce(RandomSource& random);

}  // namespace sagabus
