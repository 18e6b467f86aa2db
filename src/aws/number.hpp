// Numbers in headers, variables and URLs.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace sagabus::aws {

// The number that the whole of `text` is; nothing where it is none or does not fit.
template <class Number>
std::optional<Number> read_number(std::string_view text, int base = 10) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The byte of the percent escape, such as "%2F", at the front of `text`; nothing where none is.
inline std::optional<unsigned char> read_escape(std::string_view text) {
  if (text.size() < 3 || text.front() != '%') return std::nullopt;
  return read_number<unsigned char>(text.substr(1, 2), 16);
}

}  // namespace sagabus::aws
