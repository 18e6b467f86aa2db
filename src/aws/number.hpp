// Numbers in headers and variables.
#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace sagabus::aws {

// The decimal number that the whole of `text` is; nothing where it is none or does not fit.
template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace sagabus::aws
