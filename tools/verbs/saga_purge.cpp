// sagabus saga purge: removes completed instances.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "confirm.hpp"
#include "count_text.hpp"
#include "progress.hpp"
#include "sagabus/error.hpp"
#include "sagabus/outbox.hpp"
#include "sagabus/time_text.hpp"
#include "terminal.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_purge {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Remove completed instances of a saga";

constexpr const char* kFooter =
    "Removes instances that are completed and were last written before that time, which has "
    "passed;\n"
    "a date means its beginning, UTC. Those of which messages are not known to have left stay,\n"
    "unless --force is given (`sagabus outbox list` shows them), and so does one that is written\n"
    "meanwhile. A message that one took in and that comes again may start it anew: choose a time\n"
    "that is longer ago than your transport keeps messages.\n"
    "\n"
    "Asks on a terminal; elsewhere it needs --yes. Where it fails or is interrupted, run it "
    "again.\n"
    "With --json it prints one object at the end: sagaName, removed, writtenMeanwhile (left),\n"
    "unsettled (messages are not known to have left; left without --force) and dryRun.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga purge OrderSaga --completed-before 2026-01-01 --dry-run \\\n"
    "    --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga purge OrderSaga --completed-before 2026-01-01T12:00:00+01:00 --yes \\\n"
    "    --store 'dynamodb://sagas?region=us-east-1'\n";

struct Options : SagaOptions {
  std::optional<TimePoint> before;
  Consent consent;
  bool force = false;
};

struct Counts {
  std::uint64_t chosen = 0;
  std::uint64_t removed = 0;
  std::uint64_t unsettled = 0;
};

std::optional<TimePoint> parse_date(const std::string& text) {
  constexpr std::size_t kDate = sizeof "2026-01-01" - 1;
  try {
    const SplitTime time = parse_iso8601(text.size() == kDate ? text + "T00:00:00Z" : text);
    return time.seconds + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
  } catch (const ValidationError&) {
    return std::nullopt;
  }
}

// One run of the verb.
class Purge {
 public:
  Purge(SagaStore store, Options options)
      : store_(std::move(store)), options_(std::move(options)) {}

  // Goes through all of them, and removes them or only counts.
  asio::awaitable<Counts> go(bool removes, std::uint64_t all) {
    Counts counts;
    Progress progress(removes ? "removed" : "counted", all);
    FindRequest request;
    request.saga_name = options_.name;
    request.completed = true;
    do {
      const FindPage page = co_await store_.find_by_name(request);
      std::vector<InstancePtr> chosen;
      for (const Instance& instance : page.instances) {
        if (instance.updated_at >= *options_.before) continue;
        auto examining = is_settled(instance);
        const bool settled = co_await std::move(examining);
        if (!settled) ++counts.unsettled;
        if (settled || options_.force) chosen.push_back(std::make_shared<const Instance>(instance));
      }
      counts.chosen += chosen.size();
      if (removes) {
        auto removing = delete_instances(store_, std::move(chosen));
        counts.removed += co_await std::move(removing);
      }
      progress.show(removes ? counts.removed : counts.chosen);
      request.continuation = page.continuation;
    } while (!request.continuation.empty());
    co_return counts;
  }

 private:
  asio::awaitable<bool> is_settled(const Instance& instance) {
    if (instance.bookkeeping.outbox.empty()) co_return true;
    co_await learn_watermarks(store_, instance, watermarks_);
    const auto findings = examine_outbox(instance, watermarks_, TimePoint::max());
    co_return std::all_of(findings.begin(), findings.end(),
                          [](const OutboxFinding& it) { return it.covered; });
  }

  const SagaStore store_;
  const Options options_;
  Watermarks watermarks_;
};

void print_for_people(const Counts& counts, const Options& options) {
  const bool dry_run = options.consent.dry_run;
  const std::uint64_t gone = dry_run ? counts.chosen : counts.removed;
  const char* const are = dry_run ? "would be" : gone == 1 ? "is" : "are";
  fmt::print("{} {} removed\n", count_text(gone, "instance"), are);
  if (gone < counts.chosen) {
    fmt::print("{} {} written meanwhile: left\n", counts.chosen - gone,
               counts.chosen - gone == 1 ? "was" : "were");
  }
  if (counts.unsettled == 0) return;
  fmt::print("{} of them {} messages that are not known to have left{}\n", counts.unsettled,
             counts.unsettled == 1 ? "has" : "have",
             options.force ? "" : ": left, see `sagabus outbox` and --force");
}

void report(const Counts& counts, const Options& options) {
  if (!options.json) return print_for_people(counts, options);
  const bool dry_run = options.consent.dry_run;
  Object out{{"sagaName", Value(options.name)}};
  out.emplace_back("removed", Value(dry_run ? counts.chosen : counts.removed));
  out.emplace_back("writtenMeanwhile", Value(dry_run ? 0 : counts.chosen - counts.removed));
  out.emplace_back("unsettled", Value(counts.unsettled));
  out.emplace_back("dryRun", Value(dry_run));
  print_object(std::move(out));
}

void ask(const Options& options, const Counts& counts) {
  const std::string question =
      fmt::format("Remove {} of {} last written before {}? Type the saga's name",
                  count_text(counts.chosen, "completed instance"), escape_controls(options.name),
                  to_iso8601(*options.before));
  if (is_sure(question, options.name)) return;
  throw Failure(Exit::failed, "nothing was removed: the answer was not the saga's name");
}

// What completes later is not what somebody asked about, or looked at.
void require_past(const Options& options, TimePoint now) {
  if (*options.before <= now) return;
  throw Failure(Exit::wrong_use,
                fmt::format("--completed-before: {} is in the future: give a time that has passed",
                            to_iso8601(*options.before)));
}

asio::awaitable<Exit> purge(Options options) {
  require_consent(options.consent, "remove instances");
  const SagaStore store = co_await open_sagas(options.store);
  require_past(options, now_of(store));
  Purge work(store, options);
  Counts found;
  if (!options.consent.yes || options.consent.dry_run) {
    auto counting = work.go(false, 0);
    found = co_await std::move(counting);
  }
  // Where there was none there was nothing to ask about: none is removed.
  if (options.consent.dry_run || (options.consent.is_asked_for() && found.chosen == 0)) {
    report(found, options);
    co_return Exit::done;
  }
  if (options.consent.is_asked_for()) ask(options, found);
  auto removing = work.go(true, found.chosen);
  const Counts counts = co_await std::move(removing);
  report(counts, options);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_purge

void add_saga_purge(CLI::App& app, Action& action) {
  using namespace verb_saga_purge;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("purge", kDescription);
  add_saga_options(*verb, *options);
  const auto read = [options](const std::string& text) {
    options->before = parse_date(text);
    if (options->before) return;
    throw CLI::ValidationError(
        fmt::format("--completed-before: '{}', expected a date such as 2026-01-01, or a time with "
                    "its zone such "
                    "as 2026-01-01T12:00:00Z",
                    text));
  };
  verb->add_option_function<std::string>("--completed-before", read,
                                         "Only those last written before that")
      ->type_name("DATE")
      ->required();
  add_consent(*verb, options->consent);
  add_saga_json(*verb, *options);
  add_switch(*verb, "--force", options->force, "Also where messages may be lost");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(purge(*options)); }; });
}

}  // namespace sagabus::tools
