#include "dynamodb/timer_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>

#include "dynamodb/attribute_reader.hpp"
#include "dynamodb/key_shards.hpp"
#include "dynamodb/request_parts.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr std::string_view kEndpoint = "endpoint";  // S, absent where empty
constexpr std::string_view kMessage = "message";    // S, the envelope's JSON
constexpr std::string_view kLeases = "$leases";     // the saga name of leases' rows
constexpr std::string_view kHolder = "holder";      // S, absent where nobody holds it
constexpr std::string_view kCounter = "counter";    // N

// The saga name of timers' rows.
std::string partition(unsigned shard) {
  return fmt::format("$timers#{}", shard);
}

std::string lease_id(unsigned shard) {
  return fmt::format("timers#{}", shard);
}

// Sorts after the keys that are due at that time, which go on with '#', and before all others.
std::string bound(TimePoint through) {
  return to_iso8601(std::clamp(through, kEarliestText, kLatestText)) + '$';
}

void write_lease_guard(Body& body, const Lease& seen) {
  if (seen == Lease{}) {
    write_condition(body, "attribute_not_exists(sagaName)");
    return;
  }
  const bool held = !seen.holder.empty();
  write_condition(body,
                  held ? "holder = :h AND #c = :c" : "attribute_not_exists(holder) AND #c = :c");
  body.raw("ExpressionAttributeNames", R"({"#c":"counter"})");
  body.raw("ExpressionAttributeValues", "{");
  write_optional(body, ":h", seen.holder);
  body.number_attribute(":c", seen.counter);
  body.close();
}

TimerRow read_row(const AttributeReader& in, const std::string& text) {
  TimerRow row;
  row.key = parse_timer_key(text);
  const std::string home = partition(timer_shard(row.key.id));
  if (to_text(row.key) != text) throw ValidationError("sagaId: another way to write that time");
  if (in.required_text(kSagaName) != home) {
    throw ValidationError(fmt::format("sagaName: expected {}", home));
  }
  row.endpoint = in.text(kEndpoint).value_or("");
  const std::string message = in.required_text(kMessage);
  row.envelope = std::make_shared<const Envelope>(parse_envelope(message));
  return row;
}

}  // namespace

unsigned timer_shard(std::string_view id) {
  return shard_of(id, kTimerShards);
}

std::string put_timer_request(const TableRef& table, const TimerRow& row) {
  const std::string message = to_json(*row.envelope);
  Body body(512 + message.size() * 5 / 4);
  body.open();
  body.string("TableName", table.name);
  body.raw("Item", "{");
  write_row_attributes(body, partition(timer_shard(row.key.id)), to_text(row.key));
  write_optional(body, kEndpoint, row.endpoint);
  body.string_attribute(kMessage, message);
  body.close();
  write_capacity(body, table);
  return body.finish();
}

std::string delete_timer_request(const TableRef& table, const TimerKey& key) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  write_row_key(body, partition(timer_shard(key.id)), to_text(key));
  body.raw("ReturnValues", "\"ALL_OLD\"");
  write_capacity(body, table);
  return body.finish();
}

std::string timers_request(const TableRef& table, const TimerQuery& query) {
  const std::string name = partition(query.shard);
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("KeyConditionExpression",
           query.through ? R"("sagaName = :n AND sagaId < :b")" : R"("sagaName = :n")");
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":n", name);
  if (query.through) body.string_attribute(":b", bound(*query.through));
  body.close();
  body.raw("Limit", std::to_string(query.limit));
  if (!query.start_after.empty()) {
    body.raw("ExclusiveStartKey", "{");
    write_row_attributes(body, name, query.start_after);
    body.close();
  }
  body.raw("ConsistentRead", "true");
  write_capacity(body, table);
  return body.finish();
}

// Not consistent, at half the price: who takes a lease does so on a condition.
std::string leases_request(const TableRef& table) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("KeyConditionExpression", R"("sagaName = :n")");
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":n", kLeases);
  body.close();
  write_capacity(body, table);
  return body.finish();
}

std::string take_lease_request(const TableRef& table, unsigned shard, const Lease& seen,
                               const std::string& holder) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("Item", "{");
  write_row_attributes(body, kLeases, lease_id(shard));
  write_optional(body, kHolder, holder);
  body.number_attribute(kCounter, seen.counter + 1);
  body.close();
  write_lease_guard(body, seen);
  write_capacity(body, table);
  return body.finish();
}

TimerRow read_timer_row(const boost::json::object& item) {
  const AttributeReader in(item);
  const std::string text = in.required_text(kSagaId);
  try {
    return read_row(in, text);
  } catch (const ValidationError& e) {
    throw ValidationError(fmt::format("timer {}: {}", text, e.what()));
  }
}

LeaseRow read_lease_row(const boost::json::object& item) {
  const AttributeReader in(item);
  const std::string id = in.required_text(kSagaId);
  LeaseRow row;
  while (row.shard < kTimerShards && lease_id(row.shard) != id) ++row.shard;
  if (row.shard == kTimerShards) return row;
  try {
    const std::int64_t counter = in.required_whole(kCounter);
    if (counter < 1) throw ValidationError(fmt::format("{}: {}", kCounter, counter));
    row.lease.counter = static_cast<std::uint64_t>(counter);
    row.lease.holder = in.text(kHolder).value_or("");
  } catch (const ValidationError& e) {
    throw ValidationError(fmt::format("lease {}: {}", id, e.what()));
  }
  return row;
}

}  // namespace sagabus::dynamodb
