// Runs orders through the order saga and its services, and checks that each ended exactly once.
//
//   order_saga                                    1,000 orders on SQLite in a temporary directory
//   order_saga --store sqlite:///var/lib/sagas.db
//   order_saga --store 'dynamodb://sagas?region=us-east-1&endpoint=http://localhost:8000'
//
// Exit code: 0 all is well; 1 an order did not end as it should, or something failed; 2 wrong
// options; 130 interrupted.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <sagabus/bus.hpp>
#include <stdexcept>

#include "common/storage.hpp"
#include "demo.hpp"
#include "ledger.hpp"
#include "order_saga.hpp"
#include "report.hpp"
#include "services.hpp"

namespace {

constexpr std::size_t kProblemsShown = 10;

struct Arguments {
  std::size_t orders = 1000;
  std::string store;
  unsigned concurrency = 64;
  unsigned timeout = 120;
  bool keep = false;
};

void describe(CLI::App& app, Arguments& arguments) {
  app.add_option("--orders", arguments.orders, "How many orders")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  app.add_option("--store", arguments.store,
                 "memory:, sqlite:///PATH or dynamodb://TABLE?region=...&endpoint=...\n"
                 "(default: SQLite in a temporary directory)");
  app.add_option("--concurrency", arguments.concurrency, "Orders under way at once")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_option("--timeout", arguments.timeout, "Seconds after which it gives up")
      ->check(CLI::Range(1, 86'400))
      ->capture_default_str();
  app.add_flag("--keep", arguments.keep, "Leave the temporary directory where it is");
}

// Counts the saga's steps; the services count their own.
sagabus::Middleware count_steps(orders::Ledger& ledger) {
  return [&ledger](sagabus::StepView&, sagabus::Next next) -> boost::asio::awaitable<void> {
    co_await next();
    ledger.message_handled();
  };
}

std::vector<std::string> check_dead_letters(const examples::Storage& storage,
                                            const std::string& run) {
  std::vector<std::string> problems;
  for (const std::string endpoint :
       {orders::kOrderSaga, "payments", "inventory", "shipping", "audit"}) {
    for (const auto& letter : storage.waiting(endpoint + ".dlq")) {
      const sagabus::Value* order = letter->payload.find("orderId");
      if (!order || !order->if_string() || !order->if_string()->starts_with(run)) continue;
      problems.push_back(*order->if_string() + ": its " + letter->type + " is a dead letter: " +
                         letter->headers.at(std::string(sagabus::headers::kErrorMessage)));
    }
  }
  return problems;
}

int judge(const std::vector<std::string>& problems) {
  for (std::size_t i = 0; i < problems.size() && i < kProblemsShown; ++i) {
    fmt::print(stderr, "order_saga: {}\n", problems[i]);
  }
  if (problems.size() > kProblemsShown) {
    fmt::print(stderr, "order_saga: and {} more\n", problems.size() - kProblemsShown);
  }
  if (!problems.empty()) {
    fmt::print(stderr, "order_saga: FAILED: not every order ended exactly once\n");
    return 1;
  }
  fmt::print(
      "every order ended exactly once: the books of the services balance, the store agrees "
      "with them, and there are no dead letters\n");
  return 0;
}

int run(const Arguments& arguments) {
  const examples::Storage storage = examples::open_storage(arguments.store);
  if (arguments.keep && storage.directory) storage.directory->keep();
  orders::Ledger ledger;
  sagabus::Bus bus({
      .transport = storage.transport,
      .store = storage.store,
      .sagas = {orders::order_saga()},
      .services = {orders::payments(ledger), orders::inventory(ledger), orders::shipping(ledger),
                   orders::audit(ledger)},
      .middleware = {count_steps(ledger)},
      // Nobody watching a demo wants to wait for a second.
      .retry = {.base_delay = std::chrono::milliseconds(20)},
      .concurrency = arguments.concurrency,
      .ambient = {.log = sagabus::stderr_logger(sagabus::LogLevel::warning)},
  });
  const std::string run = "order-" + sagabus::new_nonce(*sagabus::system_random());
  orders::Demo demo({.run = run,
                     .orders = arguments.orders,
                     .in_flight = arguments.concurrency,
                     .timeout = std::chrono::seconds(arguments.timeout),
                     .progress_bar = ::isatty(STDOUT_FILENO) == 1},
                    bus, ledger);
  fmt::print("{} orders through {} and {}, {} at a time\n", arguments.orders,
             storage.store.backend()->describe(), storage.transport.backend()->describe(),
             arguments.concurrency);
  std::fflush(stdout);  // whoever reads it through a pipe
  const orders::DemoEnd end = demo.run();
  if (end == orders::DemoEnd::interrupted) {
    fmt::print(stderr, "order_saga: interrupted after {} orders\n", ledger.settled());
    return 130;
  }
  print_summary(ledger.tally(), demo.elapsed());
  std::vector<std::string> problems;
  const auto add = [&problems](const std::vector<std::string>& found) {
    problems.insert(problems.end(), found.begin(), found.end());
  };
  if (end == orders::DemoEnd::timed_out) {
    problems.push_back(fmt::format("{} of {} orders had ended after {} s", ledger.settled(),
                                   arguments.orders, arguments.timeout));
  } else {
    add(check_store(storage.store, ledger, run, arguments.orders));
  }
  add(ledger.problems());
  add(check_dead_letters(storage, run));
  return judge(problems);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Runs orders through a saga and checks that each ended exactly once.");
  describe(app, arguments);
  try {
    app.parse(argc, argv);
    return run(arguments);
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
