#include "verbs/table.hpp"

#include <fmt/format.h>

#include <utility>

namespace sagabus::tools {

CLI::App& table_group(CLI::App& app) {
  const auto made = app.get_subcommands([](const CLI::App* a) { return a->get_name() == "table"; });
  if (!made.empty()) return *made.front();
  CLI::App* const group =
      app.add_subcommand("table", "Make, look at and delete the DynamoDB table of a store");
  group->footer(
      "Examples:\n"
      "  sagabus table create --store 'dynamodb://sagas?region=us-east-1'\n"
      "  sagabus table describe --store 'dynamodb://sagas?region=us-east-1' --json\n");
  return *group;
}

DynamoDbUri parse_table_uri(const std::string& uri) {
  StoreUri parsed = parse_store_uri(uri);
  if (auto* table = std::get_if<DynamoDbUri>(&parsed)) return std::move(*table);
  throw Failure(Exit::wrong_use, "this store needs no table; only dynamodb://TABLE has one");
}

dynamodb::SagaStore open_table(const std::string& uri) {
  return open_dynamodb(parse_table_uri(uri), {});
}

}  // namespace sagabus::tools
