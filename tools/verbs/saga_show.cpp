// sagabus saga show: one instance, with all that is kept of it.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "count_text.hpp"
#include "duration.hpp"
#include "pretty_json.hpp"
#include "sagabus/json.hpp"
#include "sagabus/outbox.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"
#include "text_table.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_show {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show one instance, with all that is kept of it";

constexpr const char* kFooter =
    "Prints the state, the messages that were taken in (inbox), those whose sending is not known\n"
    "to be settled (outbox), the timeouts that are set, and when a completed instance expires. "
    "With\n"
    "--json it is one object, as `saga export` writes it, which `saga import` reads; expiresInMs "
    "comes\n"
    "on top where there is an expiry.\n"
    "\n"
    "Payloads of messages are printed only with --json. Changes nothing. Exits with 3 where there\n"
    "is no such instance.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga show OrderSaga --correlation order-1 --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga show OrderSaga --id SAGA_ID --store 'dynamodb://sagas?region=us-east-1' "
    "--json\n";

struct Options : SagaOptions {
  SagaChoice choice;
};

// One instance for people.
class Sheet {
 public:
  Sheet(const Instance& instance, TimePoint now) : instance_(instance), now_(now) {}

  void print(const Watermarks& watermarks) const {
    print_head();
    fmt::print("  state\n{}\n",
               pretty_json(parse_json(write_state(instance_.state), {.max_depth = 210}), "    "));
    print_inbox();
    print_outbox(watermarks);
    print_timers();
  }

 private:
  std::string moment(TimePoint time) const {
    return fmt::format("{}, {}", distance(time, now_), to_iso8601(time));
  }

  void print_head() const {
    const bool completed = instance_.completed;
    fmt::print("{}\n", styled(name_of(instance_), Style::bold, screen_));
    fmt::print("  id       {}\n", escape_controls(instance_.saga_id));
    fmt::print(
        "  is       {}, version {}\n",
        styled(completed ? "completed" : "running", completed ? Style::dim : Style::good, screen_),
        instance_.version);
    fmt::print("  started  {}\n", moment(instance_.created_at));
    fmt::print("  written  {}\n", moment(instance_.updated_at));
    if (instance_.expires_at) fmt::print("  expires  {}\n", moment(*instance_.expires_at));
  }

  void print_inbox() const {
    const Bookkeeping& kept = instance_.bookkeeping;
    fmt::print("  inbox    {}\n", count_text(kept.inbox.size(), "message"));
    for (const InboxEntry& entry : kept.inbox) {
      fmt::print("    {}  {}\n", escape_controls(entry.message_id), moment(entry.at));
    }
    if (kept.horizon != TimePoint{})
      fmt::print("    none from before {}\n", to_iso8601(kept.horizon));
  }

  void print_outbox(const Watermarks& watermarks) const {
    const auto findings = examine_outbox(instance_, watermarks, TimePoint::max());
    fmt::print("  outbox   {}\n",
               findings.size() == 1 ? "1 entry" : fmt::format("{} entries", findings.size()));
    for (const OutboxFinding& it : findings) {
      fmt::print("    of {}, {}: worker {}, step {}\n", escape_controls(it.entry.message_id),
                 it.covered ? "settled" : styled("not settled", Style::warning, screen_),
                 escape_controls(it.entry.worker), it.entry.sequence);
      for (const OutgoingMessage& message : it.entry.messages) {
        fmt::print("      {}  {}\n", escape_controls(message.envelope->id),
                   escape_controls(message.envelope->type));
      }
    }
  }

  void print_timers() const {
    const auto& timers = instance_.bookkeeping.timers;
    fmt::print("  timers   {}\n", count_text(timers.size(), "timeout"));
    for (const Timer& timer : timers) {
      fmt::print("    {}  due {}, set {}\n", timer.name.empty() ? "-" : escape_controls(timer.name),
                 moment(timer.due), to_iso8601(timer.set_at));
    }
  }

  const Instance& instance_;
  const TimePoint now_;
  const Screen screen_ = standard_screen();
};

void print_as_json(const Instance& instance, TimePoint now) {
  std::string object = write_instance(instance, InstanceText::whole);
  if (instance.expires_at) {
    append_member(object, "expiresInMs", std::to_string((*instance.expires_at - now).count()));
  }
  print_json(object);
}

asio::awaitable<Exit> show(Options options) {
  const SagaStore store = co_await open_sagas(options.store);
  auto finding = find_saga(store, options.name, options.choice);
  const InstancePtr instance = co_await std::move(finding);
  const TimePoint now = now_of(store);
  if (options.json) {
    print_as_json(*instance, now);
    co_return Exit::done;
  }
  Watermarks watermarks;
  co_await learn_watermarks(store, *instance, watermarks);
  Sheet(*instance, now).print(watermarks);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_show

void add_saga_show(CLI::App& app, Action& action) {
  using namespace verb_saga_show;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("show", kDescription);
  add_saga_options(*verb, *options);
  add_saga_choice(*verb, options->choice);
  add_saga_json(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    require_choice(options->choice);
    action = [options] { return run(show(*options)); };
  });
}

}  // namespace sagabus::tools
