// A state as JSON text that people and json_extract can read, and that gives the same Value back.
// docs/formats/sqlite.md is its specification.
#pragma once

#include <string>
#include <string_view>

#include "sagabus/value.hpp"

namespace sagabus::detail {

inline constexpr std::size_t kMaxStateBytes = 64U * 1024 * 1024;

// JSON has no bytes: they are written as {"$bytes":"<base64>"}. An object of the user's own with
// that one member gets one more $ in front of the name, and loses it again when it is read. Throws
// ValidationError for what JSON cannot hold: NaN, text that is not UTF-8, deeper than 200 levels.
std::string write_state(const Value& state);

// Throws ValidationError for text that write_state does not write.
Value read_state(std::string_view text);

}  // namespace sagabus::detail
