// sagabus bench: how fast the bus is on a store, and what it asks of it.
#include "bench/load.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <ratio>
#include <string>

#include "open_store.hpp"
#include "sagabus/json.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_bench {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Run an order saga on a store, and print what it took";

constexpr const char* kFooter =
    "Runs the four-step order saga through a bus, on the in-memory transport and the store. An\n"
    "order is four messages to the saga; with each it changes its state of ten fields, about 400\n"
    "bytes, and publishes the next one itself. As an order ends, another one starts.\n"
    "\n"
    "  messages_per_second  handled by the saga, four an order\n"
    "  cpu_us_per_message   of the whole process, system time included\n"
    "  p50_ms, p99_ms       of an order, from publishing its start until its end is in the store\n"
    "  peak_rss_mb          memory of the whole process at its peak, MB of 1,048,576 bytes\n"
    "  sagas_completed      as the store has them afterwards; fewer than N is a failure\n"
    "  errors               deliveries that had to be tried again, and dead letters\n"
    "  requests             to the service, by operation, an order\n"
    "  read_units, write_units  capacity units, as the service reports them, an order\n"
    "  by_message           the same by the type of message whose steps they were, and refused\n"
    "                       writes; without the watermarks, which belong to none\n"
    "\n"
    "Each run makes instances under a saga name of its own. They stay in the store.\n"
    "\n"
    "Examples:\n"
    "  sagabus bench --store memory: --sagas 100000\n"
    "  sagabus bench --store sqlite:///tmp/bench.db --concurrency 64\n"
    "  sagabus bench --store 'dynamodb://sagas?endpoint=http://localhost:8000' --json\n";

struct Options {
  std::string store;
  unsigned sagas = 5000;
  unsigned concurrency = 64;
  unsigned threads = 1;
  bool json = false;
};

// What a store has asked of its service so far; nothing where there is no service.
struct Usage {
  std::map<std::string, double> requests;
  double read_units = 0;
  double write_units = 0;
};

// A store, and the way to know what it has asked of its service.
struct Subject {
  SagaStore store;
  std::function<Usage()> usage;
};

Subject open_subject(const std::string& uri, const Ambient& ambient) {
  const StoreUri parsed = parse_store_uri(uri);
  const auto* table = std::get_if<DynamoDbUri>(&parsed);
  if (!table) return {open_store(parsed, ambient), [] { return Usage{}; }};
  const dynamodb::SagaStore store = open_dynamodb(*table, ambient);
  const auto usage = [store] {
    const dynamodb::Usage so_far = store.usage();
    Usage out{{}, so_far.read_units, so_far.write_units};
    out.requests.insert(so_far.requests.begin(), so_far.requests.end());
    return out;
  };
  return {store, usage};
}

struct Report {
  std::string saga_name;
  LoadResult load;
  Usage usage;       // of the load
  double sagas = 0;  // that were to run
  double peak_rss_mb = 0;
  std::uint64_t sagas_completed = 0;
};

// Not what getrusage reports: that has the peak of the program which started this one in it.
double peak_rss_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
  }
  throw Failure(Exit::failed, "the peak of memory is not to be had: no VmHWM in /proc/self/status");
}

Usage difference(const Usage& after, const Usage& before, double sagas) {
  Usage usage;
  for (const auto& [operation, count] : after.requests) {
    const auto earlier = before.requests.find(operation);
    const double base = earlier == before.requests.end() ? 0 : earlier->second;
    if (count > base) usage.requests[operation] = (count - base) / sagas;
  }
  usage.read_units = (after.read_units - before.read_units) / sagas;
  usage.write_units = (after.write_units - before.write_units) / sagas;
  return usage;
}

// Nothing where the store bills nobody.
Object by_message(const Ledger& ledger, double sagas) {
  Object out;
  for (const LedgerLine& line : ledger) {
    if (line.cost.requests == 0) continue;
    const Cost& cost = line.cost;
    Object costs{{"requests", Value(static_cast<double>(cost.requests) / sagas)},
                 {"failed_conditions", Value(static_cast<double>(cost.failed_conditions) / sagas)},
                 {"read_units", Value(cost.read_units / sagas)},
                 {"write_units", Value(cost.write_units / sagas)}};
    out.emplace_back(line.message_type, Value(std::move(costs)));
  }
  return out;
}

