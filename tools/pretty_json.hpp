// JSON for people.
#pragma once

#include <string>

#include "sagabus/value.hpp"

namespace sagabus::tools {

// A member a line, indented; each line begins with `indent`, and the last one ends without a line
// break. Safe to print on a terminal: texts are as escape_controls makes them.
std::string pretty_json(const Value& value, const std::string& indent);

}  // namespace sagabus::tools
