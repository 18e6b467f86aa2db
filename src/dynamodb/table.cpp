#include "sagabus/dynamodb/table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <functional>
#include <stdexcept>

#include "aws/json_member.hpp"
#include "dynamodb/gateway.hpp"
#include "dynamodb/item.hpp"
#include "dynamodb/key_shards.hpp"
#include "dynamodb/table_form.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;
using aws::find_member;
using aws::find_text;
using std::chrono::milliseconds;

constexpr std::chrono::minutes kWaitLimit{10};
constexpr milliseconds kFirstWait{50};
constexpr milliseconds kLongestWait{2000};

std::string table_request(const std::string& table, std::string_view more = {}) {
  std::string out = "{\"TableName\":";
  append_json_string(out, table);
  out += more;
  return out += '}';
}

// `operation` must be a literal.
boost::asio::awaitable<json::value> ask(const SagaStore& store, std::string_view operation,
                                        std::string_view more = {}) {
  auto calling = store.client().call(std::string(operation),
                                     table_request(store.table_name(), more), store.table_name());
  const std::string answer = co_await std::move(calling);
  co_return parse_answer(operation, answer);
}

// Waits between looks at something slow, longer each time.
class Patience {
 public:
  explicit Patience(const SagaStore& store)
      : store_(store), until_(clock().monotonic() + kWaitLimit) {}

  boost::asio::awaitable<void> wait(std::string_view what) {
    if (clock().monotonic() >= until_) {
      throw TransientError(fmt::format("table {}: {} after {} minutes", store_.table_name(), what,
                                       kWaitLimit.count()));
    }
    auto sleeping = clock().sleep_for(next_);
    next_ = std::min(2 * next_, kLongestWait);
    co_await std::move(sleeping);
  }

 private:
  Clock& clock() const { return store_.client().clock(); }

  const SagaStore& store_;
  std::chrono::nanoseconds until_;
  milliseconds next_ = kFirstWait;
};

boost::asio::awaitable<std::optional<TableInfo>> look(const SagaStore& store) {
  try {
    auto asking = ask(store, "DescribeTable");
    const json::value answer = co_await std::move(asking);
    const json::value* table = find_member(answer, {"Table"});
    co_return table ? read_table_info(*table) : TableInfo{};
  } catch (const TableNotFound&) {
    co_return std::nullopt;
  }
}

boost::asio::awaitable<void> look_at_ttl(const SagaStore& store, TableInfo& info) {
  auto asking = ask(store, "DescribeTimeToLive");
  const json::value answer = co_await std::move(asking);
  const std::string_view status = find_text(answer, {"TimeToLiveDescription", "TimeToLiveStatus"});
  if (status != "ENABLED" && status != "ENABLING") co_return;
  info.ttl_attribute = find_text(answer, {"TimeToLiveDescription", "AttributeName"});
}

boost::asio::awaitable<void> look_at_backups(const SagaStore& store, TableInfo& info) {
  try {
    auto asking = ask(store, "DescribeContinuousBackups");
    const json::value answer = co_await std::move(asking);
    info.point_in_time_recovery =
        find_text(answer, {"ContinuousBackupsDescription", "PointInTimeRecoveryDescription",
                           "PointInTimeRecoveryStatus"}) == "ENABLED";
  } catch (const Unsupported&) {  // as DynamoDB Local says
    info.point_in_time_recovery.reset();
  }
}

TableRef table_of(const SagaStore& store) {
  TableRef table;
  table.name = store.table_name();
  table.count_units = false;
  return table;
}

// The record in an answer, or in an error that shows what was there.
std::optional<TableRecord> record_in(const SagaStore& store, const json::value& answer) {
  const json::value* item = find_member(answer, {"Item"});
  if (!item || !item->is_object()) return std::nullopt;
  return read_table_record(item->get_object(), store.table_name());
}

boost::asio::awaitable<std::optional<TableRecord>> look_at_record(const SagaStore& store) {
  auto calling =
      store.client().call("GetItem", get_record_request(table_of(store)), store.table_name());
  const std::string answer = co_await std::move(calling);
  co_return record_in(store, parse_answer("GetItem", answer));
}

// Items that are there would lie in no shard.
boost::asio::awaitable<void> require_no_items(const SagaStore& store, unsigned key_shards) {
  auto calling = store.client().call("Scan", any_item_request(table_of(store)), store.table_name());
  const std::string answer = co_await std::move(calling);
  if (aws::find_count(parse_answer("Scan", answer), {"Count"}) == 0) co_return;
  throw ValidationError(fmt::format(
      "table {} exists, has no {} record and holds items: it is one of 1 key shard, and "
      "cannot become one of {}; take another table",
      store.table_name(), kTable, key_shards));
}

