// A UUID's text, from its 128 bits.
#pragma once

#include <cstdint>
#include <string>

namespace sagabus::detail {

inline constexpr char kHexDigits[] = "0123456789abcdef";

inline std::string uuid_text(std::uint64_t high, std::uint64_t low) {
  std::string text(36, '-');
  char* out = text.data();
  const auto write = [&out](std::uint64_t bits, int first, int count) {
    for (int digit = first; digit < first + count; ++digit) {
      *out++ = kHexDigits[(bits >> (60 - 4 * digit)) & 0xf];
    }
    ++out;  // over the dash
  };
  write(high, 0, 8);
  write(high, 8, 4);
  write(high, 12, 4);
  write(low, 0, 4);
  write(low, 4, 12);
  return text;
}

}  // namespace sagabus::detail
