// sagabus dlq redrive: sends dead letters back to where they failed.
#include <fmt/format.h>

#include <memory>

#include "confirm.hpp"
#include "sagabus/error.hpp"
#include "terminal.hpp"
#include "verbs/dlq.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_dlq_redrive {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Send dead letters back to the saga or service";

constexpr const char* kFooter =
    "Mend what made them fail first. They are sent one after the other, in the order in which "
    "they\n"
    "were published, with the ids that they had: what a saga has already done it does not do "
    "twice.\n"
    "A letter is erased when its message is sent. Where that fails, run it again.\n"
    "\n"
    "An uncertain letter may have taken effect. Where the saga can no longer tell, it becomes a\n"
    "letter once more, and does not run. Look at the instance; where the message should run, give\n"
    "--run-uncertain.\n"
    "\n"
    "Only letters of ENDPOINT are sent. One that does not say where it comes from, since SQS "
    "itself\n"
    "has moved it, goes where --to says. One whose body was no message stays. Asks on a terminal;\n"
    "elsewhere it needs --yes. Exits with 3 where an ID is not there, or the queue on SQS (a file\n"
    "has no queues to miss), and with 1 where letters stay.\n"
    "\n"
    "Examples:\n"
    "  sagabus dlq redrive --transport sqlite:///var/lib/orders.db OrderSaga --all --dry-run\n"
    "  sagabus dlq redrive --transport 'sqs://shop?region=us-east-1' OrderSaga ID ID --yes\n";

struct Options : LetterOptions {
  RedriveOptions how;
  Consent consent;
};

// One run of the verb.
class Redrive {
 public:
  Redrive(const Options& options, OpenLetters letters)
      : options_(options), letters_(std::move(letters)), now_(letters_.query.clock->now()) {}

  asio::awaitable<void> run() {
    LetterVisit send = [this](Delivery letter) { return send_back(std::move(letter)); };
    auto visiting = visit(letters_, std::move(send));
    co_await std::move(visiting);
  }

  unsigned sent() const { return sent_; }
  unsigned stayed() const { return stayed_; }

 private:
  // Empty where it cannot be sent.
  std::string target_of(const Delivery& letter) {
    try {
      return plan_redrive(letter, options_.how).endpoint;
    } catch (const ValidationError& error) {
      print(letter, fmt::format("stays: {}", error.what()));
      ++stayed_;
      return {};
    }
  }

  asio::awaitable<void> send_back(Delivery letter) {
    const std::string target = target_of(letter);
    if (target.empty()) co_return;
    ++sent_;
    if (options_.consent.dry_run) {
      print(letter, fmt::format("would be sent to {}", target));
      co_return;
    }
    auto sending = redrive_letter(letters_.transport, letter, options_.how);
    co_await std::move(sending);
    print(letter, fmt::format("sent to {}", target));
  }

  void print(const Delivery& letter, std::string outcome) const {
    LetterReport report{letter, now_};
    report.outcome = std::move(outcome);
    print_letter(report, options_.json);
  }

  const Options& options_;
  const OpenLetters letters_;
  const TimePoint now_;
  unsigned sent_ = 0;
  unsigned stayed_ = 0;
};

asio::awaitable<Exit> redrive(Options options) {
  require_consent(options.consent, "send letters back");
  options.how.of = options.endpoint;
  auto opening = open_letters(options);
  OpenLetters letters = co_await std::move(opening);
  // Before any is held.
  if (options.consent.is_asked_for()) ask_about_letters(options, "Send back");
  Redrive work(options, std::move(letters));
  co_await work.run();
  if (work.stayed() > 0) {
    throw Failure(Exit::failed,
                  fmt::format("{} {} where they are: they cannot be sent back", work.stayed(),
                              work.stayed() == 1 ? "letter stays" : "letters stay"));
  }
  if (work.sent() == 0 && !options.json) {
    fmt::print("there are no letters in {}\n", options.letters());
  }
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_dlq_redrive

void add_dlq_redrive(CLI::App& app, Action& action) {
  using namespace verb_dlq_redrive;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = dlq_group(app).add_subcommand("redrive", kDescription);
  add_letter_options(*verb, *options);
  add_letter_ids(*verb, *options);
  verb->add_option("--to", options->how.to, "Send them there, wherever they come\nfrom")
      ->type_name("ENDPOINT");
  add_switch(*verb, "--run-uncertain", options->how.run_uncertain,
             "Run those that may have taken effect");
  add_consent(*verb, options->consent);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_ids_or_all(*options);
    action = [options] { return run(redrive(*options)); };
  });
}

}  // namespace sagabus::tools
