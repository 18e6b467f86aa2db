#include "conformance/equivalent.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "sagabus/json.hpp"

namespace sagabus::testing {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

bool is_number(const Value& value) {
  return value.if_int64() || value.if_uint64() || value.if_double();
}

// A double that is a whole number, as that integer; any other value as it is.
Value as_integer(const Value& value) {
  const double* d = value.if_double();
  if (!d || *d != std::trunc(*d)) return value;
  if (*d >= -0x1p63 && *d < 0x1p63) return Value(static_cast<std::int64_t>(*d));
  if (*d >= 0x1p63 && *d < 0x1p64) return Value(static_cast<std::uint64_t>(*d));
  return value;
}

std::optional<std::string> base64_of(const Value& value) {
  if (value.if_string()) return *value.if_string();
  if (value.if_bytes()) return encode_base64(*value.if_bytes());
  return std::nullopt;
}

std::string shown(const Value& value) {
  const std::string text = to_json(value);
  return fmt::format("{} {}", kind_name(value), text.size() < 200 ? text : text.substr(0, 200));
}

AssertionResult differ(const Value& found, const Value& expected) {
  return AssertionFailure() << "found " << shown(found) << ", expected " << shown(expected);
}

AssertionResult same_elements(const Array& found, const Array& expected) {
  if (found.size() != expected.size()) {
    return AssertionFailure() << found.size() << " elements, expected " << expected.size();
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    const AssertionResult same = is_equivalent(found[i], expected[i]);
    if (!same) return AssertionFailure() << "[" << i << "] " << same.message();
  }
  return AssertionSuccess();
}

AssertionResult same_members(const Value& found, const Value& expected) {
  if (found.if_object()->size() != expected.if_object()->size()) return differ(found, expected);
  for (const auto& [name, member] : *expected.if_object()) {
    const Value* other = found.find(name);
    if (!other) return AssertionFailure() << "no member \"" << name << "\"";
    const AssertionResult same = is_equivalent(*other, member);
    if (!same) return AssertionFailure() << "." << name << " " << same.message();
  }
  return AssertionSuccess();
}

}  // namespace

AssertionResult is_equivalent(const Value& found, const Value& expected) {
  if (found.if_array() && expected.if_array()) {
    return same_elements(*found.if_array(), *expected.if_array());
  }
  if (found.if_object() && expected.if_object()) return same_members(found, expected);
  const bool same = is_number(found) && is_number(expected)
                        ? as_integer(found) == as_integer(expected)
                    : expected.if_bytes() ? base64_of(found) == base64_of(expected)
                                          : found == expected;
  return same ? AssertionSuccess() : differ(found, expected);
}

}  // namespace sagabus::testing
