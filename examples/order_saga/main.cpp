// Runs orders through the order saga and its services, and checks that each ended exactly once.
//
//   order_saga                                    1,000 orders on SQLite in a temporary directory
//   order_saga --store sqlite:///var/lib/sagas.db
//   order_saga --store 'dynamodb://sagas?region=us-east-1&endpoint=http://localhost:8000'
//   order_saga --workers 4                        by four processes, two of which are killed
//
// Exit code: 0 all is well; 1 an order did not end as it should, or something failed; 2 wrong
// options; 130 interrupted.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <stdexcept>

#include "play.hpp"
#include "worker.hpp"

namespace {

void describe(CLI::App& app, orders::PlayOptions& options) {
  app.add_option("--orders", options.orders, "How many orders")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--store", options.store,
                 "memory:, sqlite:///PATH or dynamodb://TABLE?region=...&endpoint=...\n"
                 "(default: SQLite in a temporary directory)");
  app.add_option("--transport", options.transport,
                 "sqlite:///PATH or sqs://PREFIX?region=...&endpoint=...\n"
                 "(default: with the sagas; with DynamoDB, SQLite in a temporary directory)");
  app.add_option("--concurrency", options.concurrency, "Orders under way at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--timeout", options.timeout, "Seconds after which it gives up")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  auto* const workers =
      app.add_option("--workers", options.workers,
                     "Processes that share the work (default: all of it is done in this one)")
          ->check(CLI::Range(1, 64));
  app.add_option("--kill", options.kills,
                 "How many of them are killed on the way, and replaced (default: 2; of one, none)")
      ->check(CLI::Range(0, 1000))
      ->needs(workers);
  app.add_option("--report-json", options.report,
                 "A file for the figures; what killed workers asked of the store is not in it");
  app.add_flag("--keep", options.keep, "Leave the temporary directories where they are");
  app.add_flag("--ships-twice", options.ships_twice)->needs(workers)->group("");  // for a test
}

// What Crew starts.
CLI::App& describe_worker(CLI::App& app, orders::WorkerOptions& options) {
  CLI::App* const worker = app.add_subcommand("worker")->group("");
  worker->add_option("--store", options.store)->required();
  worker->add_option("--transport", options.transport)->required();
  worker->add_option("--books", options.books)->required();
  worker->add_option("--concurrency", options.concurrency)->required();
  worker->add_option("--parent", options.parent)->required();
  worker->add_flag("--ships-twice", options.ships_twice);
  return *worker;
}

}  // namespace

int main(int argc, char** argv) {
  orders::PlayOptions options;
  orders::WorkerOptions worker_options;
  CLI::App app("Runs orders through a saga and checks that each ended exactly once.");
  describe(app, options);
  const CLI::App& worker = describe_worker(app, worker_options);
  try {
    app.parse(argc, argv);
    if (!worker.parsed()) return orders::play(options);
    orders::work(worker_options);
    return 0;
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help
    fmt::print(stderr, "order_saga: {}\n", e.what());
    return 2;
  } catch (const std::invalid_argument& e) {
    fmt::print(stderr, "order_saga: {}\n", e.what());
    return 2;
  } catch (const std::exception& e) {
    fmt::print(stderr, "order_saga: {}\n", e.what());
    return 1;
  }
}
