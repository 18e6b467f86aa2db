// sagabus timer move: makes one timer due at another time.
#include <fmt/format.h>

#include <memory>

#include "confirm.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"
#include "verbs/timer.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_timer_move {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Make one timer due at another time";

constexpr const char* kFooter =
    "A timeout is moved in its instance, and comes at the new time alone. A scheduled message that "
    "is\n"
    "being sent at that moment comes at both times, with one id. A bus looks for timers every 8 "
    "s:\n"
    "what is moved to less than 10 s from now may come so much later.\n"
    "\n"
    "Asks on a terminal; elsewhere it needs --yes. Where that fails, run it again. Exits with 3\n"
    "where there is no such timer, or its instance has no such timeout any more.\n"
    "\n"
    "Examples:\n"
    "  sagabus timer move --store sqlite:///var/lib/orders.db ID --in 0s --yes\n"
    "  sagabus timer move --store sqlite:///var/lib/orders.db '2026-11-22T17:04:05.123Z#ID' \\\n"
    "    --to 2026-12-24T18:00:00Z\n";

struct Options : TimerOptions {
  std::optional<When> when;
  Consent consent;
};

asio::awaitable<Exit> move(Options options) {
  require_consent(options.consent, "move the timer");
  const SagaStore store = co_await open_timers(options.store);
  const TimerRow row = co_await find_timer(store, options.key);
  TimerReport report{row, store.backend()->timers()->now()};
  const TimePoint to = options.when->after(report.now);
  if (options.consent.dry_run) {
    report.outcome = "would be moved to";
    report.moved_to = TimerKey{to, row.key.id};
    print_timer(report, options.json);
    co_return Exit::done;
  }
  if (options.consent.is_asked_for()) {
    ask_about_timer(
        row, fmt::format("Move {} to {}", escape_controls(to_text(row.key)), to_iso8601(to)));
  }
  auto moving = move_timer(store, row, to);
  const TimerMove moved = co_await std::move(moving);
  if (moved.outcome == TimerOutcome::stale) {
    throw Failure(Exit::not_found,
                  fmt::format("{} is stale and was not moved: the instance has no such timeout",
                              escape_controls(to_text(row.key))));
  }
  report.outcome = "moved to";
  report.moved_to = moved.key;
  print_timer(report, options.json);
  if (moved.outcome == TimerOutcome::gone) {
    fmt::print(stderr, "sagabus: it was sent or cancelled meanwhile, and is due once more now\n");
  }
  co_return Exit::done;
}

void add_times(CLI::App& verb, Options& options) {
  const auto at = [&options](const std::string& text) {
    options.when = parse_moment(text);
    if (options.when) return;
    throw CLI::ValidationError(
        fmt::format("--to: '{}', expected a time such as 2026-11-22T17:04:05Z", text));
  };
  const auto in = [&options](const std::string& text) {
    options.when = parse_when(text);
    if (options.when && !options.when->at) return;
    throw CLI::ValidationError(
        fmt::format("--in: '{}', expected a whole number and ms, s, m, h or d, such as 10m", text));
  };
  verb.add_option_function<std::string>("--to", at, "The new time, ISO 8601 with its zone")
      ->type_name("TIME");
  verb.add_option_function<std::string>("--in", in, "So long from now")
      ->type_name("DURATION")
      ->excludes(verb.get_option("--to"));
}

}  // namespace
}  // namespace verb_timer_move

void add_timer_move(CLI::App& app, Action& action) {
  using namespace verb_timer_move;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = timer_group(app).add_subcommand("move", kDescription);
  add_timer_options(*verb, *options);
  add_timer_key(*verb, *options);
  add_times(*verb, *options);
  add_consent(*verb, options->consent);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    if (!options->when) throw CLI::ValidationError("--to or --in is required: when is it due?");
    action = [options] { return run(move(*options)); };
  });
}

}  // namespace sagabus::tools
