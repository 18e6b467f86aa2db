#include "text_table.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "cell_width.hpp"
#include "terminal.hpp"

namespace sagabus::tools {
namespace {

constexpr std::size_t kHeldBack = 100;
constexpr std::size_t kGap = 2;

std::string_view code_of(Style style) {
  switch (style) {
    case Style::plain:
      return {};
    case Style::bold:
      return "\x1b[1m";
    case Style::dim:
      return "\x1b[2m";
    case Style::good:
      return "\x1b[32m";
    case Style::warning:
      return "\x1b[33m";
  }
  return {};
}

}  // namespace

Screen standard_screen() {
  Screen screen;
  if (isatty(STDOUT_FILENO) == 0) return screen;
  winsize size{};
  screen.width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  const char* const no_colour = std::getenv("NO_COLOR");
  screen.colour = !no_colour || *no_colour == '\0';
  return screen;
}

std::string styled(std::string_view text, Style style, const Screen& screen) {
  if (!screen.colour || style == Style::plain) return std::string(text);
  return std::string(code_of(style)).append(text).append("\x1b[0m");
}

TextTable::TextTable(std::vector<Column> columns, Screen screen)
    : columns_(std::move(columns)), screen_(screen) {
  std::vector<Cell> heads;
  for (const Column& column : columns_) heads.push_back({column.head, Style::bold});
  waiting_.push_back(std::move(heads));
}

std::string TextTable::add(std::vector<Cell> row) {
  for (Cell& cell : row) cell.text = escape_controls(cell.text);
  if (!widths_.empty()) return line(row);
  waiting_.push_back(std::move(row));
  return waiting_.size() > kHeldBack ? flush() : std::string();
}

std::string TextTable::finish() {
  return widths_.empty() ? flush() : std::string();
}

std::string TextTable::flush() {
  measure();
  if (screen_.width > 0) shrink();
  std::string out;
  for (const auto& row : waiting_) out += line(row);
  waiting_.clear();
  return out;
}

void TextTable::measure() {
  widths_.assign(columns_.size(), 0);
  for (const auto& row : waiting_) {
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::size_t most = columns_[i].most > 0 ? columns_[i].most : std::string::npos;
      widths_[i] = std::max(widths_[i], std::min(cell_width(row[i].text), most));
    }
  }
}

// The widest column gives, a cell at a time.
void TextTable::shrink() {
  std::size_t sum = std::accumulate(widths_.begin(), widths_.end(), kGap * (columns_.size() - 1));
  for (; sum > screen_.width; --sum) {
    const auto widest = std::max_element(widths_.begin(), widths_.end());
    if (*widest <= 1) return;
    --*widest;
  }
}

std::string TextTable::line(const std::vector<Cell>& row) const {
  std::string out;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const bool last = i + 1 == columns_.size();
    // The last column, and one on a pipe, may be as long as it is.
    const bool bound = screen_.width > 0 || columns_[i].most > 0;
    const std::string text = bound ? cut_to_cells(row[i].text, widths_[i]) : row[i].text;
    const std::size_t wide = cell_width(text);
    const std::string padding(widths_[i] > wide ? widths_[i] - wide : 0, ' ');
    if (columns_[i].right) out += padding;
    out += styled(text, row[i].style, screen_);
    if (!last && !columns_[i].right) out += padding;
    if (!last) out.append(kGap, ' ');
  }
  return out + '\n';
}

}  // namespace sagabus::tools
