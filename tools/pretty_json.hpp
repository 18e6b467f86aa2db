// JSON for people.
#pragma once

#include <string>

#include "sagabus/value.hpp"

namespace sagabus::tools {

// A member a line, indented; each line begins with `indent`, and the last one ends without a line
// break. Safe to print on a terminal: texts are as escape_controls makes them.
std::string pretty_json(const Value& value, const std::string& indent);

// As JSON says that there is none.
inline Value text_or_null(const std::string& text) {
  return text.empty() ? Value() : Value(text);
}

}  // namespace sagabus::tools
