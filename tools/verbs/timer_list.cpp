// sagabus timer list: what is to be sent later.
#include <fmt/format.h>

#include <memory>

#include "verbs/timer.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_timer_list {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show what is to be sent later, the soonest first";

constexpr const char* kFooter =
    "Prints timeouts and scheduled messages. A row is but a reminder of a timeout: with --check "
    "the\n"
    "instance is read too, and tells whether it is current, moved to a later time, or stale, "
    "which\n"
    "means that nothing happens when it is due. On DynamoDB all rows are read, whatever --until "
    "and\n"
    "--limit say.\n"
    "\n"
    "Changes nothing.\n"
    "\n"
    "Examples:\n"
    "  sagabus timer list --store sqlite:///var/lib/orders.db --saga OrderSaga --check\n"
    "  sagabus timer list --store sqlite:///var/lib/orders.db --until 24h --json\n"
    "  sagabus timer list --store sqlite:///var/lib/orders.db --until 2026-12-24T18:00:00+01:00\n";

struct Options : TimerOptions {
  std::string saga;
  std::optional<When> until;
  unsigned limit = 1000;
  bool check = false;
};

asio::awaitable<Exit> list(Options options) {
  const SagaStore store = co_await open_timers(options.store);
  TimerQuery query;
  query.endpoint = options.saga;
  query.limit = options.limit;
  const TimePoint now = store.backend()->timers()->now();
  if (options.until) query.until = options.until->after(now);
  const TimerList found = co_await list_timers(store, query);
  for (const TimerRow& row : found.rows) {
    TimerReport report{row, now};
    if (options.check) {
      auto examining = examine_timer(store, row);
      report.finding = co_await std::move(examining);
    }
    print_timer(report, options.json);
  }
  if (found.more) fmt::print(stderr, "sagabus: there are more: give a higher --limit\n");
  if (found.rows.empty() && !options.json) fmt::print("nothing is to be sent later\n");
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_timer_list

void add_timer_list(CLI::App& app, Action& action) {
  using namespace verb_timer_list;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = timer_group(app).add_subcommand("list", kDescription);
  add_timer_options(*verb, *options);
  verb->add_option("--saga", options->saga, "Only timeouts of this saga")->type_name("NAME");
  const auto read = [options](const std::string& text) {
    options->until = parse_when(text);
    if (options->until) return;
    throw CLI::ValidationError(fmt::format(
        "--until: '{}', expected a time such as 2026-11-22T17:04:05Z, or 24h from now", text));
  };
  verb->add_option_function<std::string>("--until", read, "Only what is due by then")
      ->type_name("TIME|DURATION");
  add_count_option(*verb, "--limit", options->limit, "Timers to print at most", 1, 10'000'000);
  add_switch(*verb, "--check", options->check, "Read each timeout's instance too");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(list(*options)); }; });
}

}  // namespace sagabus::tools
