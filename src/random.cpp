#include "sagabus/random.hpp"

#include <array>
#include <mutex>
#include <random>

#include "uuid_text.hpp"

namespace sagabus {
namespace {

std::mt19937_64 from_the_system() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device(), device(), device()};
  return std::mt19937_64(seed);
}

class SystemRandom final : public RandomSource {
 public:
  std::uint64_t next() override {
    thread_local std::mt19937_64 generator = from_the_system();
    return generator();
  }
};

class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : generator_(seed) {}
  std::uint64_t next() override {
    const std::lock_guard lock(mutex_);
    return generator_();
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 generator_;
};

}  // namespace

std::shared_ptr<RandomSource> system_random() {
  static const auto source = std::make_shared<SystemRandom>();
  return source;
}

std::shared_ptr<RandomSource> seeded_random(std::uint64_t seed) {
  return std::make_shared<SeededRandom>(seed);
}

double uniform(RandomSource& random) {
  return static_cast<double>(random.next() >> 11) * 0x1.0p-53;  // a double holds 53 bits
}

std::string new_uuid(RandomSource& random) {
  std::array<std::uint64_t, 2> half{random.next(), random.next()};
  half[0] = (half[0] & ~0xf000ULL) | 0x4000ULL;                         // version 4
  half[1] = (half[1] & 0x3fffffffffffffffULL) | 0x8000000000000000ULL;  // variant of RFC 4122
  return detail::uuid_text(half[0], half[1]);
}

std::string new_nonce(RandomSource& random) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::uint64_t bits = random.next();
  std::string text(11, '\0');  // 6 bits each
  for (char& c : text) {
    c = kDigits[bits & 63];
    bits >>= 6;
  }
  return text;
}

}  // namespace sagabus
