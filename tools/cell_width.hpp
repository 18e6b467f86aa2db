// How wide a text is on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sagabus::tools {

// In cells, of which a Chinese, Japanese or Korean character and most emoji take two, and an accent
// that is a character of its own none. `text` is UTF-8; a byte that is none of it counts as one
// cell.
std::size_t cell_width(std::string_view text);

// Not wider than so many cells, 1 or more: what would be ends in an ellipsis.
std::string cut_to_cells(std::string_view text, std::size_t width);

}  // namespace sagabus::tools
