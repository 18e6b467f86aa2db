#include "doctor/table_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "doctor/service_checks.hpp"
#include "open_store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

constexpr unsigned kTableReads = 50;
constexpr std::chrono::milliseconds kUsualTableRead{30};

// No saga's name begins with "$", so there is no such item.
constexpr const char* kKey = R"({"sagaName":{"S":"$doctor"},"sagaId":{"S":"probe"}})";

// Holds for no item, and not where there is none.
constexpr const char* kNever =
    R"-(,"ConditionExpression":"attribute_exists(sagaId) AND attribute_not_exists(sagaId)")-";

std::string body_for(const std::string& table, std::string_view members) {
  std::string out = "{\"TableName\":";
  append_json_string(out, table);
  out += members;
  return out += '}';
}

// One permission, and the request that shows whether it is there.
struct TableTrial {
  std::string_view operation;  // a literal
  std::string_view on;         // for people: where not the table itself
  std::string members;
};

std::string read_members() {
  return fmt::format(R"(,"Key":{},"ConsistentRead":true)", kKey);
}

std::vector<TableTrial> table_trials(bool with_index) {
  std::vector<TableTrial> out;
  out.push_back({"GetItem", "", read_members()});
  out.push_back({"Query", "",
                 R"(,"KeyConditionExpression":"sagaName = :n","Limit":1,)"
                 R"("ExpressionAttributeValues":{":n":{"S":"$doctor"}})"});
  if (with_index) {
    out.push_back(
        {"Query", " of the index",
         R"(,"IndexName":"correlationIndex","KeyConditionExpression":"sagaName = :n AND )"
         R"(correlationId = :n","Limit":1,"ExpressionAttributeValues":{":n":{"S":"$doctor"}})"});
  }
  out.push_back({"PutItem", "", fmt::format(R"(,"Item":{}{})", kKey, kNever)});
  out.push_back({"UpdateItem", "",
                 fmt::format(R"(,"Key":{}{},"UpdateExpression":"SET probe = :n",)"
                             R"("ExpressionAttributeValues":{{":n":{{"S":"$doctor"}}}})",
                             kKey, kNever)});
  out.push_back({"DeleteItem", "", fmt::format(R"(,"Key":{}{})", kKey, kNever)});
  return out;
}

bool is_allowed(const aws::Outcome& outcome) {
  return outcome || outcome.error().kind == aws::ErrorKind::conditional_check_failed;
}

asio::awaitable<void> try_on_table(aws::Client client, std::string table, bool with_index,
                                   Report& report) {
  std::vector<std::string> allowed;
  for (const TableTrial& trial : table_trials(with_index)) {
    auto trying = client.call(trial.operation, body_for(table, trial.members));
    const aws::Outcome outcome = co_await std::move(trying);
    const std::string what = fmt::format("{}{}", trial.operation, trial.on);
    if (is_allowed(outcome)) {
      allowed.push_back(what);
    } else if (is_denied(outcome)) {
      report.add({Severity::error, "permissions",
                  fmt::format("dynamodb:{} is denied: {}", what, text_of(outcome.error())),
                  fmt::format("allow it on the table{}: the store needs it",
                              trial.on.empty() ? "" : "'s indexes, TABLE_ARN/index/*")});
    } else {
      report.add({Severity::warning, "permissions",
                  fmt::format("dynamodb:{}: not known, {}", what, text_of(outcome.error())),
                  "try again; if it stays, see sagabus table verify"});
    }
  }
  if (allowed.empty()) co_return;
  report.add({Severity::ok, "permissions", fmt::format("allowed: {}", fmt::join(allowed, ", "))});
}

bool is_about_index(std::string_view difference) {
  return difference.starts_with("index ");
}

std::string advice_for(std::string_view difference) {
  if (difference.starts_with("key shards: ")) return "say key_shards=N in the URI, as found";
  if (difference.starts_with("format version: ")) return "use a newer sagabus";
  return "this is another table: take the right name, or have sagabus table create make one";
}

// What cannot be turned on later. Billing is the owner's to choose; index and time to live have
// lines of their own.
std::vector<std::string> schema_differences(const dynamodb::SagaStore& store,
                                            dynamodb::CorrelationIndex index,
                                            dynamodb::TableInfo table) {
  table.ttl_attribute.clear();
  dynamodb::TableDescription wanted;
  wanted.index = index;
  wanted.key_shards = store.key_shards();
  wanted.billing = table.billing;
  wanted.ttl = false;
  return dynamodb::table_differences(wanted, table);
}

// An index is made with its table, so the URI says what is there, or the table is another.
std::string index_advice(const dynamodb::SagaStore& store, const dynamodb::TableInfo& table) {
  using dynamodb::CorrelationIndex;
  constexpr std::pair<CorrelationIndex, std::string_view> kWords[] = {
      {CorrelationIndex::all, "all"},
      {CorrelationIndex::keys_only, "keys_only"},
      {CorrelationIndex::none, "none"}};
  for (const auto& [index, word] : kWords) {
    const std::vector<std::string> left = schema_differences(store, index, table);
    if (std::any_of(left.begin(), left.end(), is_about_index)) continue;
    return fmt::format("say index={} in the URI, as found, or take another table", word);
  }
  return "take another table: no store can use this index";
}

