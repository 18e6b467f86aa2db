// sagabus table describe: what a table is.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "pretty_json.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "sagabus/json.hpp"
#include "terminal.hpp"
#include "verbs/table.hpp"
#include "verbs/verbs.hpp"

namespace sagabus::tools {
namespace verb_table_describe {
namespace {

namespace asio = boost::asio;

constexpr const char* kDescription = "Show what the table is";

constexpr const char* kFooter =
    "Items and bytes are as of some hours ago. Exits with 3 where there is no table.\n"
    "\n"
    "Examples:\n"
    "  sagabus table describe --store 'dynamodb://sagas?region=us-east-1'\n"
    "  sagabus table describe --store 'dynamodb://sagas?region=us-east-1' --json\n";

struct Options {
  std::string store;
  bool json = false;
};

Value keys_value(const std::vector<dynamodb::KeyAttribute>& keys) {
  Array out;
  for (const dynamodb::KeyAttribute& key : keys) {
    out.emplace_back(Object{{"name", Value(key.name)}, {"type", Value(key.type)}});
  }
  return Value(std::move(out));
}

Value to_json_value(const dynamodb::TableInfo& table) {
  const bool provisioned = table.billing == dynamodb::Billing::provisioned;
  Array indexes;
  for (const dynamodb::IndexInfo& index : table.indexes) {
    Object out;
    out.emplace_back("name", Value(index.name));
    out.emplace_back("status", Value(index.status));
    out.emplace_back("keys", keys_value(index.keys));
    out.emplace_back("projection", Value(index.projection));
    indexes.emplace_back(std::move(out));
  }
  Object out;
  out.emplace_back("name", Value(table.name));
  out.emplace_back("arn", Value(table.arn));
  out.emplace_back("status", Value(table.status));
  out.emplace_back("keys", keys_value(table.keys));
  out.emplace_back("indexes", Value(std::move(indexes)));
  out.emplace_back("billing", Value(provisioned ? "provisioned" : "on-demand"));
  out.emplace_back("read_units", provisioned ? Value(table.read_units) : Value());
  out.emplace_back("write_units", provisioned ? Value(table.write_units) : Value());
  out.emplace_back("ttl_attribute", text_or_null(table.ttl_attribute));
  out.emplace_back("point_in_time_recovery",
                   table.point_in_time_recovery ? Value(*table.point_in_time_recovery) : Value());
  out.emplace_back("deletion_protection", Value(table.deletion_protection));
  out.emplace_back("stream", text_or_null(table.stream));
  out.emplace_back("stream_arn", text_or_null(table.stream_arn));
  out.emplace_back("format_version", Value(table.format_version));
  out.emplace_back("key_shards",
                   table.key_shards == 0 ? Value() : Value(std::uint64_t{table.key_shards}));
  out.emplace_back("items", Value(table.items));
  out.emplace_back("bytes", Value(table.bytes));
  return Value(std::move(out));
}

std::string keys_text(const std::vector<dynamodb::KeyAttribute>& keys) {
  std::string text;
  for (const dynamodb::KeyAttribute& key : keys) {
    text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", key.name, key.type);
  }
  return text;
}

std::string or_off(const std::string& text) {
  return text.empty() ? "off" : text;
}

std::string recovery_text(const dynamodb::TableInfo& table) {
  if (!table.point_in_time_recovery) return "the service has none";
  return *table.point_in_time_recovery ? "on" : "off";
}

void print(const dynamodb::TableInfo& table) {
  const auto line = [](std::string_view name, const std::string& text) {
    fmt::print("{:<24} {}\n", name, escape_controls(text));
  };
  line("table", table.name);
  line("arn", table.arn);
  line("status", table.status);
  line("keys", keys_text(table.keys));
  for (const dynamodb::IndexInfo& index : table.indexes) {
    line("index " + index.name,
         fmt::format("{}, {}, {}", keys_text(index.keys), index.projection, index.status));
  }
  line("billing", table.billing == dynamodb::Billing::on_demand
                      ? "on-demand"
                      : fmt::format("provisioned, {} read units, {} write units", table.read_units,
                                    table.write_units));
  line("time to live", or_off(table.ttl_attribute));
  line("point-in-time recovery", recovery_text(table));
  line("deletion protection", table.deletion_protection ? "on" : "off");
  line("stream", or_off(table.stream));
  if (!table.stream_arn.empty()) line("stream arn", table.stream_arn);
  line("format version", std::to_string(table.format_version));
  line("key shards", table.key_shards == 0 ? "unknown" : std::to_string(table.key_shards));
  line("items", std::to_string(table.items));
  line("bytes", std::to_string(table.bytes));
}

asio::awaitable<Exit> describe(Options options) {
  const dynamodb::SagaStore store = open_table(options.store);
  const dynamodb::TableInfo table = co_await dynamodb::describe_table(store);
  if (options.json) {
    fmt::print("{}\n", to_json(to_json_value(table)));
  } else {
    print(table);
  }
  co_return Exit::done;
}

}  // namespace
}  // namespace verb_table_describe

void add_table_describe(CLI::App& app, Action& action) {
  using namespace verb_table_describe;  // NOLINT(google-build-using-namespace)
  const auto options = std::make_shared<Options>();
  CLI::App* const verb = table_group(app).add_subcommand("describe", kDescription);
  add_store_option(*verb, options->store);
  add_switch(*verb, "--json", options->json, "Print one JSON object");
  verb->footer(kFooter);
  verb->callback([options, &action] { action = [options] { return run(describe(*options)); }; });
}

}  // namespace sagabus::tools
