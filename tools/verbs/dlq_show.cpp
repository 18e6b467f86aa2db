// sagabus dlq show: one dead letter, with its message.
#include <memory>

#include "verbs/dlq.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_dlq_show {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show dead letters with their headers and payloads";

constexpr const char* kFooter =
    "Prints the message with its payload. Changes nothing. Exits with 3 where there is no such\n"
    "letter.\n"
    "\n"
    "Examples:\n"
    "  sagabus dlq show --transport sqlite:///var/lib/orders.db OrderSaga ID\n"
    "  sagabus dlq show --transport 'sqs://shop?region=us-east-1' OrderSaga ID --json\n";

asio::awaitable<Exit> show(LetterOptions options) {
  auto opening = open_letters(options);
  OpenLetters letters = co_await std::move(opening);
  const TimePoint now = letters.query.clock->now();
  const LetterVisit print = [&](Delivery letter) -> asio::awaitable<void> {
    LetterReport report{letter, now};
    report.whole = true;
    print_letter(report, options.json);
    co_return;
  };
  auto visiting = visit(std::move(letters), print);
  co_await std::move(visiting);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_dlq_show

void add_dlq_show(CLI::App& app, Action& action) {
  using namespace verb_dlq_show;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<LetterOptions>();
  CLI::App* const verb = dlq_group(app).add_subcommand("show", kDescription);
  add_letter_options(*verb, *options);
  add_letter_ids(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_ids_or_all(*options);
    action = [options] { return run(show(*options)); };
  });
}

}  // namespace sagabus::tools
