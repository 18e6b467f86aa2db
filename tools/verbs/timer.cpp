#include "verbs/timer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "confirm.hpp"
#include "duration.hpp"
#include "open_store.hpp"
#include "pretty_json.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

Value state_value(const std::optional<TimerFinding>& finding) {
  if (!finding) return {};
  switch (finding->state) {
    case TimerState::message:
      return {};
    case TimerState::current:
      return Value("current");
    case TimerState::moved:
      return Value("moved");
    case TimerState::stale:
      return Value("stale");
  }
  return {};
}

void add_finding(const TimerReport& report, Object& out) {
  const bool known = report.finding && report.finding->timer;
  out.emplace_back("state", state_value(report.finding));
  out.emplace_back("instance_due", known ? Value(to_iso8601(report.finding->timer->due)) : Value());
  out.emplace_back("set_at", known ? Value(to_iso8601(report.finding->timer->set_at)) : Value());
}

Value to_json_value(const TimerReport& report) {
  const TimerRow& row = report.row;
  const std::optional<Timeout> timeout = read_timeout(row);
  const Timeout of = timeout.value_or(Timeout{});
  Object out{{"key", Value(to_text(row.key))}};
  out.emplace_back("due", Value(to_iso8601(row.key.due)));
  out.emplace_back("due_in_ms", Value(std::int64_t{(row.key.due - report.now).count()}));
  out.emplace_back("kind", Value(timeout ? "timeout" : "message"));
  out.emplace_back("type", Value(row.envelope->type));
  out.emplace_back("endpoint", text_or_null(row.endpoint));
  out.emplace_back("saga_id", text_or_null(of.saga_id));
  out.emplace_back("correlation_id", text_or_null(of.correlation_id));
  out.emplace_back("timeout", text_or_null(of.name));
  add_finding(report, out);
  if (!report.outcome.empty()) out.emplace_back("outcome", Value(std::string(report.outcome)));
  if (report.moved_to) out.emplace_back("moved_to", Value(to_text(*report.moved_to)));
  if (report.whole) out.emplace_back("message", parse_json(to_json(*row.envelope)));
  return Value(std::move(out));
}

std::string distance(TimePoint due, TimePoint now) {
  return due < now ? age_text(now - due) + " ago" : "in " + age_text(due - now);
}

void print_finding(const TimerFinding& finding) {
  if (finding.state == TimerState::stale) {
    fmt::print("  is       stale: the instance has no such timeout\n");
  } else if (finding.timer) {
    const bool moved = finding.state == TimerState::moved;
    fmt::print("  is       {}, due {}\n", moved ? "moved" : "current",
               to_iso8601(finding.timer->due));
    fmt::print("  set      {}\n", to_iso8601(finding.timer->set_at));
  }
}

void print_for_people(const TimerReport& report) {
  const TimerRow& row = report.row;
  const std::optional<Timeout> timeout = read_timeout(row);
  fmt::print("{}  {}\n", escape_controls(to_text(row.key)), distance(row.key.due, report.now));
  if (timeout) {
    fmt::print("  timeout  {}\n", timeout->name.empty() ? "-" : escape_controls(timeout->name));
    fmt::print("  of       {}  {}  {}\n", escape_controls(timeout->saga_name),
               escape_controls(timeout->saga_id), escape_controls(timeout->correlation_id));
  } else {
    fmt::print("  message  {}\n", escape_controls(row.envelope->type));
    if (!row.endpoint.empty()) fmt::print("  to       {}\n", escape_controls(row.endpoint));
  }
  if (report.finding) print_finding(*report.finding);
  if (report.moved_to) {
    fmt::print("  {:<8} {}\n", report.outcome, escape_controls(to_text(*report.moved_to)));
  } else if (!report.outcome.empty()) {
    fmt::print("  {}\n", report.outcome);
  }
  if (report.whole) fmt::print("  holds    {}\n", escape_controls(to_json(*row.envelope)));
}

}  // namespace

CLI::App& timer_group(CLI::App& app) {
  const auto made = app.get_subcommands([](const CLI::App* a) { return a->get_name() == "timer"; });
  if (!made.empty()) return *made.front();
  CLI::App* const group =
      app.add_subcommand("timer", "Show, cancel and move timeouts and scheduled messages");
  group->footer(
      "Examples:\n"
      "  sagabus timer list --store sqlite:///var/lib/orders.db --until 24h\n"
      "  sagabus timer move --help\n");
  return *group;
}

void add_timer_options(CLI::App& verb, TimerOptions& options) {
  add_store_option(verb, options.store);
  add_switch(verb, "--json", options.json, "Print one JSON object a line");
}

void add_timer_key(CLI::App& verb, TimerOptions& options) {
  verb.add_option("key", options.key,
                  "As `list` prints it; or what is\nbehind its #, alone, and after --\nwhere that "
                  "begins with -")
      ->type_name("KEY")
      ->required();
}

std::optional<When> parse_moment(std::string_view text) {
  try {
    const SplitTime time = parse_iso8601(text);
    When when;
    when.at = time.seconds + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
    return when;
  } catch (const ValidationError&) {
    return std::nullopt;
  }
}

std::optional<When> parse_when(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) return parse_moment(text);
  When when;
  when.in = *duration;
  return when;
}

asio::awaitable<SagaStore> open_timers(std::string uri) {
  const SagaStore store = open_store(parse_lasting_store(uri), {});
  if (!store.backend()->timers()) {
    throw Unsupported(fmt::format("{}: this store keeps no timers", store.backend()->describe()));
  }
  co_await store.backend()->prepare();
  co_return store;
}

asio::awaitable<TimerRow> find_timer(SagaStore store, std::string key) {
  std::vector<TimerRow> found = co_await find_timers(store, key);
  if (found.empty()) {
    throw Failure(Exit::not_found,
                  fmt::format("no timer has the key or the id {}: it was sent or cancelled, or "
                              "never set",
                              escape_controls(key)));
  }
  if (found.size() > 1) {
    std::vector<std::string> keys;
    for (const TimerRow& row : found) keys.push_back(escape_controls(to_text(row.key)));
    throw Failure(Exit::wrong_use,
                  fmt::format("{} timers have the id {}, choose one of: {}", found.size(),
                              escape_controls(key), fmt::join(keys, ", ")));
  }
  co_return std::move(found.front());
}

void ask_about_timer(const TimerRow& row, const std::string& question) {
  const std::string& id = row.key.id;
  if (is_sure(fmt::format("{}? Type its id, {}", question, escape_controls(id)), id)) return;
  throw Failure(Exit::failed, "nothing was changed: the answer was not the timer's id");
}

void print_timer(const TimerReport& report, bool json) {
  if (json) {
    fmt::print("{}\n", escape_controls(to_json(to_json_value(report))));
  } else {
    print_for_people(report);
  }
}

}  // namespace sagabus::tools
