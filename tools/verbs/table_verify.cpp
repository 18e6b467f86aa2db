// sagabus table verify: whether a table is what a store needs.
#include <fmt/format.h>

#include <memory>

#include "sagabus/dynamodb/table.hpp"
#include "sagabus/json.hpp"
#include "terminal.hpp"
#include "verbs/table.hpp"
#include "verbs/table_flags.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_table_verify {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Check that the table is what the store needs";

constexpr const char* kFooter =
    "Prints each difference on a line, and exits with 4 where there is one; 3 where there is no\n"
    "table. Recovery, stream, protection, billing and units are looked at where a flag asks for\n"
    "them; what a table has beyond that is no difference, but for an index that a lean one should\n"
    "not have, and a time to live where the flags say off. With --json it prints an object: "
    "table,\n"
    "its name, and differences, a list of texts.\n"
    "\n"
    "Examples:\n"
    "  sagabus table verify --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus table verify --store 'dynamodb://sagas?region=us-east-1' --pitr --billing "
    "on-demand\n";

struct Options {
  std::string store;
  TableFlags table;
  bool json = false;
};

// A store works with any.
void take_billing(const dynamodb::TableInfo& found, dynamodb::TableDescription& expected) {
  expected.billing = found.billing;
  if (found.billing == dynamodb::Billing::on_demand) return;
  expected.read_units = found.read_units;
  expected.write_units = found.write_units;
}

void report(const std::string& table, const std::vector<std::string>& differences, bool json) {
  if (json) {
    Array texts;
    for (const std::string& difference : differences) texts.emplace_back(difference);
    Object out{{"table", Value(table)}};
    out.emplace_back("differences", Value(std::move(texts)));
    fmt::print("{}\n", escape_controls(to_json(Value(std::move(out)))));
    return;
  }
  for (const std::string& difference : differences) fmt::print("{}\n", escape_controls(difference));
  if (differences.empty()) fmt::print("table {} is as it should be\n", table);
}

asio::awaitable<Exit> verify(Options options) {
  DynamoDbUri uri = parse_table_uri(options.store);
  dynamodb::TableDescription expected = read_table_flags(options.table, uri);
  const dynamodb::SagaStore store = open_dynamodb(uri, {});
  const dynamodb::TableInfo found = co_await dynamodb::describe_table(store);
  if (options.table.billing.empty()) take_billing(found, expected);
  const std::vector<std::string> differences = dynamodb::table_differences(expected, found);
  report(store.table_name(), differences, options.json);
  co_return differences.empty() ? Exit::done : Exit::differs;
}

}  // namespace
}  // namespace verb_table_verify

void add_table_verify(CLI::App& app, Action& action) {
  using namespace verb_table_verify;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = table_group(app).add_subcommand("verify", kDescription);
  add_store_option(*verb, options->store);
  add_table_flags(*verb, options->table);
  add_switch(*verb, "--json", options->json, "Print one JSON object");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(verify(*options)); }; });
}

}  // namespace sagabus::tools