// Writes the record where there is none. Gives back the one that then stands there: somebody else's
// perhaps, or our own from before its answer was lost.
boost::asio::awaitable<TableRecord> settle_record(const SagaStore& store, unsigned key_shards) {
  auto looking = look_at_record(store);
  const std::optional<TableRecord> before = co_await std::move(looking);
  if (before) co_return *before;
  if (key_shards > 1) {
    auto requiring = require_no_items(store, key_shards);
    co_await std::move(requiring);
  }
  TableRecord record;
  record.key_shards = key_shards;
  auto calling = store.client().aws().call("PutItem", put_record_request(table_of(store), record));
  const aws::Outcome outcome = co_await std::move(calling);
  if (outcome) co_return record;
  const aws::ServiceError& error = outcome.error();
  if (error.kind == aws::ErrorKind::conditional_check_failed) {
    const auto there = record_in(store, parse_answer("PutItem", error.body));
    if (there) co_return *there;
  }
  aws::throw_service_error(error, store.table_name());
}

boost::asio::awaitable<void> make(const SagaStore& store, const TableInfo& planned) {
  std::string body = create_table_request(planned);
  auto calling = store.client().aws().call("CreateTable", std::move(body));
  const aws::Outcome outcome = co_await std::move(calling);
  // In use: somebody else made it just now. What it is like is looked at next.
  if (!outcome && outcome.error().code != "ResourceInUseException") {
    aws::throw_service_error(outcome.error(), store.table_name());
  }
}

TableDescription description_for(const SagaStore& store) {
  TableDescription description;
  description.index = store.index();
  description.key_shards = store.key_shards();
  return description;
}

bool is_active(const TableInfo& info) {
  return info.status == "ACTIVE" &&
         std::all_of(info.indexes.begin(), info.indexes.end(),
                     [](const IndexInfo& index) { return index.status == "ACTIVE"; });
}

boost::asio::awaitable<TableInfo> wait_until_active(const SagaStore& store) {
  Patience patience(store);
  for (;;) {
    auto looking = look(store);
    std::optional<TableInfo> info = co_await std::move(looking);
    if (info && is_active(*info)) co_return std::move(*info);
    auto waiting = patience.wait("not yet active");
    co_await std::move(waiting);
  }
}

[[noreturn]] void refuse(const SagaStore& store, const std::vector<std::string>& differences) {
  throw ValidationError(fmt::format("table {} exists and is another one: {}", store.table_name(),
                                    fmt::join(differences, "; ")));
}

boost::asio::awaitable<void> agree_on_record(const SagaStore& store, const TableInfo& planned) {
  auto settling = settle_record(store, planned.key_shards);
  const TableRecord record = co_await std::move(settling);
  const std::vector<std::string> differences = record_differences(planned.key_shards, record);
  if (!differences.empty()) refuse(store, differences);
}

// Gives back what the service says where it refuses because of what the table is or goes through:
// perhaps somebody else asked for the same in the same moment. `operation` must be a literal.
boost::asio::awaitable<std::optional<aws::ServiceError>> try_to(const SagaStore& store,
                                                                std::string_view operation,
                                                                std::string_view more) {
  auto calling = store.client().aws().call(operation, table_request(store.table_name(), more));
  const aws::Outcome outcome = co_await std::move(calling);
  if (outcome) co_return std::nullopt;
  const aws::ServiceError& error = outcome.error();
  if (error.kind != aws::ErrorKind::validation && error.code != "ResourceInUseException") {
    aws::throw_service_error(error, store.table_name());
  }
  co_return error;
}

boost::asio::awaitable<void> turn_on_ttl(const SagaStore& store, const TableInfo& planned) {
  const std::string more = ',' + ttl_member(planned);
  auto trying = try_to(store, "UpdateTimeToLive", more);
  const std::optional<aws::ServiceError> refusal = co_await std::move(trying);
  if (!refusal) co_return;
  TableInfo info;
  auto looking = look_at_ttl(store, info);
  co_await std::move(looking);
  if (info.ttl_attribute != planned.ttl_attribute)
    aws::throw_service_error(*refusal, store.table_name());
}

// `is_on`: whether the table is as the member of UpdateTable says.
boost::asio::awaitable<void> update(const SagaStore& store, std::string member,
                                    std::function<bool(const TableInfo&)> is_on) {
  const std::string more = ',' + member;
  auto trying = try_to(store, "UpdateTable", more);
  const std::optional<aws::ServiceError> refusal = co_await std::move(trying);
  auto waiting = wait_until_active(store);
  const TableInfo info = co_await std::move(waiting);
  if (refusal && !is_on(info)) aws::throw_service_error(*refusal, store.table_name());
}

boost::asio::awaitable<void> turn_on_stream(const SagaStore& store, const TableInfo& planned) {
  std::function<bool(const TableInfo&)> is_on = [wanted = planned.stream](const TableInfo& table) {
    return table.stream == wanted;
  };
  auto updating = update(store, stream_member(planned), std::move(is_on));
  co_await std::move(updating);
}

