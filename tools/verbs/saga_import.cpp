// sagabus saga import: puts the instances of a file into a store.
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "confirm.hpp"
#include "count_text.hpp"
#include "line_file.hpp"
#include "progress.hpp"
#include "sagabus/error.hpp"
#include "terminal.hpp"
#include "verbs/saga.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_saga_import {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Put the instances of a file into a store";

constexpr const char* kFooter =
    "Reads what `saga export` wrote. An instance is put where there is none, with its version, "
    "its\n"
    "times, its inbox and outbox, and rows for its timeouts, which then come. Where another one "
    "has\n"
    "its id, that one stays, unless --replace is given; then it is overwritten as it was read, "
    "with\n"
    "what it has yet to send, and the new one has the version after it: the verb asks on a "
    "terminal,\n"
    "and needs --yes elsewhere. The file is read twice: where a line cannot be read, or the "
    "export\n"
    "is not complete, nothing is put. What the store refuses, such as an item over 400 KB, is "
    "said\n"
    "line by line, and the others are put.\n"
    "\n"
    "Exits with 1 where something failed, else with 4 where another one was left where it is, and\n"
    "with 0 where all that the file has is in the store. With --json the counts are one object: "
    "put,\n"
    "replaced, same (was there just so), kept (another one has its id), taken (an instance of "
    "another\n"
    "id has its correlation id), failed, dryRun, which sees no refusals of the store, and "
    "interrupted:\n"
    "it failed or was interrupted on the way, and the counts are the least that was done.\n"
    "\n"
    "May be repeated, and run again after it failed or was interrupted: it says with which "
    "--from-line\n"
    "it has less to do. Stop the buses of the saga\n"
    "before --replace: they would do again what the file does not know of. On DynamoDB completed\n"
    "instances expire as the ttl_days of --store say, counted from their last write: give those "
    "of\n"
    "your program.\n"
    "\n"
    "Examples:\n"
    "  sagabus saga import orders.ndjson --store sqlite:///var/lib/orders.db --dry-run\n"
    "  sagabus saga import orders.ndjson --store 'dynamodb://sagas?region=us-east-1&ttl_days=7'\n";

struct Options {
  std::string store;
  std::string file;
  bool yes = false;
  bool json = false;
  std::uint64_t from_line = 1;
  ImportOptions how;
};

constexpr std::size_t kBatch = 256;
constexpr std::size_t kBatchBytes = std::size_t{8} * 1024 * 1024;
constexpr std::uint64_t kBytesBetweenPauses = std::uint64_t{1} << 20;

Instance read_line(const std::string& path, const LineFile& file, const std::string& line) {
  try {
    return read_instance(line);
  } catch (const ValidationError& error) {
    throw Failure(Exit::wrong_use, fmt::format("{}, line {}: {}; nothing was put", path,
                                               file.number(), error.what()));
  }
}

// Before anything is put. Pauses now and then, to hear of Ctrl-C.
asio::awaitable<void> check_all(std::string path, std::uint64_t from_line) {
  const auto executor = co_await asio::this_coro::executor;
  LineFile file(path);
  Progress progress("bytes checked", file.size());
  std::uint64_t next_pause = kBytesBetweenPauses;
  for (std::string line; file.next(line);) {
    read_line(path, file, line);
    progress.show(file.offset());
    if (file.offset() < next_pause) continue;
    next_pause = file.offset() + kBytesBetweenPauses;
    co_await asio::post(executor, asio::use_awaitable);
  }
  if (from_line > 1 && from_line > file.number()) {
    throw Failure(Exit::wrong_use, fmt::format("--from-line: {} has only {}; nothing was put", path,
                                               count_text(file.number(), "line")));
  }
}

// One run through the file.
class Import {
 public:
  Import(SagaStore store, const Options& options)
      : store_(std::move(store)), path_(options.file), how_(options.how), file_(options.file) {
    std::string passed;
    while (file_.number() + 1 < options.from_line && file_.next(passed)) {
    }
    how_.on_refused = [this](std::size_t index, const std::string& why) {
      fmt::print(stderr, "sagabus: {}, line {}: was not put: {}\n", escape_controls(path_),
                 first_line_ + index, escape_controls(why));
    };
  }
  Import(const Import&) = delete;
  Import& operator=(const Import&) = delete;

  asio::awaitable<void> go() {
    Progress progress("bytes", file_.size());
    for (std::vector<Instance> batch = read_batch(); !batch.empty(); batch = read_batch()) {
      auto importing = import_instances(store_, std::move(batch), how_);
      counts_ += co_await std::move(importing);
      progress.show(file_.offset());
    }
  }

  const ImportCounts& counts() const { return counts_; }
  std::uint64_t first_line() const { return first_line_; }  // of the last batch

 private:
  // As many as are put at once; empty at the end.
  std::vector<Instance> read_batch() {
    std::vector<Instance> batch;
    std::size_t bytes = 0;
    std::string line;
    first_line_ = file_.number() + 1;
    while (batch.size() < kBatch && bytes < kBatchBytes && file_.next(line)) {
      bytes += line.size();
      batch.push_back(read_line(path_, file_, line));
    }
    return batch;
  }

