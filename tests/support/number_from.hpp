// How much a test does, and with which seed, may be set from outside.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sagabus::test {

// The whole number that the variable holds; `otherwise` where it is not set. Throws for what is
// none, or does not fit: a run with another seed than the one that was asked for shows nothing.
template <class Number>
Number whole_number_from(const char* variable, Number otherwise) {
  const char* const set = std::getenv(variable);
  if (!set) return otherwise;
  const std::string_view text = set;
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::invalid_argument(std::string(variable) + "=" + set + ": expected a whole number");
  }
  return number;
}

inline unsigned number_from(const char* variable, unsigned otherwise) {
  return whole_number_from(variable, otherwise);
}

inline std::uint64_t seed_from(const char* variable, std::uint64_t otherwise) {
  return whole_number_from(variable, otherwise);
}

}  // namespace sagabus::test
