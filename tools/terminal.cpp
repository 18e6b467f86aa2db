#include "terminal.hpp"

#include <fmt/format.h>

namespace sagabus::tools {
namespace {

// The code point of a control of two or three bytes that begins here; 0: none does.
unsigned long_control(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return byte(1);
  if (byte(0) == 0xD8 && byte(1) == 0x9C) return 0x061C;
  if (byte(0) != 0xE2 || (byte(1) != 0x80 && byte(1) != 0x81)) return 0;
  const unsigned point = 0x2000 + (byte(1) - 0x80) * 64 + (byte(2) - 0x80);
  const bool mark = point == 0x200E || point == 0x200F;
  const bool turns = (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
  return mark || turns ? point : 0;
}

}  // namespace

std::string escape_controls(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", unsigned{byte});
    } else if (const unsigned point = long_control(text.substr(i))) {
      out += fmt::format("\\u{:04x}", point);
      i += point < 0x800 ? 1 : 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace sagabus::tools
