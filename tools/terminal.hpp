// Data on a terminal: what ids and types hold is not the operator's own.
#pragma once

#include <string>
#include <string_view>

namespace sagabus::tools {

// UTF-8 in which each character that could move the cursor, colour, break a line or turn the
// direction of writing stands as JSON writes it, such as \u001b. A JSON text stays the same value.
std::string escape_controls(std::string_view text);

}  // namespace sagabus::tools
