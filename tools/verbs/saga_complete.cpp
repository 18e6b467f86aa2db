// sagabus saga complete: ends one instance.
#include <fmt/format.h>

#include <memory>

#include "count_text.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_complete {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Mark one instance as completed";

constexpr const char* kFooter =
    "As after a step that completes it: its timeouts are cleared, and further messages are "
    "ignored,\n"
    "or start it afresh where the saga says so. The state stays. What its steps have sent still\n"
    "leaves: the outbox stays with the instance. Its handlers do not run: nobody is told. On\n"
    "DynamoDB it expires as the ttl_days of --store say, or never: give those of your program.\n"
    "\n"
    "Asks on a terminal; elsewhere it needs --yes. Written only where the instance is as it was\n"
    "read: where somebody else was faster nothing is changed, and the command exits with 1. One "
    "that\n"
    "is completed already is left alone. Exits with 3 where there is no such instance. With --json "
    "the\n"
    "line is an object: sagaName, sagaId, correlationId, version, outcome (completed, was "
    "completed,\n"
    "would be completed) and timeoutsCleared.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga complete OrderSaga --correlation order-1 --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga complete OrderSaga --id SAGA_ID --yes \\\n"
    "    --store 'dynamodb://sagas?region=us-east-1&ttl_days=7'\n";

struct Options : SagaOptions {
  SagaChoice choice;
  Consent consent;
};

// Prints the line, which is `sentence` for people.
void report(const Instance& instance, const char* outcome, std::size_t cleared,
            const std::string& sentence, bool json) {
  if (!json) {
    fmt::print("{}\n", sentence);
    return;
  }
  Object out = outcome_of(instance, outcome);
  out.emplace_back("timeoutsCleared", Value(std::uint64_t{cleared}));
  print_object(std::move(out));
}

asio::awaitable<Exit> complete(Options options) {
  require_consent(options.consent, "complete the instance");
  const SagaStore store = co_await open_sagas(options.store);
  auto finding = find_saga(store, options.name, options.choice);
  const InstancePtr current = co_await std::move(finding);
  const std::string name = name_of(*current);
  if (current->completed) {
    report(*current, "was completed", 0, name + " is completed already", options.json);
    co_return Exit::done;
  }
  const std::size_t count = current->bookkeeping.timers.size();
  const std::string cleared = count_text(count, "timeout");
  if (options.consent.dry_run) {
    report(*current, "would be completed", count,
           fmt::format("{}, version {}, would be completed, and {} cleared", name, current->version,
                       cleared),
           options.json);
    co_return Exit::done;
  }
  ask_about(*current, options.consent,
            fmt::format("Complete {}, version {}, and clear {}", name, current->version, cleared));
  auto completing = changed(complete_instance(store, current), current);
  const InstancePtr now = co_await std::move(completing);
  report(*now, "completed", count,
         fmt::format("{} is completed, version {}; {} cleared", name, now->version, cleared),
         options.json);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_complete

void add_saga_complete(CLI::App& app, Action& action) {
  using namespace verb_saga_complete;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("complete", kDescription);
  add_saga_options(*verb, *options);
  add_saga_choice(*verb, options->choice);
  add_consent(*verb, options->consent);
  add_saga_json(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_choice(options->choice);
    action = [options] { return run(complete(*options)); };
  });
}

}  // namespace sagabus::tools
