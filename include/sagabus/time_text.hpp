// Moments as text: ISO 8601 in UTC, as envelopes and stores write them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "sagabus/clock.hpp"

namespace sagabus {

// The first and the last moment that have a text, which bears a year of four digits.
inline constexpr TimePoint kEarliestText = std::chrono::sys_days(std::chrono::year(0) / 1 / 1);
inline constexpr TimePoint kLatestText =
    std::chrono::sys_days(std::chrono::year(10000) / 1 / 1) - std::chrono::milliseconds(1);

// A moment split where every clock's precision fits: whole seconds, and nanoseconds in [0, 1e9).
struct SplitTime {
  std::chrono::sys_seconds seconds;
  std::chrono::nanoseconds fraction{0};
};

// Whether a moment has a text: it is in the years 0 to 9999.
constexpr bool is_writable(std::chrono::sys_seconds time) {
  // In seconds, since the farthest ones do not fit milliseconds.
  using std::chrono::seconds;
  return time >= std::chrono::floor<seconds>(kEarliestText) &&
         time <= std::chrono::floor<seconds>(kLatestText);
}

// "2026-11-22T17:04:05.123Z": three digits of fraction, or as many more as the moment needs. Throws
// ValidationError outside the years 0 to 9999.
std::string to_iso8601(SplitTime time);
std::string to_iso8601(TimePoint time);

// Reads the form above, with 0 to 9 digits of fraction, and "Z" or an offset such as "+02:00".
// Throws ValidationError for any other text, and where it means a moment outside the years 0 to
// 9999.
SplitTime parse_iso8601(std::string_view text);

}  // namespace sagabus
