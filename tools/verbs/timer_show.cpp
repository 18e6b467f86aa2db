// sagabus timer show: one timer, with its message and what its instance says.
#include <memory>

#include "verbs/timer.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_timer_show {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription =
    "Show one timer, its whole message, and what its instance says";

constexpr const char* kFooter =
    "Prints the message with its payload. Changes nothing. Exits with 3 where there is no such "
    "timer.\n"
    "\n"
    "Examples:\n"
    "  sagabus timer show --store sqlite:///var/lib/orders.db '2026-11-22T17:04:05.123Z#ID'\n"
    "  sagabus timer show --store sqlite:///var/lib/orders.db ID --json\n";

asio::awaitable<Exit> show(TimerOptions options) {
  const SagaStore store = co_await open_timers(options.store);
  const TimerRow row = co_await find_timer(store, options.key);
  TimerReport report{row, store.backend()->timers()->now()};
  auto examining = examine_timer(store, row);
  report.finding = co_await std::move(examining);
  report.whole = true;
  print_timer(report, options.json);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_timer_show

void add_timer_show(CLI::App& app, Action& action) {
  using namespace verb_timer_show;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<TimerOptions>();
  CLI::App* const verb = timer_group(app).add_subcommand("show", kDescription);
  add_timer_options(*verb, *options);
  add_timer_key(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(show(*options)); }; });
}

}  // namespace sagabus::tools
