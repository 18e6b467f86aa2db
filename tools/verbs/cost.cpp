// sagabus cost: what a load of sagas would cost.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <optional>

#include "cost/bill.hpp"
#include "duration.hpp"
#include "read_file.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_cost {
namespace {

using dynamodb::CorrelationIndex;

constexpr const char* kDescription = "Say what a load of sagas would cost a month";

constexpr const char* kFooter =
    "Asks no service: the units are those that the store's own arithmetic gives, for an instance\n"
    "that is made up. Three tables stand beside each other: the published schema, whose index "
    "holds\n"
    "whole items, one whose index holds keys only, and one without an index.\n"
    "\n"
    "A step is a message that a saga takes in; timeouts that come are steps as well. --timers are\n"
    "those that are set and cleared: each costs its row, and a read when it comes too late.\n"
    "Counted are published messages with one taker each. With --workers over 1, every step after\n"
    "the first is taken to be another worker's than the one before: it reads, which is the most,\n"
    "and the outbox entry of the step before rides along. Not counted: refused writes, retries,\n"
    "conflicts, writes of your own (ctx.transact), dead letters, claims in S3, data transfer, "
    "taxes,\n"
    "discounts and free tiers.\n"
    "\n"
    "Prices are public ones, with their dates and sources in tools/cost/prices.json. One that was\n"
    "not found is left out of the sum, and named. --prices takes a file of the same form.\n"
    "\n"
    "Examples:\n"
    "  sagabus cost --sagas 50/s --region us-east-1\n"
    "  sagabus cost --sagas 2000000/d --steps 6 --state 900 --ttl-days 30 --pitr\n"
    "  sagabus cost --sagas 400/s --peak 3 --billing provisioned --workers 8 --json\n";

struct Options {
  Load load;
  std::string region = "us-east-1";
  std::string prices_file;
  bool standard_queues = false;
  bool json = false;
};

struct Column {
  std::string name;
  std::string key;  // in JSON
  CorrelationIndex index;
};
const Column kColumns[] = {{"published", "published", CorrelationIndex::all},
                           {"keys-only index", "keys_only", CorrelationIndex::keys_only},
                           {"no index", "no_index", CorrelationIndex::none}};

// The command line

[[noreturn]] void refuse(const std::string& option, const std::string& text,
                         const std::string& expected) {
  throw CLI::ValidationError(fmt::format("{}: '{}', expected {}", option, text, expected));
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !std::isfinite(number)) return std::nullopt;
  return number;
}

double number_within(const std::string& option, const std::string& text, double least,
                     double most) {
  const std::optional<double> number = parse_number(text);
  if (!number || *number < least || *number > most) {
    refuse(option, text, fmt::format("a number from {:.15g} to {:.15g}", least, most));
  }
  return *number;
}

// "50/s", "2000000/d"; a second where there is no unit.
double parse_rate(const std::string& text) {
  constexpr double kMost = 1e7;
  const std::size_t slash = text.find('/');
  const std::string unit = slash == std::string::npos ? "s" : text.substr(slash + 1);
  const std::optional<double> number = parse_number(std::string_view(text).substr(0, slash));
  double seconds = 0;
  if (unit == "s") seconds = 1;
  if (unit == "m") seconds = 60;
  if (unit == "h") seconds = 3600;
  if (unit == "d") seconds = 86'400;
  if (!number || seconds == 0 || *number <= 0 || *number / seconds > kMost) {
    refuse("--sagas", text, "a rate over 0 such as 50/s or 2000000/d");
  }
  return *number / seconds;
}

CLI::Option* add_number_option(CLI::App& verb, const std::string& name, double least, double most,
                               const std::string& description, std::function<void(double)> take) {
  const auto read = [=, take = std::move(take)](const std::string& text) {
    take(number_within(name, text, least, most));
  };
  return verb.add_option_function<std::string>(name, read, description)->type_name("X");
}

void add_bytes_option(CLI::App& verb, const std::string& name, std::size_t& bytes, unsigned least,
                      unsigned most, const std::string& description) {
  const auto take = [&bytes](double number) { bytes = static_cast<std::size_t>(number); };
  add_number_option(verb, name, least, most, description, take)
      ->type_name("BYTES")
      ->default_str(std::to_string(bytes));
}