void report_table(const dynamodb::SagaStore& store, const dynamodb::TableInfo& table,
                  bool uri_has_ttl, Report& report) {
  report.add(table_finding(table));
  const std::vector<std::string> differences = schema_differences(store, store.index(), table);
  bool fits = true;
  Finding index = index_finding(table, store.index());
  for (const std::string& difference : differences) {
    if (is_about_index(difference)) {
      index = {Severity::error, "index", difference, index_advice(store, table)};
    } else {
      report.add({Severity::error, "schema", difference, advice_for(difference)});
      fits = false;
    }
  }
  if (fits) {
    report.add(
        {Severity::ok, "schema",
         fmt::format("keys and record as the store needs them, format {}, {} key shard{}",
                     table.format_version, table.key_shards, table.key_shards == 1 ? "" : "s")});
  }
  report.add(index);
  report.add(ttl_finding(table, uri_has_ttl));
}

// What a program sees that may only use the table.
asio::awaitable<void> check_by_use(dynamodb::SagaStore store, Report& report) {
  Finding finding{Severity::ok, "schema", "what the store reads when it starts is as it should be"};
  try {
    auto preparing = store.backend()->prepare();
    co_await std::move(preparing);
  } catch (const Error& error) {
    finding = {Severity::error, "schema", error.what(), "see sagabus table verify"};
  }
  report.add(finding);
}

struct Sight {
  bool table = true;
  bool index = true;  // where it was not looked at, too
};

asio::awaitable<Sight> look_at_table(dynamodb::SagaStore store, bool uri_has_ttl, Report& report) {
  std::optional<dynamodb::TableInfo> table;
  Finding failure;
  bool missing = false;
  bool denied = false;
  try {
    auto describing = dynamodb::describe_table(store);
    table = co_await std::move(describing);
  } catch (const TableNotFound&) {
    missing = true;
  } catch (const AccessDenied& error) {
    denied = true;
    failure = {Severity::warning, "table",
               fmt::format("not looked at: dynamodb:{} is denied", error.service().operation),
               "programs do not need it; doctor does, to see index state and time to live"};
  } catch (const Error& error) {
    failure = {Severity::error, "table", error.what(), "see sagabus table verify"};
  }
  if (missing) {
    report.add_missing({Severity::error, "table",
                        fmt::format("there is no table {}", store.table_name()),
                        "sagabus table create makes it; check Region and account otherwise"});
    co_return Sight{.table = false};
  }
  if (table) {
    report_table(store, *table, uri_has_ttl, report);
    co_return Sight{.index = !table->indexes.empty()};
  }
  report.add(failure);
  if (denied) {
    auto checking = check_by_use(store, report);
    co_await std::move(checking);
  }
  co_return Sight{};
}

}  // namespace

asio::awaitable<void> examine_table(DynamoDbUri uri, Report& report) {
  AskedService asked = ask_service(aws::kDynamoDb, uri.region, uri.endpoint, uri.profile);
  const dynamodb::SagaStore store = open_dynamodb(uri, {}, asked.credentials);
  asked.client = store.client().aws();
  const Probe read{"GetItem", body_for(uri.table, read_members())};
  auto examining = examine_service(asked, read, report);
  const std::optional<aws::Outcome> answer = co_await std::move(examining);
  if (!answer) co_return;
  auto looking = look_at_table(store, uri.ttl_days.has_value(), report);
  const Sight there = co_await std::move(looking);
  if (!there.table) co_return;
  const bool with_index = there.index && store.index() != dynamodb::CorrelationIndex::none;
  auto trying = try_on_table(asked.client, uri.table, with_index, report);
  co_await std::move(trying);
  if (!*answer) co_return;
  auto timing = time_requests(asked.client, read, kTableReads);
  std::vector<std::chrono::nanoseconds> times = co_await std::move(timing);
  report.add(latency_finding(std::move(times), "reads", kUsualTableRead,
                             "run where the table is: each step waits for a request or two"));
}

Finding table_finding(const dynamodb::TableInfo& table) {
  const bool on_demand = table.billing == dynamodb::Billing::on_demand;
  Finding finding{
      Severity::ok, "table",
      fmt::format("{}, {}, {}", table.name, table.status, on_demand ? "on demand" : "provisioned")};
  if (table.status == "UPDATING") {
    finding.severity = Severity::warning;
    finding.advice = "it can be used meanwhile";
  } else if (table.status != "ACTIVE") {
    finding.severity = Severity::error;
    finding.advice = "it cannot be used: wait until it is ACTIVE";
  }
  return finding;
}

Finding index_finding(const dynamodb::TableInfo& table, dynamodb::CorrelationIndex wanted) {
  if (wanted == dynamodb::CorrelationIndex::none) {
    return {Severity::ok, "index", "none, and the store wants none"};
  }
  const auto index =
      std::find_if(table.indexes.begin(), table.indexes.end(),
                   [](const auto& candidate) { return candidate.name == "correlationIndex"; });
  if (index == table.indexes.end()) {
    return {Severity::error, "index", "missing",
            "say index=none in the URI, or take another table"};
  }
  Finding finding{Severity::ok, "index",
                  fmt::format("{}, {}, {}", index->name, index->status, index->projection)};
  if (index->status != "ACTIVE") {
    finding.severity = index->status == "UPDATING" ? Severity::warning : Severity::error;
    finding.advice = "what is asked of it may be missing until it is ACTIVE";
  }
  return finding;
}

Finding ttl_finding(const dynamodb::TableInfo& table, bool uri_has_ttl) {
  if (table.ttl_attribute == "ttl") return {Severity::ok, "ttl", "on, by the attribute ttl"};
  if (!table.ttl_attribute.empty()) {
    return {Severity::error, "ttl", fmt::format("by the attribute {}", table.ttl_attribute),
            "turn it off, wait an hour, and turn it on for ttl"};
  }
  return {uri_has_ttl ? Severity::error : Severity::warning, "ttl",
          uri_has_ttl ? "off, but ttl_days is set: nothing is ever deleted"
                      : "off: rows of workers that are gone are never deleted",
          "sagabus table create turns it on"};
}

}  // namespace sagabus::tools
