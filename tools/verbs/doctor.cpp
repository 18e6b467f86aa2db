// sagabus doctor: whether a store and a transport can be used from here, and what is in the way.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "doctor/file_checks.hpp"
#include "doctor/finding.hpp"
#include "doctor/queue_checks.hpp"
#include "doctor/table_checks.hpp"
#include "store_uri.hpp"
#include "transport_uri.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_doctor {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Check that store and transport can be used from here";

constexpr const char* kFooter =
    "Prints a line for each thing that it looks at: ok, warning or error, and what to do.\n"
    "Run it as the program runs: on its machine, with its environment.\n"
    "\n"
    "It changes nothing. Of a table it asks DescribeTable, DescribeTimeToLive,\n"
    "DescribeContinuousBackups, GetItem and Query, and tries PutItem, UpdateItem and DeleteItem "
    "on\n"
    "the key $doctor, which no instance has, with a condition that cannot hold; then 50 reads. Of\n"
    "each queue it asks GetQueueUrl and GetQueueAttributes, and tries SendMessageBatch,\n"
    "DeleteMessageBatch and ChangeMessageVisibilityBatch with no entries and ReceiveMessage of no\n"
    "messages, which SQS refuses: for want of permissions, or before it has looked at them.\n"
    "Without ENDPOINT it asks ListQueues for those of the URI's prefix. With topics=true it asks\n"
    "GetTopicAttributes, ListSubscriptionsByTopic and GetSubscriptionAttributes of each topic "
    "that\n"
    "a queue's policy names, and tries PublishBatch with no entries. With claims= it tries\n"
    "GetObject on a key that no message has, and UploadPart of an upload that was never begun.\n"
    "Of a file it reads all.\n"
    "That is about 60 read and 3 write units of a table, and 50 requests to SQS and 6 a queue.\n"
    "\n"
    "Exits with 0 where there is no error, warnings or not; 1 where there is one; 3 where the\n"
    "table or the file is not there.\n"
    "\n"
    "Examples:\n"
    "  sagabus doctor --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus doctor --store 'dynamodb://sagas?region=us-east-1' \\\n"
    "    --transport 'sqs://shop?region=us-east-1' OrderSaga PaymentService\n"
    "  sagabus doctor --store sqlite:///var/lib/orders.db --json\n";

struct Options {
  std::string store;
  std::string transport;
  std::vector<std::string> endpoints;
  bool json = false;
};

[[noreturn]] void refuse_memory(std::string_view option) {
  throw Failure(Exit::wrong_use,
                fmt::format("{}: memory: ends with its program, and holds nothing here", option));
}

asio::awaitable<void> examine_store(StoreUri uri, Report& report) {
  report.about("store");
  if (const auto* const file = std::get_if<SqliteUri>(&uri)) {
    examine_file(*file, report);
    co_return;
  }
  auto examining = examine_table(std::get<DynamoDbUri>(uri), report);
  co_await std::move(examining);
}

asio::awaitable<void> examine_transport(TransportUri uri, std::vector<std::string> endpoints,
                                        Report& report) {
  report.about("transport");
  if (const auto* const file = std::get_if<SqliteUri>(&uri)) {
    examine_file(*file, report);
    co_return;
  }
  auto examining = examine_queues(std::get<SqsUri>(uri), std::move(endpoints), report);
  co_await std::move(examining);
}

bool is_same_file(const std::optional<StoreUri>& store, const TransportUri& transport) {
  const auto* const one = store ? std::get_if<SqliteUri>(&*store) : nullptr;
  const auto* const other = std::get_if<SqliteUri>(&transport);
  return one && other && *one == *other;
}

asio::awaitable<Exit> examine(Options options) {
  std::optional<StoreUri> store;
  std::optional<TransportUri> transport;
  if (!options.store.empty()) store = parse_store_uri(options.store);
  if (!options.transport.empty()) transport = parse_transport_uri(options.transport);
  if (store && std::holds_alternative<MemoryUri>(*store)) refuse_memory("--store");
  if (transport && std::holds_alternative<MemoryUri>(*transport)) refuse_memory("--transport");
  if (!options.endpoints.empty() && !(transport && std::holds_alternative<SqsUri>(*transport))) {
    throw Failure(Exit::wrong_use,
                  "ENDPOINT: only queues of --transport sqs://PREFIX are looked at");
  }
  Report report(options.json);
  if (store) {
    auto examining = examine_store(*store, report);
    co_await std::move(examining);
  }
  if (transport && !is_same_file(store, *transport)) {
    auto examining = examine_transport(*transport, std::move(options.endpoints), report);
    co_await std::move(examining);
  }
  if (report.has_missing()) co_return Exit::not_found;
  co_return report.has_errors() ? Exit::failed : Exit::done;
}

// An empty URI is a mistake, such as a variable that is not set.
std::function<std::string(const std::string&)> not_empty(std::string name) {
  return [name = std::move(name)](const std::string& text) {
    return text.empty() ? name + ": empty" : std::string();
  };
}

void add_options(CLI::App& verb, Options& options) {
  verb.add_option("--store", options.store,
                  "sqlite:///PATH or\ndynamodb://TABLE?region=REGION&endpoint=URL")
      ->type_name("URI")
      ->envname("SAGABUS_STORE")
      ->check(not_empty("--store"));
  verb.add_option("--transport", options.transport,
                  "sqlite:///PATH or\nsqs://PREFIX?region=REGION&endpoint=URL")
      ->type_name("URI")
      ->envname("SAGABUS_TRANSPORT")
      ->check(not_empty("--transport"));
  verb.add_option("endpoint", options.endpoints, "Sagas and services whose queues to look at")
      ->type_name("ENDPOINT")
      ->check(not_empty("ENDPOINT"));
  add_switch(verb, "--json", options.json, "Print one JSON object a line");
}

}  // namespace
}  // namespace verb_doctor

void add_doctor(CLI::App& app, Action& action) {
  using namespace verb_doctor;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = app.add_subcommand("doctor", kDescription);
  add_options(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    if (options->store.empty() && options->transport.empty()) {
      throw CLI::ValidationError("--store or --transport is required: what is to be looked at?");
    }
    action = [options] { return run(examine(*options)); };
  });
}

}  // namespace sagabus::tools