void add_costs(Object& out, const Report& report) {
  Object requests;
  for (const auto& [operation, count] : report.usage.requests) {
    requests.emplace_back(operation, Value(count));
  }
  out.emplace_back("requests", Value(std::move(requests)));
  out.emplace_back("read_units", Value(report.usage.read_units));
  out.emplace_back("write_units", Value(report.usage.write_units));
  out.emplace_back("by_message", Value(by_message(report.load.ledger, report.sagas)));
}

Value to_json_value(const Report& report) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const LoadResult& load = report.load;
  const auto messages = static_cast<double>(load.messages);
  const double seconds = std::chrono::duration<double>(load.elapsed).count();
  Object out{{"messages_per_second", Value(messages / seconds)},
             {"cpu_us_per_message", Value(static_cast<double>(load.cpu.count()) / messages)},
             {"p50_ms", Value(Milliseconds(load.p50).count())},
             {"p99_ms", Value(Milliseconds(load.p99).count())},
             {"peak_rss_mb", Value(report.peak_rss_mb)},
             {"sagas_completed", Value(report.sagas_completed)},
             {"errors", Value(load.errors)}};
  add_costs(out, report);
  return Value(std::move(out));
}

// An object in an object takes lines of its own.
std::string text_of(const Value& value) {
  if (const double* number = value.if_double()) return fmt::format("{:.3f}", *number);
  if (const Object* object = value.if_object()) {
    std::string text;
    for (const auto& [name, member] : *object) {
      if (member.if_object()) {
        text += fmt::format("\n  {:<18} {}", name, text_of(member));
      } else {
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, text_of(member));
      }
    }
    return text.empty() ? "none" : text;
  }
  return to_json(value);
}

void print(const Report& report, bool as_json) {
  const Value value = to_json_value(report);
  if (as_json) {
    fmt::print("{}\n", to_json(value));
    return;
  }
  for (const auto& [name, member] : *value.if_object()) {
    const std::string text = text_of(member);
    if (text.starts_with('\n')) {
      fmt::print("{}{}\n", name, text);
    } else {
      fmt::print("{:<20} {}\n", name, text);
    }
  }
  fmt::print("{:<20} {}\n", "saga_name", report.saga_name);
}

asio::awaitable<Exit> bench(Options options) {
  Ambient ambient;
  ambient.log = stderr_logger(LogLevel::warning);
  const Subject subject = open_subject(options.store, ambient);
  Report report;
  report.saga_name = "OrderSaga-" + new_nonce(*ambient.random).substr(0, 5);
  Usage before;  // what the bus asks as it starts is no part of the load
  LoadOptions load;
  load.store = subject.store;
  load.saga_name = report.saga_name;
  load.sagas = options.sagas;
  load.concurrency = options.concurrency;
  load.ambient = ambient;
  load.on_started = [&] { before = subject.usage(); };
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  auto running = run_load(std::move(load), executor);
  report.load = co_await std::move(running);
  report.sagas = options.sagas;
  report.usage = difference(subject.usage(), before, report.sagas);
  report.peak_rss_mb = peak_rss_mb();
  report.sagas_completed = co_await subject.store.count_by_name(report.saga_name, true);
  print(report, options.json);
  if (report.sagas_completed == options.sagas) co_return Exit::done;
  throw Failure(Exit::failed, fmt::format("only {} of {} sagas were completed",
                                          report.sagas_completed, options.sagas));
}

}  // namespace
}  // namespace verb_bench

void add_bench(CLI::App& app, Action& action) {
  using namespace verb_bench;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = app.add_subcommand("bench", kDescription);
  add_store_option(*verb, options->store);
  add_count_option(*verb, "--sagas", options->sagas, "Orders to run", 1, 10'000'000);
  add_count_option(*verb, "--concurrency", options->concurrency,
                   "Orders under way at once, and steps that the bus runs at once", 1, 10'000);
  add_count_option(*verb, "--threads", options->threads,
                   "Threads of the bus; one gives figures that can be repeated", 1, 256);
  add_switch(*verb, "--json", options->json, "Print one JSON object");
  verb->footer(kFooter);
  verb->callback([options, &action] {
    action = [options] { return run(bench(*options), options->threads); };
  });
}

}  // namespace sagabus::tools
