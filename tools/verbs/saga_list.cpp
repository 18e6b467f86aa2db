// sagabus saga list: the instances of a saga.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "duration.hpp"
#include "progress.hpp"
#include "text_table.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_list {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show the instances of a saga";

constexpr const char* kFooter =
    "AGE is since an instance was started, IDLE since it was last written. --where names a field\n"
    "of the state, with dots on the way to it (address.city, items.0.sku), and the text that it\n"
    "must have; given several times, all must hold. On a terminal, rows are cut to its width;\n"
    "colours are left out where NO_COLOR is set. With --json each line is an object: sagaName,\n"
    "sagaId, correlationId, version, isCompleted, state, createdAt, updatedAt, and ttl where it "
    "has\n"
    "an expiry.\n"
    "\n"
    "Reads until it has found --limit of them, all instances where it does not. Changes nothing.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga list OrderSaga --store sqlite:///var/lib/orders.db --running --older-than 1h\n"
    "  sagabus saga list OrderSaga --store 'dynamodb://sagas?region=us-east-1' \\\n"
    "    --where status=paid --where items.0.sku=A-1 --json\n";

struct Options : SagaOptions {
  bool running = false;
  bool completed = false;
  std::optional<std::chrono::milliseconds> older_than;
  std::vector<StateCondition> where;
  unsigned limit = 1000;
};

// Prints one after the other.
class Listing {
 public:
  Listing(bool json, TimePoint now) : json_(json), now_(now) {}

  void print(const Instance& instance) {
    ++count_;
    if (json_) {
      print_json(write_instance(instance, InstanceText::published));
    } else {
      fmt::print("{}", table_.add(row(instance)));
    }
  }

  void finish() {
    if (json_) return;
    fmt::print("{}", count_ == 0 ? std::string("there are no such instances\n") : table_.finish());
  }

  unsigned count() const { return count_; }

 private:
  std::vector<Cell> row(const Instance& instance) const {
    return {{instance.correlation_id},
            {instance.completed ? "completed" : "running",
             instance.completed ? Style::dim : Style::good},
            {std::to_string(instance.version)},
            {age_text(now_ - instance.created_at)},
            {age_text(now_ - instance.updated_at)},
            {write_state(instance.state)}};
  }

  const bool json_;
  const TimePoint now_;
  TextTable table_{{{"CORRELATION ID"},
                    {"STATUS"},
                    {"VERSION", true},
                    {"AGE", true},
                    {"IDLE", true},
                    {"STATE", false, 60}},
                   standard_screen()};
  unsigned count_ = 0;
};

asio::awaitable<Exit> list(Options options) {
  const SagaStore store = co_await open_sagas(options.store);
  const TimePoint now = now_of(store);
  SagaFilter filter;
  filter.where = options.where;
  if (options.older_than) filter.created_before = later(now, -*options.older_than);
  Listing listing(options.json, now);
  bool more = false;
  Progress looked_at("instances looked at", 0);
  std::uint64_t seen = 0;
  FindRequest request;
  request.saga_name = options.name;
  if (options.running || options.completed) request.completed = options.completed;
  const bool takes_all = filter.where.empty() && !filter.created_before;
  do {
    // One more tells that there are more.
    if (takes_all) {
      request.limit = std::min(request.limit, std::size_t{options.limit} + 1 - listing.count());
    }
    const FindPage page = co_await store.find_by_name(request);
    for (const Instance& instance : page.instances) {
      if (!matches(filter, instance)) continue;
      more = listing.count() == options.limit;
      if (more) break;
      looked_at.hide();
      listing.print(instance);
    }
    seen += page.instances.size();
    request.continuation = page.continuation;
    if (!request.continuation.empty()) looked_at.show(seen);
  } while (!request.continuation.empty() && !more);
  looked_at.hide();
  listing.finish();
  if (more) fmt::print(stderr, "sagabus: there are more: give a higher --limit\n");
  co_return Exit::done;
}

void add_where(CLI::App& verb, std::vector<StateCondition>& where) {
  const auto read = [&where](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      const std::size_t equals = text.find('=');
      if (equals == std::string::npos || equals == 0) {
        throw CLI::ValidationError(
            fmt::format("--where: '{}', expected FIELD=TEXT, such as status=paid", text));
      }
      where.push_back({text.substr(0, equals), text.substr(equals + 1)});
    }
  };
  verb.add_option_function<std::vector<std::string>>("--where", read,
                                                     "Only where the state has that")
      ->type_name("FIELD=TEXT")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false);
}

}  // namespace
}  // namespace verb_saga_list

void add_saga_list(CLI::App& app, Action& action) {
  using namespace verb_saga_list;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("list", kDescription);
  add_saga_options(*verb, *options);
  add_saga_json(*verb, *options);
  add_switch(*verb, "--running", options->running, "Only those that are not completed");
  add_switch(*verb, "--completed", options->completed, "Only completed ones");
  verb->get_option("--completed")->excludes(verb->get_option("--running"));
  add_duration_option(*verb, "--older-than", options->older_than, "Only those started before that");
  add_where(*verb, options->where);
  add_count_option(*verb, "--limit", options->limit, "Instances to print at most", 1, 10'000'000);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(list(*options)); }; });
}

}  // namespace sagabus::tools
