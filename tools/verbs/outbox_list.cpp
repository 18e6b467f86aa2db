// sagabus outbox list: the outbox entries that nothing is known to have settled.
#include <fmt/format.h>

#include <memory>

#include "open_store.hpp"
#include "verbs/outbox.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_outbox_list {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show outbox entries that no worker has reported as done";

constexpr const char* kFooter =
    "Goes through all instances of the saga, completed ones too, and prints each outbox entry "
    "that\n"
    "no worker has told to be settled: its messages may or may not have arrived. The default of\n"
    "--older-than is the inbox window of a bus, 10 minutes: a younger entry may simply be on its\n"
    "way. The time is that at which the step took its message in.\n"
    "\n"
    "Changes no instance.\n"
    "\n"
    "Examples:\n"
    "  sagabus outbox list --store sqlite:///var/lib/orders.db --saga OrderSaga\n"
    "  sagabus outbox list --store 'dynamodb://sagas?region=us-east-1' --saga OrderSaga --json\n";

struct Options : OutboxOptions {
  bool all = false;
  unsigned limit = 1000;
};

// What was printed so far, and whether there was more to print.
struct Progress {
  unsigned printed = 0;
  bool cut = false;
};

void show(const Instance& instance, const std::vector<OutboxFinding>& findings, TimePoint now,
          const Options& options, Progress& progress) {
  for (const OutboxFinding& finding : findings) {
    if (finding.covered && !options.all) continue;
    progress.cut = progress.printed == options.limit;
    if (progress.cut) return;
    print_finding(instance, finding, now, finding.covered ? "settled" : "left over", options.json);
    ++progress.printed;
  }
}

asio::awaitable<Exit> list(Options options) {
  const Ambient ambient;
  const SagaStore store = open_store(parse_lasting_store(options.store), ambient);
  co_await store.backend()->prepare();
  const TimePoint now = ambient.clock->now();
  Watermarks watermarks;
  Progress progress;
  FindRequest request;
  request.saga_name = options.saga;
  do {
    const FindPage page = co_await store.find_by_name(request);
    for (const Instance& instance : page.instances) {
      co_await learn_watermarks(store, instance, watermarks);
      const auto findings = examine_outbox(instance, watermarks, now - options.older_than);
      show(instance, findings, now, options, progress);
      if (progress.cut) break;
    }
    request.continuation = page.continuation;
  } while (!request.continuation.empty() && !progress.cut);
  if (progress.cut) fmt::print(stderr, "sagabus: there are more: give a higher --limit\n");
  if (progress.printed == 0 && !options.json) fmt::print("nothing is left over\n");
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_outbox_list

void add_outbox_list(CLI::App& app, Action& action) {
  using namespace verb_outbox_list;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = outbox_group(app).add_subcommand("list", kDescription);
  add_outbox_options(*verb, *options);
  add_switch(*verb, "--all", options->all, "Show settled entries too, marked as such");
  add_count_option(*verb, "--limit", options->limit, "Entries to print at most", 1, 10'000'000);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(list(*options)); }; });
}

}  // namespace sagabus::tools
