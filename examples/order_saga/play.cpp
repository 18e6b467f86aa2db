#include "play.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sagabus/bus.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

#include "book_file.hpp"
#include "cast.hpp"
#include "common/storage.hpp"
#include "crew.hpp"
#include "demo.hpp"
#include "ledger.hpp"
#include "report.hpp"

namespace orders {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kProblemsShown = 10;

struct Ending {
  DemoEnd how{};
  std::chrono::duration<double> elapsed{};
  std::size_t kills = 0;
  bool quiet = true;  // no message was left
};

bool on_terminal() {
  return ::isatty(STDOUT_FILENO) == 1;
}

void say(const std::string& line) {
  fmt::print("{}{}\n", on_terminal() ? "\r\033[K" : "", line);  // over the progress bar
  std::fflush(stdout);                                          // whoever reads it through a pipe
}

DemoOptions demo_options(const PlayOptions& options, const std::string& run) {
  return {.run = run,
          .orders = options.orders,
          .in_flight = options.concurrency,
          .timeout = std::chrono::seconds(options.timeout),
          .progress_bar = on_terminal()};
}

// To be called when the demo is there, which takes heed of Ctrl-C: whoever reads this may press it.
void say_what_comes(const PlayOptions& options, const examples::Storage& storage) {
  say(fmt::format("{} orders through {} and {}, {} at a time{}", options.orders,
                  storage.store.backend()->describe(),
                  storage.messages.transport.backend()->describe(), options.concurrency,
                  options.workers > 0 ? fmt::format(", by {} processes", options.workers) : ""));
}

// All in this process.
Ending play_alone(const PlayOptions& options, const examples::Storage& storage,
                  const std::string& run, Ledger& ledger) {
  sagabus::Bus bus(cast(storage.messages.transport, storage.store, ledger, options.concurrency));
  Demo demo(demo_options(options, run), bus, ledger);
  say_what_comes(options, storage);
  Ending ending;
  ending.how = demo.run();
  ending.elapsed = demo.elapsed();
  return ending;
}

CrewOptions crew_options(const PlayOptions& options, const examples::Storage& storage,
                         const std::string& books) {
  CrewOptions crew;
  crew.command = {std::filesystem::read_symlink("/proc/self/exe"),
                  "worker",
                  "--store=" + storage.store_uri,
                  "--transport=" + storage.transport_uri,
                  "--books=" + books,
                  fmt::format("--concurrency={}", options.concurrency),
                  fmt::format("--parent={}", ::getpid())};
  if (options.ships_twice) crew.command.emplace_back("--ships-twice");
  crew.workers = options.workers;
  crew.kills = options.kills.value_or(options.workers > 1 ? 2 : 0);
  crew.orders = options.orders;
  crew.say = say;
  return crew;
}

bool is_quiet(const examples::Messages& messages) {
  for (const std::string& endpoint : endpoints()) {
    if (messages.pending(endpoint) > 0) return false;
  }
  return true;
}

// Who was killed between a deed and its acknowledgement has left the message to the others. When
// they are done with it too, nothing can come any more that the books do not know of.
bool wait_until_quiet(const examples::Messages& messages, Clock::time_point deadline,
                      const std::function<void()>& meanwhile) {
  do {
    meanwhile();
    // One look goes from queue to queue, and a message may pass it by.
    if (is_quiet(messages) && is_quiet(messages)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  } while (Clock::now() < deadline);
  return false;
}

// This process has the customers, and others do the work.
Ending play_with_workers(const PlayOptions& options, const examples::Storage& storage,
                         const std::string& run, Ledger& ledger) {
  const Clock::time_point deadline = Clock::now() + std::chrono::seconds(options.timeout);
  examples::TemporaryDirectory folder;
  if (options.keep) folder.keep();
  const std::string path = folder.path() / "books";
  BookReader books(path);
  announce(storage.messages.transport);
  Crew crew(crew_options(options, storage, path));
  sagabus::Bus bus({.transport = storage.messages.transport,
                    .store = storage.store,
                    .ambient = {.log = sagabus::stderr_logger(sagabus::LogLevel::warning)}});
  DemoOptions demo_options = orders::demo_options(options, run);
  demo_options.meanwhile = [&] {
    books.copy_into(ledger);
    crew.look_after(ledger.settled());
  };
  Demo demo(demo_options, bus, ledger);
  say_what_comes(options, storage);
  Ending ending;
  ending.how = demo.run();
  ending.elapsed = demo.elapsed();
  if (ending.how == DemoEnd::finished) {
    ending.quiet = wait_until_quiet(storage.messages, deadline, demo_options.meanwhile);
  }
  crew.send_home();
  books.copy_into(ledger);
  ending.kills = crew.killed();
  return ending;
}

std::vector<std::string> check_dead_letters(const examples::Messages& messages,
                                            const std::string& run) {
  std::vector<std::string> problems;
  for (const std::string& endpoint : endpoints()) {
    for (const auto& letter : messages.waiting(endpoint + ".dlq")) {
      const sagabus::Value* order = letter->payload.find("orderId");
      if (!order || !order->if_string() || !order->if_string()->starts_with(run)) continue;
      problems.push_back(*order->if_string() + ": its " + letter->type + " is a dead letter: " +
                         letter->headers.at(std::string(sagabus::headers::kErrorMessage)));
    }
  }
  return problems;
}

std::vector<std::string> find_problems(const PlayOptions& options, const examples::Storage& storage,
                                       const std::string& run, const Ledger& ledger,
                                       const Ending& ending) {
  std::vector<std::string> problems;
  const auto add = [&problems](const std::vector<std::string>& found) {
    problems.insert(problems.end(), found.begin(), found.end());
  };
  if (ending.how == DemoEnd::timed_out) {
    problems.push_back(fmt::format("{} of {} orders had ended after {} s", ledger.settled(),
                                   options.orders, options.timeout));
  } else {
    add(check_store(storage.store, ledger, run, options.orders));
  }
  if (!ending.quiet) {
    problems.push_back(fmt::format("messages were left after {} s", options.timeout));
  }
  add(ledger.problems());
  add(check_dead_letters(storage.messages, run));
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

void write_report(const PlayOptions& options, const Ending& ending, const Tally& tally) {
  const Setup setup{options.orders, options.concurrency, options.workers, ending.kills};
  std::ofstream out(options.report);
  out << json_report(setup, tally, ending.elapsed) << std::endl;
  if (!out) throw std::runtime_error("cannot write " + options.report);
}

}  // namespace

int play(const PlayOptions& options) {
  const examples::Storage storage = examples::open_storage(options.store, options.transport);
  if (options.workers > 0 && !storage.is_shared()) {
    throw std::invalid_argument("--workers: other processes do not see what is in memory");
  }
  if (options.keep && storage.directory) storage.directory->keep();
  const std::string run = "order-" + sagabus::new_nonce(*sagabus::system_random());
  Ledger ledger;
  const Ending ending = options.workers > 0 ? play_with_workers(options, storage, run, ledger)
                                            : play_alone(options, storage, run, ledger);
  if (ending.how == DemoEnd::interrupted) {
    fmt::print(stderr, "order_saga: interrupted after {} orders\n", ledger.settled());
    return 130;
  }
  ledger.spend({storage.cost(), storage.messages.requests()});
  print_summary(ledger.tally(), ending.elapsed);
  if (!options.report.empty()) write_report(options, ending, ledger.tally());
  return judge(find_problems(options, storage, run, ledger, ending));
}

}  // namespace orders
