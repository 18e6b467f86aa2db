// sagabus table verify: whether a table is what a store needs.
#include <fmt/format.h>

#include <memory>

#include "sagabus/dynamodb/table.hpp"
#include "verbs/table.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Check that the table is what the store needs";

constexpr const char* kFooter =
    "Prints each difference on a line, and exits with 4 where there is one; 3 where there is no\n"
    "table.\n"
    "\n"
    "Examples:\n"
    "  sagabus table verify --store 'dynamodb://sagas?region=us-east-1'\n";

asio::awaitable<Exit> verify(std::string uri) {
  const dynamodb::SagaStore store = open_table(uri);
  const std::vector<std::string> differences = co_await dynamodb::verify_table(store);
  for (const std::string& difference : differences) fmt::print("{}\n", one_line(difference));
  if (!differences.empty()) co_return Exit::differs;
  fmt::print("table {} is as it should be\n", store.table_name());
  co_return Exit::done;
}

}  // namespace

void add_table_verify(CLI::App& app, Action& action) {
  const auto uri = std::make_shared<std::string>();
  CLI::App* const verb = table_group(app).add_subcommand("verify", kDescription);
  add_store_option(*verb, *uri);
  verb->footer(kFooter);
  verb->callback([uri, &action] { action = [uri] { return run(verify(*uri)); }; });
}

}  // namespace sagabus::tools
