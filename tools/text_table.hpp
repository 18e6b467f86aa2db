// Tables for people: columns under heads, cut where the terminal ends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sagabus::tools {

// Where a table is to be printed.
struct Screen {
  std::size_t width = 0;  // in cells; 0: no bound, as of a pipe
  bool colour = false;
};

// What standard output is: a terminal's width, and colour where NO_COLOR is not set.
Screen standard_screen();

enum class Style { plain, bold, dim, good, warning };

// With the codes of that style around it, where the screen has colour.
std::string styled(std::string_view text, Style style, const Screen& screen);

struct Column {
  std::string head;
  bool right = false;    // numbers
  std::size_t most = 0;  // cells, the rest is cut; 0: as many as there is room for
};

struct Cell {
  std::string text;  // may hold anything: it is escaped (terminal.hpp)
  Style style = Style::plain;
};

// Holds the first rows back to see how wide the columns must be; each later row is printed at once,
// so that a table of any length takes little memory. What does not fit ends in an ellipsis.
class TextTable {
 public:
  TextTable(std::vector<Column> columns, Screen screen);

  // What is to be printed now: nothing, or whole lines. A row has a cell for each column.
  std::string add(std::vector<Cell> row);
  std::string finish();

 private:
  void measure();
  void shrink();
  std::string line(const std::vector<Cell>& row) const;
  std::string flush();

  const std::vector<Column> columns_;
  const Screen screen_;
  std::vector<std::vector<Cell>> waiting_;
  std::vector<std::size_t> widths_;  // empty: not known yet
};

}  // namespace sagabus::tools