boost::asio::awaitable<void> turn_on_protection(const SagaStore& store) {
  std::function<bool(const TableInfo&)> is_on = &TableInfo::deletion_protection;
  auto updating = update(store, protection_member(), std::move(is_on));
  co_await std::move(updating);
}

boost::asio::awaitable<void> turn_on_backups(const SagaStore& store) {
  std::optional<Unsupported> problem;
  try {
    const std::string more = ',' + backups_member();
    auto asking = ask(store, "UpdateContinuousBackups", more);
    co_await std::move(asking);
  } catch (const Unsupported& e) {
    problem = Unsupported(fmt::format("table {}: this service has no point-in-time recovery "
                                      "(DynamoDB Local has none)",
                                      store.table_name()),
                          e.service());
  }
  if (problem) throw *problem;
}

// What is asked for and off. `info`: the table, its time to live included.
boost::asio::awaitable<void> turn_on(const SagaStore& store, const TableInfo& planned,
                                     TableInfo& info) {
  if (!planned.ttl_attribute.empty() && info.ttl_attribute.empty()) {
    auto turning = turn_on_ttl(store, planned);
    co_await std::move(turning);
  }
  if (!planned.stream.empty() && info.stream.empty()) {
    auto turning = turn_on_stream(store, planned);
    co_await std::move(turning);
  }
  if (planned.deletion_protection && !info.deletion_protection) {
    auto turning = turn_on_protection(store);
    co_await std::move(turning);
  }
  if (planned.point_in_time_recovery != true) co_return;
  auto looking_at_backups = look_at_backups(store, info);
  co_await std::move(looking_at_backups);
  if (info.point_in_time_recovery != true) {
    auto turning = turn_on_backups(store);
    co_await std::move(turning);
  }
}

}  // namespace

boost::asio::awaitable<void> create_table(SagaStore store, TableDescription description) {
  const TableInfo planned = planned_table(store.table_name(), description);
  auto looking = look(store);
  const std::optional<TableInfo> before = co_await std::move(looking);
  if (!before) {
    auto making = make(store, planned);
    co_await std::move(making);
  }
  auto waiting = wait_until_active(store);
  TableInfo info = co_await std::move(waiting);
  auto looking_at_ttl = look_at_ttl(store, info);
  co_await std::move(looking_at_ttl);
  const std::vector<std::string> differences = schema_differences(planned, info);
  if (!differences.empty()) refuse(store, differences);
  auto agreeing = agree_on_record(store, planned);
  co_await std::move(agreeing);
  auto turning = turn_on(store, planned, info);
  co_await std::move(turning);
}

boost::asio::awaitable<void> create_table(SagaStore store) {
  TableDescription description = description_for(store);
  auto creating = create_table(std::move(store), std::move(description));
  co_await std::move(creating);
}

boost::asio::awaitable<void> delete_table(SagaStore store) {
  auto calling = store.client().aws().call("DeleteTable", table_request(store.table_name()));
  const aws::Outcome outcome = co_await std::move(calling);
  if (!outcome) {
    if (outcome.error().kind == aws::ErrorKind::resource_not_found) co_return;
    aws::throw_service_error(outcome.error(), store.table_name());
  }
  Patience patience(store);
  for (;;) {
    auto looking = look(store);
    const std::optional<TableInfo> info = co_await std::move(looking);
    if (!info) co_return;
    auto waiting = patience.wait("not yet deleted");
    co_await std::move(waiting);
  }
}

boost::asio::awaitable<TableInfo> describe_table(SagaStore store) {
  auto asking = ask(store, "DescribeTable");
  const json::value answer = co_await std::move(asking);
  const json::value* table = find_member(answer, {"Table"});
  TableInfo info = table ? read_table_info(*table) : TableInfo{};
  auto looking_at_ttl = look_at_ttl(store, info);
  co_await std::move(looking_at_ttl);
  auto looking_at_backups = look_at_backups(store, info);
  co_await std::move(looking_at_backups);
  if (!has_our_keys(info)) co_return info;
  auto looking_at_record = look_at_record(store);
  const std::optional<TableRecord> record = co_await std::move(looking_at_record);
  if (record) {
    info.format_version = record->format_version;
    info.key_shards = record->key_shards;
  }
  co_return info;
}

boost::asio::awaitable<std::vector<std::string>> verify_table(SagaStore store,
                                                              TableDescription description) {
  auto describing = describe_table(std::move(store));
  const TableInfo info = co_await std::move(describing);
  co_return table_differences(description, info);
}

boost::asio::awaitable<std::vector<std::string>> verify_table(SagaStore store) {
  TableDescription description = description_for(store);
  auto verifying = verify_table(std::move(store), std::move(description));
  co_return co_await std::move(verifying);
}

}  // namespace sagabus::dynamodb
