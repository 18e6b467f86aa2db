// sagabus dlq purge: erases dead letters.
#include <fmt/format.h>

#include <memory>

#include "confirm.hpp"
#include "terminal.hpp"
#include "verbs/dlq.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_dlq_purge {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Erase dead letters for good";

constexpr const char* kFooter =
    "Asks on a terminal; elsewhere it needs --yes. Where it fails, run it again. Exits with 3 "
    "where\n"
    "an ID is not there, and on SQS where the queue is not; a file has no queues to miss: an empty "
    "one\n"
    "is as good as none there.\n"
    "\n"
    "Examples:\n"
    "  sagabus dlq purge --transport sqlite:///var/lib/orders.db OrderSaga ID\n"
    "  sagabus dlq purge --transport 'sqs://shop?region=us-east-1' OrderSaga --all --yes\n";

struct Options : LetterOptions {
  Consent consent;
};

asio::awaitable<Exit> purge(Options options) {
  require_consent(options.consent, "erase letters");
  auto opening = open_letters(options);
  OpenLetters letters = co_await std::move(opening);
  // Before any is held.
  if (options.consent.is_asked_for()) ask_about_letters(options, "Erase");
  const TimePoint now = letters.query.clock->now();
  const Transport transport = letters.transport;
  unsigned count = 0;
  const LetterVisit erase = [&](Delivery letter) -> asio::awaitable<void> {
    LetterReport report{letter, now};
    report.outcome = options.consent.dry_run ? "would be erased" : "erased";
    if (!options.consent.dry_run) {
      auto erasing = erase_letter(transport, letter);
      co_await std::move(erasing);
    }
    print_letter(report, options.json);
    ++count;
  };
  auto visiting = visit(std::move(letters), erase);
  co_await std::move(visiting);
  if (count == 0 && !options.json) fmt::print("there are no letters in {}\n", options.letters());
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_dlq_purge

void add_dlq_purge(CLI::App& app, Action& action) {
  using namespace verb_dlq_purge;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = dlq_group(app).add_subcommand("purge", kDescription);
  add_letter_options(*verb, *options);
  add_letter_ids(*verb, *options);
  add_consent(*verb, options->consent);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_ids_or_all(*options);
    action = [options] { return run(purge(*options)); };
  });
}

}  // namespace sagabus::tools
