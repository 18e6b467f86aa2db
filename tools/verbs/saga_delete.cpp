// sagabus saga delete: removes one instance.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "count_text.hpp"
#include "sagabus/outbox.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_delete {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Remove one instance for good";

constexpr const char* kFooter =
    "Its timeouts go with it, and so does its inbox: a message that it took in before and that "
    "comes\n"
    "again is not known any more, and may start it anew. Messages that its steps scheduled for "
    "later\n"
    "still come (`sagabus timer list`). `saga complete` ends an instance without forgetting it.\n"
    "\n"
    "Refuses, and exits with 1, where messages of its steps are not known to have left, since they "
    "may\n"
    "be lost with it: wait until `saga show` tells of none, send them with `sagabus outbox\n"
    "redispatch`, or give --force.\n"
    "\n"
    "Asks on a terminal; elsewhere it needs --yes. Removed only where the instance is as it was "
    "read:\n"
    "where somebody else was faster nothing is changed, and the command exits with 1. Exits with "
    "3\n"
    "where there is no such instance. With --json the line is an object: sagaName, sagaId,\n"
    "correlationId, version, outcome (removed, would be removed) and unsettledSteps, whose "
    "messages "
    "may\n"
    "be lost.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga delete OrderSaga --correlation order-1 --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga delete OrderSaga --id SAGA_ID --yes --force \\\n"
    "    --store 'dynamodb://sagas?region=us-east-1'\n";

struct Options : SagaOptions {
  SagaChoice choice;
  Consent consent;
  bool force = false;
};

asio::awaitable<std::size_t> count_unsettled(SagaStore store, InstancePtr instance) {
  Watermarks watermarks;
  co_await learn_watermarks(store, *instance, watermarks);
  const auto findings = examine_outbox(*instance, watermarks, TimePoint::max());
  co_return static_cast<std::size_t>(std::count_if(
      findings.begin(), findings.end(), [](const OutboxFinding& it) { return !it.covered; }));
}

asio::awaitable<InstancePtr> delete_one(SagaStore store, InstancePtr current) {
  auto deleting = delete_instance(store, current);
  co_await std::move(deleting);
  co_return nullptr;
}

// Prints the line, which is `sentence` for people.
void report(const Instance& instance, const char* outcome, std::size_t unsettled,
            const std::string& sentence, bool json) {
  if (!json) {
    fmt::print("{}\n", sentence);
    return;
  }
  Object out = outcome_of(instance, outcome);
  out.emplace_back("unsettledSteps", Value(std::uint64_t{unsettled}));
  print_object(std::move(out));
}

asio::awaitable<Exit> remove(Options options) {
  require_consent(options.consent, "remove the instance");
  const SagaStore store = co_await open_sagas(options.store);
  auto finding = find_saga(store, options.name, options.choice);
  const InstancePtr current = co_await std::move(finding);
  const std::string name = name_of(*current);
  auto counting = count_unsettled(store, current);
  const std::size_t unsettled = co_await std::move(counting);
  if (unsettled > 0 && !options.force) {
    throw Failure(Exit::failed,
                  fmt::format("{} was left: {} of its steps {} messages that are not known to have "
                              "left; see `sagabus outbox`, or give --force to lose them",
                              name, unsettled, unsettled == 1 ? "has" : "have"));
  }
  const std::string lost =
      unsettled > 0 ? ", with " + count_text(unsettled, "unsettled step") : std::string();
  if (options.consent.dry_run) {
    report(*current, "would be removed", unsettled,
           fmt::format("{}, version {}, would be removed{}", name, current->version, lost),
           options.json);
    co_return Exit::done;
  }
  ask_about(*current, options.consent,
            fmt::format("Remove {}, version {}{}", name, current->version, lost));
  auto deleting = changed(delete_one(store, current), current);
  co_await std::move(deleting);
  report(*current, "removed", unsettled,
         fmt::format("{} is removed, version {}", name, current->version), options.json);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_delete

void add_saga_delete(CLI::App& app, Action& action) {
  using namespace verb_saga_delete;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("delete", kDescription);
  add_saga_options(*verb, *options);
  add_saga_choice(*verb, options->choice);
  add_consent(*verb, options->consent);
  add_saga_json(*verb, *options);
  add_switch(*verb, "--force", options->force, "Also where messages may be lost");
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_choice(options->choice);
    action = [options] { return run(remove(*options)); };
  });
}

}  // namespace sagabus::tools
