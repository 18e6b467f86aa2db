// sagabus saga export: the instances of a saga as a file of lines.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "count_text.hpp"
#include "export_file.hpp"
#include "open_store.hpp"
#include "progress.hpp"
#include "terminal.hpp"
#include "verbs/lasting_store.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_export {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Write all instances of a saga to a file";

constexpr const char* kFooter =
    "Writes one JSON object a line, which has all that it takes to make the instance again: "
    "state,\n"
    "version, times, inbox, outbox (without what is settled), timeouts. Messages that were\n"
    "scheduled for later are no part of an instance, and not in it. Only you can read the file: "
    "it\n"
    "holds your data.\n"
    "\n"
    "It may end at any point, by Ctrl-C, kill -9 or a power cut: then --resume goes on where it\n"
    "was, and no line is missing or there twice. FILE.resume beside it tells how far it is;\n"
    "FILE.done takes its place when the file is complete. What fails before anything was kept\n"
    "leaves no file. With --resume, a file that is not there is begun, a complete one of that "
    "saga\n"
    "and store is left as it is, and any other file is refused. Each instance is written as it is\n"
    "when its page is read: what changes meanwhile is in it as it was before or after. Changes no\n"
    "instance. On DynamoDB it reads all of them once.\n"
    "\n"
    "Exits with 1 where instances could not be read, as does --resume of that file from then on: "
    "mend\n"
    "them, and export to another file. Where there is no instance it says so, makes an empty file, "
    "and\n"
    "exits with 0. With --json it prints one object at the end: sagaName, file,\n"
    "instances, leftOut (could not be read) and wasComplete (so there was nothing to do).\n"
    "\n"
    "Examples:\n"
    "  sagabus saga export OrderSaga --output orders.ndjson --store sqlite:///var/lib/orders.db\n"
    "  sagabus saga export OrderSaga --output orders.ndjson --resume \\\n"
    "    --store 'dynamodb://sagas?region=us-east-1'\n";

struct Options : SagaOptions {
  std::string output;
  bool resume = false;
};

// Instances between two marks: what is written once more after a sudden end.
constexpr std::uint64_t kMarkEvery = 1000;

// Two tables of one name are two sources.
std::string place_of(const std::string& uri, const SagaStore& store) {
  std::string place = store.backend()->describe();
  const StoreUri parsed = parse_lasting_store(uri);
  const auto* const table = std::get_if<DynamoDbUri>(&parsed);
  if (!table) return place;
  const dynamodb::SagaStore there = open_dynamodb(*table, {});
  const aws::Client& client = there.client().aws();
  return fmt::format("{} in {} at {}", place, client.region(), client.endpoint().url());
}

// Zero where counting would cost as much as the export.
asio::awaitable<std::uint64_t> count_all(SagaStore store, Options options) {
  const bool is_cheap = std::holds_alternative<SqliteUri>(parse_lasting_store(options.store));
  if (!is_cheap || !Progress::is_shown()) co_return 0;
  co_return co_await store.count_by_name(options.name);
}

// `left_out` is what the listing has left out since it began.
asio::awaitable<void> write_pages(SagaStore store, std::string name, const std::uint64_t& left_out,
                                  ExportFile& file, Progress& progress) {
  FindRequest request;
  request.saga_name = std::move(name);
  request.continuation = file.mark().continuation;
  std::uint64_t saved = file.mark().count;
  const std::uint64_t left_out_before = file.mark().left_out;
  Watermarks watermarks;
  do {
    const FindPage page = co_await store.find_by_name(request);
    for (const Instance& instance : page.instances) {
      co_await learn_watermarks(store, instance, watermarks);
      file.add(write_instance(without_settled(instance, watermarks), InstanceText::whole));
    }
    file.set_left_out(left_out_before + left_out);
    request.continuation = page.continuation;
    progress.show(file.mark().count);
    // The last page has none, and without one the listing would begin anew.
    if (page.continuation.empty() || file.mark().count - saved < kMarkEvery) continue;
    file.save(page.continuation);
    saved = file.mark().count;
  } while (!request.continuation.empty());
}

void print_for_people(const ExportMark& mark, bool was_complete, const Options& options) {
  if (was_complete) {
    fmt::print("{} is complete\n", escape_controls(options.output));
  } else {
    fmt::print("{} of {} {} in {}\n", count_text(mark.count, "instance"),
               escape_controls(options.name), mark.count == 1 ? "is" : "are",
               escape_controls(options.output));
  }
}

void report(const ExportMark& mark, bool was_complete, const Options& options) {
  if (mark.count == 0 && mark.left_out == 0) {
    fmt::print(stderr, "sagabus: there is no instance of {}: is that the saga's name?\n",
               escape_controls(mark.source));
  }
  if (options.json) {
    Object out{{"sagaName", Value(options.name)}};
    out.emplace_back("file", Value(options.output));
    out.emplace_back("instances", Value(mark.count));
    out.emplace_back("leftOut", Value(mark.left_out));
    out.emplace_back("wasComplete", Value(was_complete));
    print_object(std::move(out));
  }
  if (mark.left_out > 0) {
    throw Failure(Exit::failed,
                  fmt::format("{} holds {}, without {} that could not be read: mend what could "
                              "not, and export to another file",
                              options.output, count_text(mark.count, "instance"), mark.left_out));
  }
  if (!options.json) print_for_people(mark, was_complete, options);
}

asio::awaitable<Exit> write(Options options) {
  const auto left_out = std::make_shared<std::uint64_t>(0);
  auto opening = open_sagas(options.store, left_out);
  const SagaStore store = co_await std::move(opening);
  const std::string source = options.name + " in " + place_of(options.store, store);
  ExportFile file = ExportFile::open(options.output, source, options.resume);
  const bool was_complete = file.is_complete();
  if (!was_complete) {
    auto counting = count_all(store, options);
    const std::uint64_t all = co_await std::move(counting);
    Progress progress("instances", all);
    auto writing = write_pages(store, options.name, *left_out, file, progress);
    co_await std::move(writing);
    file.finish();
  }
  report(file.mark(), was_complete, options);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_saga_export

void add_saga_export(CLI::App& app, Action& action) {
  using namespace verb_saga_export;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("export", kDescription);
  add_saga_options(*verb, *options);
  verb->add_option("--output", options->output, "The file to write")
      ->type_name("FILE")
      ->required()
      ->check([](const std::string& path) {
        return path.empty() ? std::string("empty") : std::string();
      });
  add_switch(*verb, "--json", options->json, "Print the counts as a JSON object");
  add_switch(*verb, "--resume", options->resume, "Go on with a file that is not complete");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(write(*options)); }; });
}

}  // namespace sagabus::tools