  const SagaStore store_;
  const std::string path_;
  ImportOptions how_;
  LineFile file_;
  std::uint64_t first_line_ = 1;
  ImportCounts counts_;
};

void print_for_people(const ImportCounts& counts, bool interrupted, const ImportOptions& how) {
  const char* const would_be = how.dry_run ? "would be " : "";
  const char* const at_least = interrupted ? "at least " : "";
  fmt::print("{}put: {}{}\n", would_be, at_least, counts.put);
  fmt::print("{}replaced: {}{}\n", would_be, at_least, counts.replaced);
  fmt::print("skipped, there already: {}{}\n", at_least, counts.same);
  fmt::print("skipped, another one is there: {}{}{}\n", at_least, counts.kept,
             counts.kept > 0 ? " (see --replace)" : "");
  fmt::print("skipped, its correlation id is taken: {}{}\n", at_least, counts.taken);
  fmt::print("failed: {}{}\n", at_least, counts.refused);
}

// Where it was interrupted, some of the last batch may be put that are not counted.
void report(const ImportCounts& counts, bool interrupted, const Options& options) {
  if (!options.json) return print_for_people(counts, interrupted, options.how);
  Object out{{"put", Value(counts.put)}};
  out.emplace_back("replaced", Value(counts.replaced));
  out.emplace_back("same", Value(counts.same));
  out.emplace_back("kept", Value(counts.kept));
  out.emplace_back("taken", Value(counts.taken));
  out.emplace_back("failed", Value(counts.refused));
  out.emplace_back("dryRun", Value(options.how.dry_run));
  out.emplace_back("interrupted", Value(interrupted));
  print_object(std::move(out));
}

[[noreturn]] void fail(const std::exception_ptr& failure, std::uint64_t first_line) {
  const std::string how_to_go_on = fmt::format(
      "; not all is put from line {0} on: run it again, with --from-line {0}", first_line);
  if (is_cancellation(failure)) throw Failure(Exit::interrupted, "interrupted" + how_to_go_on);
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    throw Failure(exit_of(error), error.what() + how_to_go_on);
  }
}

asio::awaitable<Exit> put_all(Options options) {
  const SagaStore store = co_await open_sagas(options.store);
  Import work(store, options);
  std::exception_ptr failure;
  try {
    auto going = work.go();
    co_await std::move(going);
  } catch (...) {
    failure = std::current_exception();
  }
  const ImportCounts& counts = work.counts();
  report(counts, failure != nullptr, options);
  if (failure) fail(failure, work.first_line());
  if (counts.refused > 0) {
    throw Failure(Exit::failed, fmt::format("{} {} not put", count_text(counts.refused, "instance"),
                                            counts.refused == 1 ? "was" : "were"));
  }
  co_return counts.kept + counts.taken > 0 ? Exit::differs : Exit::done;
}

asio::awaitable<Exit> put(Options options) {
  if (std::filesystem::exists(options.file + ".resume")) {
    throw Failure(
        Exit::wrong_use,
        fmt::format("{} is not complete: `saga export --resume` goes on with it", options.file));
  }
  const bool sure = !options.how.replace || options.how.dry_run || options.yes;
  if (!sure) require_terminal("overwrite instances");
  auto checking = check_all(options.file, options.from_line);
  co_await std::move(checking);
  if (!sure &&
      !is_sure("Overwrite what differs, with what it has yet to send? Type replace", "replace")) {
    throw Failure(Exit::failed, "nothing was put: the answer was not replace");
  }
  auto putting = put_all(std::move(options));
  co_return co_await std::move(putting);
}

void add_from_line(CLI::App& verb, std::uint64_t& line) {
  const auto read = [&line](const std::string& text) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, line);
    if (error == std::errc() && stop == end && line > 0) return;
    throw CLI::ValidationError(
        fmt::format("--from-line: '{}', expected a whole number from 1", text));
  };
  verb.add_option_function<std::string>("--from-line", read, "Put those of that line and after it")
      ->type_name("N");
}

}  // namespace
}  // namespace verb_saga_import

void add_saga_import(CLI::App& app, Action& action) {
  using namespace verb_saga_import;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = saga_group(app).add_subcommand("import", kDescription);
  add_store_option(*verb, options->store);
  verb->add_option("file", options->file, "What `saga export` wrote")
      ->type_name("FILE")
      ->required();
  add_switch(*verb, "--replace", options->how.replace, "Overwrite what differs");
  add_switch(*verb, "--yes", options->yes, "Do not ask before --replace");
  add_switch(*verb, "--dry-run", options->how.dry_run, "Only say what would be done");
  add_switch(*verb, "--json", options->json, "Print the counts as a JSON object");
  add_from_line(*verb, options->from_line);
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(put(*options)); }; });
}

}  // namespace sagabus::tools
