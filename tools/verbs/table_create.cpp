// sagabus table create: makes a store's table, ready to be used.
#include <fmt/format.h>

#include <memory>

#include "sagabus/dynamodb/table.hpp"
#include "verbs/table.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Make the table, and wait until it can be used";

constexpr const char* kFooter =
    "A table that is there already and fits is left as it is; one that does not fit is an error\n"
    "that lists the differences.\n"
    "\n"
    "Examples:\n"
    "  sagabus table create --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus table create --store 'dynamodb://sagas?endpoint=http://localhost:8000'\n"
    "  sagabus table create --store 'dynamodb://busy?region=us-east-1&key_shards=8'\n";

asio::awaitable<Exit> create(std::string uri) {
  const dynamodb::SagaStore store = open_table(uri);
  co_await dynamodb::create_table(store);
  fmt::print("table {} is ready\n", store.table_name());
  co_return Exit::done;
}

}  // namespace

void add_table_create(CLI::App& app, Action& action) {
  const auto uri = std::make_shared<std::string>();
  CLI::App* const verb = table_group(app).add_subcommand("create", kDescription);
  add_store_option(*verb, *uri);
  verb->footer(kFooter);
  verb->callback([uri, &action] { action = [uri] { return run(create(*uri)); }; });
}

}  // namespace sagabus::tools
