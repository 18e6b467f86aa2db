// sagabus saga stuck: running instances that nothing has written to for long.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "duration.hpp"
#include "progress.hpp"
#include "sagabus/json.hpp"
#include "sagabus/outbox.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"
#include "text_table.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_stuck {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show running instances that nothing has written to for long";

constexpr const char* kFooter =
    "Goes through all running instances of the saga, and prints those that were last written so "
    "long\n"
    "ago, with what they wait for: timeouts that are set, and messages whose sending no worker "
    "has\n"
    "reported as done, which `sagabus outbox redispatch` sends again. An instance that waits for\n"
    "neither waits for a message from elsewhere: look whether it is among the dead letters\n"
    "(`sagabus dlq list`). A timeout that is overdue says that no bus fires timers.\n"
    "\n"
    "Changes nothing. Exits with 0, whether or not there are any.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga stuck OrderSaga --idle 30m --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga stuck OrderSaga --idle 2d --store 'dynamodb://sagas?region=us-east-1' --json\n";

struct Options : SagaOptions {
  std::optional<std::chrono::milliseconds> idle;
  unsigned limit = 1000;
};

struct Stuck {
  const Instance& instance;
  std::vector<OutboxFinding> left_over;
  TimePoint now{};
};

Value timer_value(const Timer& timer, TimePoint now) {
  Object out;
  out.emplace_back("name", timer.name.empty() ? Value() : Value(timer.name));
  out.emplace_back("due", Value(to_iso8601(timer.due)));
  out.emplace_back("dueInMs", Value(std::int64_t{(timer.due - now).count()}));
  return Value(std::move(out));
}

Value left_over_value(const OutboxFinding& finding) {
  const bool known = finding.taken_at != TimePoint{};
  Array messages;
  for (const OutgoingMessage& message : finding.entry.messages) {
    messages.emplace_back(
        Object{{"id", Value(message.envelope->id)}, {"type", Value(message.envelope->type)}});
  }
  Object out;
  out.emplace_back("messageId", Value(finding.entry.message_id));
  out.emplace_back("takenAt", known ? Value(to_iso8601(finding.taken_at)) : Value());
  out.emplace_back("messages", Value(std::move(messages)));
  return Value(std::move(out));
}

void print_as_json(const Stuck& stuck) {
  std::string object = write_instance(stuck.instance, InstanceText::published);
  append_member(object, "idleMs", std::to_string((stuck.now - stuck.instance.updated_at).count()));
  Array timers;
  for (const Timer& timer : stuck.instance.bookkeeping.timers) {
    timers.push_back(timer_value(timer, stuck.now));
  }
  append_member(object, "timers", to_json(Value(std::move(timers))));
  Array left_over;
  for (const OutboxFinding& finding : stuck.left_over)
    left_over.push_back(left_over_value(finding));
  append_member(object, "leftOver", to_json(Value(std::move(left_over))));
  print_json(object);
}

void print_for_people(const Stuck& stuck, const Screen& screen) {
  const Instance& instance = stuck.instance;
  fmt::print("{}  {}  idle {}, version {}\n",
             styled(escape_controls(instance.correlation_id), Style::bold, screen),
             escape_controls(instance.saga_id), age_text(stuck.now - instance.updated_at),
             instance.version);
  for (const Timer& timer : instance.bookkeeping.timers) {
    const bool late = timer.due < stuck.now;
    fmt::print("  timeout    {}  {}{}, {}\n",
               timer.name.empty() ? "-" : escape_controls(timer.name),
               late ? styled("overdue: ", Style::warning, screen) : "",
               distance(timer.due, stuck.now), to_iso8601(timer.due));
  }
  for (const OutboxFinding& finding : stuck.left_over) {
    for (const OutgoingMessage& message : finding.entry.messages) {
      fmt::print("  left over  {}  {}\n", escape_controls(message.envelope->id),
                 escape_controls(message.envelope->type));
    }
    if (finding.entry.messages.empty()) {
      fmt::print("  left over  timers of the step that took in {}\n",
                 escape_controls(finding.entry.message_id));
    }
  }
  if (instance.bookkeeping.timers.empty() && stuck.left_over.empty()) {
    fmt::print("  waits for a message: no timeout is set, and nothing is left in its outbox\n");
  }
}

asio::awaitable<Exit> list(Options options) {
  const SagaStore store = co_await open_sagas(options.store);
  const TimePoint now = now_of(store);
  SagaFilter filter;
  filter.updated_before = later(now, -*options.idle);
  const Screen screen = standard_screen();
  Watermarks watermarks;
  unsigned count = 0;
  bool more = false;
  Progress looked_at("instances looked at", 0);
  std::uint64_t seen = 0;
  FindRequest request;
  request.saga_name = options.name;
  request.completed = false;
  do {
    const FindPage page = co_await store.find_by_name(request);
    for (const Instance& instance : page.instances) {
      if (!matches(filter, instance)) continue;
      more = count == options.limit;
      if (more) break;
      co_await learn_watermarks(store, instance, watermarks);
      Stuck stuck{instance, examine_outbox(instance, watermarks, TimePoint::max()), now};
      std::erase_if(stuck.left_over, [](const OutboxFinding& it) { return it.covered; });
      looked_at.hide();
      options.json ? print_as_json(stuck) : print_for_people(stuck, screen);
      ++count;
    }
    seen += page.instances.size();
    request.continuation = page.continuation;
    if (!request.continuation.empty()) looked_at.show(seen);
  } while (!request.continuation.empty() && !more);
  looked_at.hide();
  if (more) fmt::print(stderr, "sagabus: there are more: give a higher --limit\n");
  if (count == 0 && !options.json) fmt::print("nothing is stuck\n");
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_stuck

void add_saga_stuck(CLI::App& app, Action& action) {
  using namespace verb_saga_stuck;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("stuck", kDescription);
  add_saga_options(*verb, *options);
  add_saga_json(*verb, *options);
  add_duration_option(*verb, "--idle", options->idle, "Only those last written before that");
  verb->get_option("--idle")->required();
  add_count_option(*verb, "--limit", options->limit, "Instances to print at most", 1, 10'000'000);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(list(*options)); }; });
}

}  // namespace sagabus::tools
