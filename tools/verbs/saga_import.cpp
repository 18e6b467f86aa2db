// sagabus saga import: puts the instances of a file into a store.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "confirm.hpp"
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
    "is not complete, nothing is put.\n"
    "\n"
    "May be repeated, and run again after it failed or was interrupted. Stop the buses of the "
    "saga\n"
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
  ImportOptions how;
};

constexpr std::size_t kBatch = 256;
constexpr std::size_t kBatchBytes = std::size_t{8} * 1024 * 1024;

Instance read_line(const std::string& path, const LineFile& file, const std::string& line) {
  try {
    return read_instance(line);
  } catch (const ValidationError& error) {
    throw Failure(Exit::wrong_use, fmt::format("{}, line {}: {}; nothing was put", path,
                                               file.number(), escape_controls(error.what())));
  }
}

// Before anything is put.
void check_all(const std::string& path) {
  LineFile file(path);
  Progress progress("bytes checked", file.size());
  for (std::string line; file.next(line);) {
    read_line(path, file, line);
    progress.show(file.offset());
  }
}

// As many as are put at once; empty at the end.
std::vector<Instance> read_batch(const std::string& path, LineFile& file) {
  std::vector<Instance> batch;
  std::size_t bytes = 0;
  std::string line;
  while (batch.size() < kBatch && bytes < kBatchBytes && file.next(line)) {
    bytes += line.size();
    batch.push_back(read_line(path, file, line));
  }
  return batch;
}

asio::awaitable<ImportCounts> put_all(SagaStore store, Options options) {
  LineFile file(options.file);
  Progress progress("bytes", file.size());
  ImportCounts counts;
  for (;;) {
    std::vector<Instance> batch = read_batch(options.file, file);
    if (batch.empty()) co_return counts;
    auto importing = import_instances(store, std::move(batch), options.how);
    counts += co_await std::move(importing);
    progress.show(file.offset());
  }
}

void print_counts(const ImportCounts& counts, const ImportOptions& how) {
  fmt::print("{}put: {}\n", how.dry_run ? "would be " : "", counts.put);
  fmt::print("{}replaced: {}\n", how.dry_run ? "would be " : "", counts.replaced);
  fmt::print("skipped, there already: {}\n", counts.same);
  const char* const advice =
      how.replace ? "its correlation id is another instance's" : "see --replace";
  fmt::print("skipped, another one is there: {}{}\n", counts.kept,
             counts.kept > 0 ? fmt::format(" ({})", advice) : "");
}

asio::awaitable<Exit> put(Options options) {
  if (std::filesystem::exists(options.file + ".resume")) {
    throw Failure(Exit::wrong_use, fmt::format("{} is not complete: `saga export --resume` goes on "
                                               "with it",
                                               escape_controls(options.file)));
  }
  const bool sure = !options.how.replace || options.how.dry_run || options.yes;
  if (!sure) require_terminal("overwrite instances");
  check_all(options.file);
  if (!sure &&
      !is_sure("Overwrite what differs, with what it has yet to send? Type replace", "replace")) {
    throw Failure(Exit::failed, "nothing was put: the answer was not replace");
  }
  const SagaStore store = co_await open_sagas(options.store);
  auto putting = put_all(store, options);
  const ImportCounts counts = co_await std::move(putting);
  print_counts(counts, options.how);
  co_return Exit::done;
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
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(put(*options)); }; });
}

}  // namespace sagabus::tools