void add_saga_options(CLI::App& verb, Load& load) {
  verb.add_option_function<std::string>(
          "--sagas", [&load](const std::string& text) { load.sagas_per_second = parse_rate(text); },
          "Sagas that begin: a second (/s), a minute (/m), an hour\n(/h) or a day (/d), on average")
      ->type_name("RATE")
      ->required();
  const auto peak = [&load](double number) { load.peak = number; };
  add_number_option(verb, "--peak", 1, 1000, "How many times as many at the busiest time", peak)
      ->default_str("1");
  add_count_option(verb, "--steps", load.shape.steps, "Messages that a saga takes in", 1, 10'000);
  add_bytes_option(verb, "--state", load.shape.state_bytes, 1, 400 * 1024,
                   "Size of the state, as DynamoDB counts it");
  add_count_option(verb, "--published", load.shape.published, "Messages that a step publishes", 0,
                   1000);
  add_bytes_option(verb, "--payload", load.shape.payload_bytes, 2, 256 * 1024,
                   "Size of a message's payload, as JSON");
  add_count_option(verb, "--timers", load.shape.timers,
                   "Timeouts that a saga sets and that are cleared before\nthey come", 0, 64);
  const auto lasts = [&load](const std::string& text) {
    const auto duration = parse_duration(text);
    if (!duration) refuse("--lasts", text, "a duration such as 90s, 12h or 30d");
    load.lasts = *duration;
  };
  verb.add_option_function<std::string>("--lasts", lasts, "From a saga's start to its end")
      ->type_name("DURATION")
      ->default_str("1h");
  const auto days = [&load](double number) { load.ttl_days = number; };
  add_number_option(verb, "--ttl-days", 0.001, 36'500,
                    "Days that a completed saga stays (default: for ever,\ncounted after a year)",
                    days)
      ->type_name("DAYS");
}

void add_service_options(CLI::App& verb, Options& options) {
  Load& load = options.load;
  add_count_option(verb, "--workers", load.workers, "Processes that share the sagas", 1, 1000);
  const auto billing = [&load](const std::string& text) {
    if (text != "on-demand" && text != "provisioned") {
      refuse("--billing", text, "on-demand or provisioned");
    }
    load.provisioned = text == "provisioned";
  };
  verb.add_option_function<std::string>("--billing", billing,
                                        "on-demand, or provisioned for the peak at 70 % of use")
      ->type_name("MODE")
      ->default_str("on-demand");
  add_switch(verb, "--pitr", load.recovery, "With point-in-time recovery");
  add_switch(verb, "--standard-queues", options.standard_queues, "Standard queues, not FIFO");
  add_switch(verb, "--topics", load.topics, "Messages go through topics of SNS");
  add_count_option(verb, "--batch", load.batch,
                   "Messages that share a request to SQS: up to 10 under\nload; fewer are sent "
                   "together where they are large",
                   1, 10);
  add_count_option(verb, "--queues", load.queues, "Queues that a worker listens to", 0, 1000);
  verb.add_option("--region", options.region, "Whose prices")
      ->type_name("REGION")
      ->default_str(options.region);
  verb.add_option("--prices", options.prices_file, "Prices of your own")->type_name("FILE");
  add_switch(verb, "--json", options.json, "Print one JSON object");
}

// Prices

Prices load_prices(const Options& options) {
  if (options.prices_file.empty()) {
    return read_prices(built_in_prices(), "prices", options.region);
  }
  const std::optional<std::string> text = read_file(options.prices_file);
  if (!text) {
    throw std::invalid_argument(fmt::format("--prices: {}: cannot be read", options.prices_file));
  }
  return read_prices(*text, options.prices_file, options.region);
}

// A state that no item has room for is the user's mistake.
Bill bill_of(const Load& load, CorrelationIndex index, const Prices& prices) {
  try {
    return make_bill(load, index, prices);
  } catch (const StateTooLarge& error) {
    throw std::invalid_argument(
        fmt::format("no item has room for such an instance: {}", error.what()));
  }
}

// What one saga asks of DynamoDB: its writes, and with several workers its reads; for each timer a
// row that is put and erased, and the instance that is read.
double requests_a_saga(const Load& load) {
  const double steps = load.shape.steps;
  return steps + (load.workers > 1 ? steps - 1 : 0) + 3.0 * load.shape.timers;
}

// For people

std::string number_text(double number) {
  if (number >= 1e6) return fmt::format("{:.1f} million", number / 1e6);
  return fmt::format("{:.4g}", number);
}

std::string dollars_text(const std::optional<double>& dollars) {
  if (!dollars) return "no price";
  return fmt::format("${:.2f}", *dollars);
}

template <class Text>
void print_row(const std::string& name, const std::vector<Bill>& bills, Text text) {
  fmt::print("{:<34}", name);
  for (const Bill& bill : bills) fmt::print("{:>18}", text(bill));
  fmt::print("\n");
}

void print_units(const Load& load, const std::vector<Bill>& bills) {
  const double steps = load.shape.steps;
  print_row("bytes of an instance, at most", bills, [](const Bill& bill) {
    std::size_t most = 0;
    for (const dynamodb::StepModel& step : bill.model.steps) {
      most = std::max(most, step.item_bytes);
    }
    return std::to_string(most);
  });
  const auto a_saga = [&load](const Bill& bill) {
    return bill.model.write_units() + 2.0 * load.shape.timers * bill.model.timer_units;
  };
  const auto reads = [&load](const Bill& bill) {
    return (load.workers > 1 ? bill.model.unknown_read_units() : 0) +
           load.shape.timers * bill.model.stale_timer_units;
  };
  print_row("requests to DynamoDB a saga", bills,
            [&load](const Bill&) { return number_text(requests_a_saga(load)); });
  print_row("write units a step", bills, [&](const Bill& bill) {
    return fmt::format("{:.3g}", bill.model.write_units() / steps);
  });
  print_row("write units a saga, with timers", bills,
            [&](const Bill& bill) { return number_text(a_saga(bill)); });
  print_row("read units a saga, at most", bills,
            [&](const Bill& bill) { return number_text(reads(bill)); });
  print_row("requests to SQS a message", bills,
            [](const Bill& bill) { return fmt::format("{:.3g}", bill.sqs_requests_per_message); });
}

void print_partitions(const std::vector<Bill>& bills) {
  print_row("write units/s at the peak, table", bills,
            [](const Bill& bill) { return number_text(bill.table_units_per_second); });
  print_row("  of the index", bills,
            [](const Bill& bill) { return number_text(bill.index_units_per_second); });
  print_row("  of each partition of timers", bills,
            [](const Bill& bill) { return number_text(bill.timer_units_per_second); });
  print_row("partitions needed, table + index", bills, [](const Bill& bill) {
    return fmt::format("{} + {}", bill.table_partitions, bill.index_partitions);
  });
  print_row("key shards needed, if one saga", bills,
            [](const Bill& bill) { return std::to_string(bill.key_shards); });
}

void print_notes(const Options& options, const std::vector<Bill>& bills) {
  const bool hot =
      std::any_of(bills.begin(), bills.end(), [](const Bill& bill) { return bill.key_shards > 1; });
  if (hot) {
    fmt::print(
        "\nA partition takes 1,000 write units/s, and a saga without key shards has one partition\n"
        "value, in the table and again in the index. DynamoDB splits what stays hot after a "
        "while;\n"
        "key_shards=N in the store's options spreads the instances from the start. With key "
        "shards\n"
        "the index has no use: take a table without one.\n");
  }
  if (bills.front().timer_units_per_second > kPartitionWriteUnits) {
    fmt::print(
        "\nTimers have four partition values, whatever the number of key shards: more than 4,000\n"
        "write units/s of them are throttled. Set fewer, or spread the sagas over several "
        "tables.\n");
  }
  if (!options.load.ttl_days) {
    fmt::print("\nWithout --ttl-days nothing is ever removed: storage is that after a year.\n");
  }
}

void print(const Options& options, const Prices& prices, const std::vector<Bill>& bills) {
  fmt::print("{:<34}", "");
  for (const Column& column : kColumns) fmt::print("{:>18}", column.name);
  fmt::print("\n");
  print_units(options.load, bills);
  fmt::print("\n");
  print_partitions(bills);
  fmt::print("\nA month of {:g} h in {}\n", kMonthHours, prices.region);
  for (std::size_t i = 0; i < bills.front().lines.size(); ++i) {
    const std::string& name = bills.front().lines[i].name;
    print_row(name, bills, [i](const Bill& bill) { return number_text(bill.lines[i].quantity); });
    print_row("", bills, [i](const Bill& bill) { return dollars_text(bill.lines[i].dollars); });
  }
  const bool whole = bills.front().unpriced.empty();
  print_row(whole ? "together" : "together, without what has no price", bills,
            [](const Bill& bill) { return dollars_text(bill.dollars); });
  print_notes(options, bills);
  fmt::print("\nPrices are of {} to {}, by {} sources, which --json names.\n", prices.oldest,
             prices.newest, prices.sources.size());
  if (whole) return;
  std::string names;
  for (const std::string& name : bills.front().unpriced)
    names += (names.empty() ? "" : ", ") + name;
  fmt::print("No price in {}: {}. Give it by --prices.\n", prices.region, names);
}

// For programs

Value json_of(const Line& line) {
  return Value(Object{{"name", Value(line.name)},
                      {"quantity", Value(line.quantity)},
                      {"price", Value(line.price)},
                      {"dollars", line.dollars ? Value(*line.dollars) : Value()}});
}

Value json_of(const Load& load, const Bill& bill) {
  Array steps;
  for (const dynamodb::StepModel& step : bill.model.steps) {
    steps.emplace_back(Object{{"item_bytes", Value(std::uint64_t{step.item_bytes})},
                              {"table_write_units", Value(step.table_units)},
                              {"index_write_units", Value(step.index_units)},
                              {"unknown_read_units", Value(step.unknown_read_units)}});
  }
  Array lines;
  for (const Line& line : bill.lines) lines.push_back(json_of(line));
  Array unpriced;
  for (const std::string& name : bill.unpriced) unpriced.emplace_back(name);
  return Value(
      Object{{"steps", Value(std::move(steps))},
             {"requests", Value(requests_a_saga(load))},
             {"timer_write_units", Value(2.0 * load.shape.timers * bill.model.timer_units)},
             {"sqs_requests_per_message", Value(bill.sqs_requests_per_message)},
             {"table_write_units_per_second", Value(bill.table_units_per_second)},
             {"index_write_units_per_second", Value(bill.index_units_per_second)},
             {"timer_write_units_per_second", Value(bill.timer_units_per_second)},
             {"table_partitions", Value(std::uint64_t{bill.table_partitions})},
             {"index_partitions", Value(std::uint64_t{bill.index_partitions})},
             {"key_shards", Value(std::uint64_t{bill.key_shards})},
             {"table_gb", Value(bill.stored_gb)},
             {"index_gb", Value(bill.index_gb)},
             {"month", Value(std::move(lines))},
             {"dollars", Value(bill.dollars)},
             {"unpriced", Value(std::move(unpriced))}});
}

void print_json(const Options& options, const Prices& prices, const std::vector<Bill>& bills) {
  Array sources;
  for (const PriceSource& source : prices.sources) {
    sources.emplace_back(Object{{"date", Value(source.date)}, {"source", Value(source.text)}});
  }
  Object out{{"region", Value(prices.region)},
             {"prices_from", Value(prices.oldest)},
             {"prices_to", Value(prices.newest)},
             {"sources", Value(std::move(sources))},
             {"sagas_per_second", Value(options.load.sagas_per_second)}};
  for (std::size_t i = 0; i < bills.size(); ++i) {
    out.emplace_back(kColumns[i].key, json_of(options.load, bills[i]));
  }
  fmt::print("{}\n", to_json(Value(std::move(out))));
}

Exit cost(const Options& options) {
  const Prices prices = load_prices(options);
  std::vector<Bill> bills;
  for (const Column& column : kColumns) {
    bills.push_back(bill_of(options.load, column.index, prices));
  }
  if (options.json) {
    print_json(options, prices, bills);
  } else {
    print(options, prices, bills);
  }
  return Exit::done;
}

}  // namespace
}  // namespace verb_cost

void add_cost(CLI::App& app, Action& action) {
  using namespace verb_cost;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  options->load.shape.first_step = 1'000'000;
  CLI::App* const verb = app.add_subcommand("cost", kDescription);
  add_saga_options(*verb, options->load);
  add_service_options(*verb, *options);
  verb->footer(kFooter);
  verb->callback([options, &action] {
    options->load.fifo = !options->standard_queues;
    // What another worker sent is known to have left when it has told so, seconds later.
    if (options->load.workers > 1) options->load.shape.carried = 1;
    action = [options] { return cost(*options); };
  });
}

}  // namespace sagabus::tools
