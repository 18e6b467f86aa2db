// What a worker tells others of its steps, so that they may drop its outbox entries. For those who
// look into a store; who only writes sagas never meets one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sagabus {

// All steps of one worker up to `through`, but for `open`, are settled: dispatched and
// acknowledged, or never committed under their number. What it says once is true for ever.
struct Watermark {
  std::uint64_t through = 0;
  std::vector<std::uint64_t> open;  // in rising order, none above `through`

  bool covers(std::uint64_t sequence) const;
  friend bool operator==(const Watermark&, const Watermark&) = default;
};

// The text that stores keep it as; its format is in docs/formats/bookkeeping.md. Reading throws
// ValidationError for any other text.
std::string write_watermark(const Watermark& watermark);
Watermark read_watermark(std::string_view text);

}  // namespace sagabus
