// sagabus adopt: takes over the instances that other programs wrote to a table.
#include "sagabus/dynamodb/adopt.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "confirm.hpp"
#include "count_text.hpp"
#include "open_store.hpp"
#include "sagabus/json.hpp"
#include "terminal.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_adopt {
namespace {

namespace asio = boost::asio;
using dynamodb::Adoption;

constexpr const char* kDescription = "Take over the instances that other programs wrote to a table";

constexpr const char* kFooter =
    "For a migration from another saga-bus: an item without sagabus's own attributes gets a "
    "birth,\n"
    "and where its id is not the one that sagabus derives from the correlation id, an alias at "
    "that\n"
    "one. It keeps its id, its version and all that is in it. Then programs find it by its key, "
    "and\n"
    "need neither foreign_items nor the index.\n"
    "\n"
    "Each item is written on the condition that it is as it was read: nothing that another "
    "program\n"
    "writes meanwhile is lost. Such a program may put an item anew as it was: stop it first, or "
    "run\n"
    "this again. It may be repeated, also after it was cut short, and programs of sagabus may run\n"
    "meanwhile. An item is refused where it is no instance of the schema, where another instance "
    "has\n"
    "its correlation id, and where it is larger than 336 KB. --dry-run, and the question, know "
    "the\n"
    "correlation ids of the first million items: two of one id behind those are only refused "
    "later.\n"
    "\n"
    "Asks on a terminal; elsewhere it needs --yes or --dry-run. Exits with 1 where an item was "
    "not\n"
    "taken over, 3 where there is no table.\n"
    "\n"
    "Examples:\n"
    "  sagabus adopt --store 'dynamodb://sagas?region=us-east-1' --saga OrderSaga --dry-run\n"
    "  sagabus adopt --store 'dynamodb://sagas?region=us-east-1' --saga OrderSaga --yes --json\n";

struct Options {
  std::string store;
  std::string saga;
  bool dry_run = false;
  bool yes = false;
  bool json = false;
};

dynamodb::SagaStore open_adoptable(const std::string& uri) {
  const StoreUri parsed = parse_store_uri(uri);
  const auto* const table = std::get_if<DynamoDbUri>(&parsed);
  if (!table) {
    throw Failure(Exit::wrong_use,
                  "--store: only dynamodb://TABLE can hold instances of other programs");
  }
  if (table->key_shards > 1) {
    throw Failure(Exit::wrong_use,
                  "--store: key_shards: instances of other programs have no place in key shards");
  }
  return open_dynamodb(*table, {});
}

std::string_view outcome_text(Adoption adoption, bool dry_run) {
  if (adoption == Adoption::refused) return "refused";
  if (adoption == Adoption::changed) return "changed meanwhile";
  return dry_run ? "would be taken over" : "taken over";
}

void print(const dynamodb::ForeignItem& item, const Options& options) {
  const std::string_view outcome = outcome_text(item.adoption, options.dry_run);
  if (!options.json) {
    fmt::print("{}  {}  {}{}{}\n", escape_controls(item.saga_id),
               escape_controls(item.correlation_id), outcome, item.why.empty() ? "" : ": ",
               escape_controls(item.why));
    return;
  }
  Object out;
  out.emplace_back("saga_id", Value(item.saga_id));
  out.emplace_back("correlation_id", Value(item.correlation_id));
  out.emplace_back("outcome", Value(std::string(outcome)));
  out.emplace_back("why", item.why.empty() ? Value() : Value(item.why));
  fmt::print("{}\n", escape_controls(to_json(Value(std::move(out)))));
}

// One line on the terminal, written over again.
class Progress {
 public:
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
  }
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const dynamodb::AdoptCount& so_far) {
    if (isatty(STDERR_FILENO) == 0 || isatty(STDOUT_FILENO) != 0) return;
    fmt::print(stderr, "\r\x1b[Klooked at {}, {} taken over", count_text(so_far.looked_at, "item"),
               so_far.adopted);
    shown_ = true;
  }

 private:
  bool shown_ = false;
};

asio::awaitable<dynamodb::AdoptCount> go_through(dynamodb::SagaStore store, Options options,
                                                 bool prints) {
  Progress progress;
  dynamodb::AdoptOptions adopting;
  adopting.saga_name = options.saga;
  adopting.dry_run = options.dry_run;
  dynamodb::AdoptListener listener;
  if (prints) {
    listener.on_item = [&options](const dynamodb::ForeignItem& item) { print(item, options); };
  }
  listener.on_page = [&progress](const dynamodb::AdoptCount& count) { progress.show(count); };
  auto going = dynamodb::adopt_items(std::move(store), std::move(adopting), std::move(listener));
  co_return co_await std::move(going);
}

asio::awaitable<void> make_sure(dynamodb::SagaStore store, Options options) {
  require_terminal("take the items over");
  options.dry_run = true;
  auto looking = go_through(store, options, false);
  const dynamodb::AdoptCount count = co_await std::move(looking);
  const std::string question = fmt::format("Take over {} of {} in {}? Type the saga's name",
                                           count_text(count.adopted, "item"),
                                           escape_controls(options.saga), store.table_name());
  if (is_sure(question, options.saga)) co_return;
  throw Failure(Exit::failed, "nothing was taken over: the answer was not the saga's name");
}

asio::awaitable<Exit> adopt(Options options) {
  const dynamodb::SagaStore store = open_adoptable(options.store);
  if (!options.yes && !options.dry_run) {
    auto asking = make_sure(store, options);
    co_await std::move(asking);
  }
  auto going = go_through(store, options, true);
  const dynamodb::AdoptCount count = co_await std::move(going);
  if (!options.json) {
    fmt::print("{} {}, {} refused, {} changed meanwhile; {} were sagabus's own, {} expired\n",
               count.adopted, outcome_text(Adoption::adopted, options.dry_run), count.refused,
               count.changed, count.ours, count.expired);
  }
  const auto left = count.refused + count.changed;
  if (left == 0) co_return Exit::done;
  throw Failure(Exit::failed, fmt::format("{} {} still of another program",
                                          count_text(left, "item"), left == 1 ? "is" : "are"));
}

}  // namespace
}  // namespace verb_adopt

void add_adopt(CLI::App& app, Action& action) {
  using namespace verb_adopt;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = app.add_subcommand("adopt", kDescription);
  add_store_option(*verb, options->store);
  verb->add_option("--saga", options->saga, "The saga's name")
      ->type_name("NAME")
      ->required()
      ->check([](const std::string& name) {
        const bool fine = !name.empty() && name.front() != '$';
        return fine ? std::string() : "--saga: '" + name + "' is no name of a saga";
      });
  add_switch(*verb, "--dry-run", options->dry_run, "Only print what would be taken over");
  add_switch(*verb, "--yes", options->yes, "Do not ask");
  add_switch(*verb, "--json", options->json, "Print one JSON object a line");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(adopt(*options)); }; });
}

}  // namespace sagabus::tools
