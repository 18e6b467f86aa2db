// sagabus timer cancel: takes one timer away.
#include <fmt/format.h>

#include <memory>

#include "confirm.hpp"
#include "terminal.hpp"
#include "verbs/timer.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_timer_cancel {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Cancel one timer";

constexpr const char* kFooter =
    "A timeout is taken out of its instance, and then does not come, even where it is on its way.\n"
    "A scheduled message that is being sent at that moment comes all the same; so may one whose "
    "step\n"
    "is dispatched again since its worker died.\n"
    "\n"
    "Asks on a terminal; elsewhere it needs --yes. Where that fails, run it again. Exits with 3 "
    "where there is no such timer.\n"
    "\n"
    "Examples:\n"
    "  sagabus timer cancel --store sqlite:///var/lib/orders.db '2026-11-22T17:04:05.123Z#ID'\n"
    "  sagabus timer cancel --store sqlite:///var/lib/orders.db ID --yes --json\n";

struct Options : TimerOptions {
  Consent consent;
};

asio::awaitable<Exit> cancel(Options options) {
  require_consent(options.consent, "cancel the timer");
  const SagaStore store = co_await open_timers(options.store);
  const TimerRow row = co_await find_timer(store, options.key);
  TimerReport report{row, store.backend()->timers()->now()};
  if (options.consent.dry_run) {
    report.outcome = "would be cancelled";
    print_timer(report, options.json);
    co_return Exit::done;
  }
  if (options.consent.is_asked_for())
    ask_about_timer(row, "Cancel " + escape_controls(to_text(row.key)));
  auto cancelling = cancel_timer(store, row);
  const TimerOutcome outcome = co_await std::move(cancelling);
  if (outcome == TimerOutcome::gone) {
    throw Failure(Exit::not_found, fmt::format("{} was sent or cancelled meanwhile",
                                               escape_controls(to_text(row.key))));
  }
  report.outcome = outcome == TimerOutcome::stale ? "erased, it was stale" : "cancelled";
  print_timer(report, options.json);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_timer_cancel

void add_timer_cancel(CLI::App& app, Action& action) {
  using namespace verb_timer_cancel;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = timer_group(app).add_subcommand("cancel", kDescription);
  add_timer_options(*verb, *options);
  add_timer_key(*verb, *options);
  add_consent(*verb, options->consent);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(cancel(*options)); }; });
}

}  // namespace sagabus::tools
