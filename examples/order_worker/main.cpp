// Runs the order saga and its services until it is told to stop: a worker as it is deployed, in as
// many copies as are wanted. See deploy/ and docs/guide/deploying.md. With --orders it is a
// customer of those workers instead, who places so many orders and goes.
//
//   order_worker --store sqlite:///var/lib/sagas.db --transport sqlite:///var/lib/queues.db
//   order_worker --store 'dynamodb://sagas?region=eu-central-1&ttl_days=30'
//       --transport 'sqs://shop?region=eu-central-1'
//
// Table and queues must be there, and it needs no rights to make them, unless --create is given. A
// line for each order that ends goes to standard output, warnings go to standard error.
//
// Exit code: 0 it was told to stop (SIGTERM, SIGINT), and its running steps are done, or all orders
// are placed; 1 something failed; 2 wrong options.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sagabus/bus.hpp>
#include <sagabus/dynamodb/table.hpp>
#include <sagabus/sqlite/transport.hpp>
#include <sagabus/sqs/transport.hpp>
#include <sagabus/sync_wait.hpp>
#include <stdexcept>
#include <string>

#include <variant>

#include "open_store.hpp"
#include "open_transport.hpp"
#include "order_saga/cast.hpp"
#include "order_saga/workload.hpp"
#include "store_uri.hpp"
#include "transport_uri.hpp"

namespace {

namespace tools = sagabus::tools;

struct Options {
  std::string store;
  std::string transport;
  unsigned concurrency = 64;
  unsigned orders = 0;
  bool create = false;
};

// What a service does for an order would be asked of others here.
class Journal : public orders::Books {
 public:
  void enter(const orders::Entry& entry) override {
    if (entry.effect == orders::Effect::completion) say(entry, "completed");
    if (entry.effect == orders::Effect::cancellation) say(entry, "cancelled: " + entry.reason);
  }
  void count(orders::Outcome /*outcome*/) override {}
  void spend(const orders::Bill& /*bill*/) override {}

 private:
  static void say(const orders::Entry& entry, const std::string& what) {
    const std::string line = fmt::format("{} {}\n", entry.order, what);
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
  }
};

sagabus::SagaStore open_store(const Options& options, const sagabus::Ambient& ambient) {
  const tools::StoreUri uri = tools::parse_store_uri(options.store);
  const auto* const table = std::get_if<tools::DynamoDbUri>(&uri);
  if (table && options.create) {
    sagabus::sync_wait(sagabus::dynamodb::create_table(tools::open_dynamodb(*table, ambient)));
  }
  return tools::open_store(uri, ambient);
}

sagabus::Transport open_transport(const Options& options, const sagabus::Ambient& ambient) {
  const tools::TransportUri uri = tools::parse_transport_uri(options.transport);
  if (const auto* const file = std::get_if<tools::SqliteUri>(&uri)) {
    return sagabus::sqlite::Transport({.path = file->path, .ambient = ambient});
  }
  const auto* const queues = std::get_if<tools::SqsUri>(&uri);
  if (!queues) throw std::invalid_argument("--transport: memory: is of no use to other processes");
  sagabus::sqs::TransportOptions opened = tools::sqs_options(*queues, ambient);
  opened.create_queues = options.create;
  return sagabus::sqs::Transport(std::move(opened));
}

void place_orders(const Options& options, const sagabus::SagaStore& store,
                  const sagabus::Transport& transport) {
  orders::announce(transport);
  sagabus::Bus bus({.transport = transport, .store = store});
  sagabus::sync_wait(bus.start());
  const std::string run = "order-" + sagabus::new_nonce(*sagabus::system_random());
  for (unsigned i = 0; i < options.orders; ++i) {
    sagabus::sync_wait(bus.publish(orders::make_order(run, i)));
  }
  sagabus::sync_wait(bus.stop());
}

void describe(CLI::App& app, Options& options) {
  app.add_option("--store", options.store,
                 "sqlite:///PATH or dynamodb://TABLE?region=...&ttl_days=...")
      ->envname("SAGABUS_STORE")
      ->required();
  app.add_option("--transport", options.transport, "sqlite:///PATH or sqs://PREFIX?region=...")
      ->envname("SAGABUS_TRANSPORT")
      ->required();
  app.add_option("--concurrency", options.concurrency, "Steps that run at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--orders", options.orders, "Place so many orders, as a customer does, and end")
      ->check(CLI::Range(0, 1'000'000))
      ->capture_default_str();
  app.add_flag("--create", options.create, "Make table and queues that are not there");
}

void work(const Options& options) {
  const sagabus::Ambient ambient{.log = sagabus::stderr_logger(sagabus::LogLevel::warning)};
  const sagabus::SagaStore store = open_store(options, ambient);
  const sagabus::Transport transport = open_transport(options, ambient);
  if (options.orders > 0) return place_orders(options, store, transport);
  Journal journal;
  sagabus::Bus bus(orders::cast(transport, store, journal, options.concurrency));
  bus.run();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Runs the order saga and its services until it is told to stop.");
  describe(app, options);
  try {
    app.parse(argc, argv);
    work(options);
    return 0;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    fmt::print(stderr, "order_worker: {}\n", e.what());
    return 2;
  } catch (const std::invalid_argument& e) {
    fmt::print(stderr, "order_worker: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "order_worker: {}\n", e.what());
    return 1;
  }
}
