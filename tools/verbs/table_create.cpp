// sagabus table create: makes a store's table, ready to be used.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "sagabus/dynamodb/table.hpp"
#include "sagabus/json.hpp"
#include "verbs/table.hpp"
#include "verbs/table_flags.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_table_create {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Make the table, and wait until it can be used";

constexpr const char* kFooter =
    "A table that is there already and fits is left as it is; one that does not fit is an error\n"
    "that lists the differences. What is asked for and off is turned on. What the flags say of "
    "key\n"
    "shards, index and days may stand in the URI of the store as well: both must say the same.\n"
    "With --json it prints an object when the table is ready: table, its name.\n"
    "\n"
    "Examples:\n"
    "  sagabus table create --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus table create --store 'dynamodb://sagas?endpoint=http://localhost:8000'\n"
    "  sagabus table create --store 'dynamodb://busy?region=us-east-1&key_shards=8'\n"
    "  sagabus table create --store 'dynamodb://sagas?region=us-east-1' --pitr --stream\n"
    "  sagabus table create --store 'dynamodb://lean?region=us-east-1' --lean\n"
    "  sagabus table create --store 'dynamodb://sagas?region=us-east-1' --billing "
    "provisioned:5,10\n";

struct Options {
  std::string store;
  TableFlags table;
  bool json = false;
};

asio::awaitable<Exit> create(Options options) {
  DynamoDbUri uri = parse_table_uri(options.store);
  dynamodb::TableDescription description = read_table_flags(options.table, uri);
  const dynamodb::SagaStore store = open_dynamodb(uri, {});
  auto creating = dynamodb::create_table(store, std::move(description));
  co_await std::move(creating);
  if (options.json) {
    fmt::print("{}\n", to_json(Value(Object{{"table", Value(store.table_name())}})));
  } else {
    fmt::print("table {} is ready\n", store.table_name());
  }
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_table_create

void add_table_create(CLI::App& app, Action& action) {
  using namespace verb_table_create;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = table_group(app).add_subcommand("create", kDescription);
  add_store_option(*verb, options->store);
  add_table_flags(*verb, options->table);
  add_switch(*verb, "--json", options->json, "Print one JSON object");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(create(*options)); }; });
}

}  // namespace sagabus::tools
