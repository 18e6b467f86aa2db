// sagabus dlq list: the dead letters of a saga or a service.
#include <fmt/format.h>

#include <memory>

#include "verbs/dlq.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_dlq_list {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show the dead letters of a saga or a service, oldest first";

constexpr const char* kFooter =
    "Prints for each letter: its id, its type, how long ago it was published, how often it was\n"
    "tried, the key whose order it keeps, and what went wrong. `show` prints its message.\n"
    "\n"
    "Letters are held while they are looked at, and then given back: for that time no other\n"
    "program sees them. Changes nothing. Exits with 3 where there is no such queue.\n"
    "\n"
    "Examples:\n"
    "  sagabus dlq list --transport sqlite:///var/lib/orders.db OrderSaga\n"
    "  sagabus dlq list --transport 'sqs://shop?region=us-east-1' OrderSaga --json\n"
    "  sagabus dlq list --transport 'sqs://shop?region=us-east-1' --queue failed OrderSaga\n";

asio::awaitable<Exit> list(LetterOptions options) {
  auto opening = open_letters(options);
  OpenLetters letters = co_await std::move(opening);
  const TimePoint now = letters.query.clock->now();
  const std::string where = letters.query.endpoint;
  unsigned count = 0;
  const LetterVisit print = [&](Delivery letter) -> asio::awaitable<void> {
    print_letter({letter, now}, options.json);
    ++count;
    co_return;
  };
  auto visiting = visit(std::move(letters), print);
  co_await std::move(visiting);
  if (count == 0 && !options.json) fmt::print("there are no letters in {}\n", where);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_dlq_list

void add_dlq_list(CLI::App& app, Action& action) {
  using namespace verb_dlq_list;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<LetterOptions>();
  options->limit = 1000;
  CLI::App* const verb = dlq_group(app).add_subcommand("list", kDescription);
  add_letter_options(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(list(*options)); }; });
}

}  // namespace sagabus::tools
