// sagabus table delete: removes a store's table, with all instances in it.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "confirm.hpp"
#include "count_text.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "sagabus/json.hpp"
#include "terminal.hpp"
#include "verbs/table.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_table_delete {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Delete the table, with all instances in it";

constexpr const char* kFooter =
    "Asks on a terminal; elsewhere it needs --yes. A table whose deletion protection is on stays, "
    "and\n"
    "so does one whose keys are not those of a store: this exits with 1. Exits with 3 where there\n"
    "is no table. With --json it prints an object: table (its name), arn, outcome (deleted, would\n"
    "be deleted) and items, as of some hours ago.\n"
    "\n"
    "Examples:\n"
    "  sagabus table delete --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus table delete --store 'dynamodb://sagas?region=us-east-1' --yes\n"
    "  sagabus table delete --store 'dynamodb://sagas?region=us-east-1' --dry-run\n";

struct Options {
  std::string store;
  bool yes = false;
  bool dry_run = false;
  bool json = false;
};

bool is_sure(const dynamodb::TableInfo& table) {
  const std::string question =
      fmt::format("Delete {} with everything in it? Type the table's name", table.arn);
  return tools::is_sure(question, table.name);
}

// The name in the URI may be that of another program's table, which holds something else.
void require_ours(const dynamodb::TableInfo& table) {
  const std::vector<dynamodb::KeyAttribute> ours{{"sagaName", "S"}, {"sagaId", "S"}};
  if (table.keys == ours) return;
  throw Failure(Exit::failed,
                fmt::format("table {}: its keys are not sagaName and sagaId, so it is no store's, "
                            "and stays: check the name, or use `aws dynamodb delete-table "
                            "--table-name {}`",
                            table.arn, table.name));
}

void require_unprotected(const dynamodb::TableInfo& table) {
  if (!table.deletion_protection) return;
  throw Failure(
      Exit::failed,
      fmt::format("table {}: its deletion protection is on: turn it off first, in the stack that "
                  "made it, or with `aws dynamodb update-table --table-name {} "
                  "--no-deletion-protection-enabled`",
                  table.arn, table.name));
}

void report(const dynamodb::TableInfo& table, const Options& options) {
  if (options.json) {
    Object out{{"table", Value(table.name)}};
    out.emplace_back("arn", Value(table.arn));
    out.emplace_back("outcome", Value(options.dry_run ? "would be deleted" : "deleted"));
    out.emplace_back("items", Value(table.items));
    fmt::print("{}\n", escape_controls(to_json(Value(std::move(out)))));
  } else if (options.dry_run) {
    fmt::print("table {} would be deleted, with some {}\n", escape_controls(table.arn),
               count_text(table.items, "item"));
  } else {
    fmt::print("table {} is deleted\n", table.name);
  }
}

asio::awaitable<Exit> remove(Options options) {
  const dynamodb::SagaStore store = open_table(options.store);
  if (!options.yes && !options.dry_run) require_terminal("delete the table");
  const dynamodb::TableInfo table = co_await dynamodb::describe_table(store);
  require_ours(table);
  require_unprotected(table);
  if (!options.dry_run && !options.yes && !is_sure(table)) {
    throw Failure(Exit::failed, "nothing was deleted: the answer was not the table's name");
  }
  if (!options.dry_run) co_await dynamodb::delete_table(store);
  report(table, options);
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_table_delete

void add_table_delete(CLI::App& app, Action& action) {
  using namespace verb_table_delete;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = table_group(app).add_subcommand("delete", kDescription);
  add_store_option(*verb, options->store);
  add_switch(*verb, "--yes", options->yes, "Do not ask");
  add_switch(*verb, "--dry-run", options->dry_run, "Only print what would be deleted");
  add_switch(*verb, "--json", options->json, "Print one JSON object");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(remove(*options)); }; });
}

}  // namespace sagabus::tools
