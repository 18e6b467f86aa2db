// Inbox, outbox and timers as a row holds them: three texts, a line each.
#include <array>
#include <optional>

#include "sagabus/error.hpp"
#include "sagabus/instance.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

constexpr std::string_view kSagaId = "5f2c9a52-6c9f-5a46-9d3d-0a6b1f6e2c11";

bool same(const BookkeepingText& a, const BookkeepingText& b) {
  return a.inbox == b.inbox && a.outbox == b.outbox && a.timers == b.timers;
}

}  // namespace

void bookkeeping(std::string_view input) {
  std::array<std::string, 3> lines;
  for (std::string& line : lines) {
    const std::size_t end = std::min(input.find('\n'), input.size());
    line = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  const BookkeepingText text{lines[0], lines[1], lines[2]};
  const auto read = unless_refused<ValidationError>(
      [&] { return std::optional(read_bookkeeping("life", text, kSagaId)); });
  if (!read) return;
  const BookkeepingText written = write_bookkeeping(*read, kSagaId);
  const Bookkeeping again = read_bookkeeping("life", written, kSagaId);
  require(again == *read, "bookkeeping comes back from its text");
  require(same(write_bookkeeping(again, kSagaId), written), "and so does the text");
}

}  // namespace sagabus::fuzz
