#include "dynamodb/table_form.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "aws/json_member.hpp"
#include "dynamodb/item.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;
using aws::find_member;
using aws::find_text;

std::string text(const json::value& value, std::string_view name) {
  return std::string(find_text(value, {name}));
}

std::uint64_t count(const json::value& value, std::string_view name) {
  if (!find_member(value, {name})) return 0;
  const std::optional<std::uint64_t> found = aws::find_count(value, {name});
  if (!found) throw TransientError(fmt::format("DescribeTable: {}: not a count", name));
  return *found;
}

json::array list(const json::value& value, std::string_view name) {
  const json::value* found = find_member(value, {name});
  return found && found->is_array() ? found->get_array() : json::array();
}

// The partition key, then the sort key.
std::vector<KeyAttribute> read_keys(const json::value& keyed, const json::array& definitions) {
  std::vector<KeyAttribute> keys;
  for (const json::value& key : list(keyed, "KeySchema")) {
    KeyAttribute attribute{text(key, "AttributeName"), ""};
    for (const json::value& definition : definitions) {
      if (text(definition, "AttributeName") == attribute.name) {
        attribute.type = text(definition, "AttributeType");
      }
    }
    const bool partition = text(key, "KeyType") == "HASH";
    keys.insert(partition ? keys.begin() : keys.end(), std::move(attribute));
  }
  return keys;
}

std::string show(const KeyAttribute& key) {
  return fmt::format("{} ({})", key.name, key.type);
}

std::string_view show(Billing billing) {
  return billing == Billing::on_demand ? "on demand" : "provisioned";
}

void compare_keys(std::vector<std::string>& out, std::string_view of,
                  const std::vector<KeyAttribute>& expected,
                  const std::vector<KeyAttribute>& found) {
  constexpr std::string_view kRoles[] = {"partition key", "sort key"};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i < found.size() && found[i] == expected[i]) continue;
    out.push_back(fmt::format("{}{}: expected {}, found {}", of, kRoles[i], show(expected[i]),
                              i < found.size() ? show(found[i]) : "none"));
  }
}

std::vector<KeyAttribute> our_keys() {
  return {{std::string(kSagaName), "S"}, {std::string(kSagaId), "S"}};
}

std::string_view projection_of(CorrelationIndex index) {
  return index == CorrelationIndex::keys_only ? "KEYS_ONLY" : "ALL";
}

void compare_index(std::vector<std::string>& out, CorrelationIndex expected,
                   const std::vector<IndexInfo>& indexes) {
  const auto found = std::find_if(indexes.begin(), indexes.end(), [](const IndexInfo& index) {
    return index.name == kCorrelationIndex;
  });
  const bool wanted = expected != CorrelationIndex::none;
  if (found == indexes.end()) {
    if (wanted) out.push_back(fmt::format("index {}: missing", kCorrelationIndex));
    return;
  }
  if (!wanted) {
    out.push_back(fmt::format("index {}: expected none", kCorrelationIndex));
    return;
  }
  const std::string of = fmt::format("index {}: ", kCorrelationIndex);
  compare_keys(out, of, {{std::string(kSagaName), "S"}, {std::string(kCorrelationId), "S"}},
               found->keys);
  if (found->projection != projection_of(expected)) {
    out.push_back(fmt::format("{}projection: expected {}, found {}", of, projection_of(expected),
                              found->projection));
  }
}

std::string key_schema(std::string_view partition, std::string_view sort) {
  return fmt::format(R"("KeySchema":[{{"AttributeName":"{}","KeyType":"HASH"}},)"
                     R"({{"AttributeName":"{}","KeyType":"RANGE"}}])",
                     partition, sort);
}

std::string definition(std::string_view name) {
  return fmt::format(R"({{"AttributeName":"{}","AttributeType":"S"}})", name);
}

std::string throughput(const TableDescription& description) {
  if (description.billing == Billing::on_demand) return {};
  return fmt::format(
      R"(,"ProvisionedThroughput":{{"ReadCapacityUnits":{},"WriteCapacityUnits":{}}})",
      description.read_units, description.write_units);
}

}  // namespace

std::string create_table_request(const std::string& table_name,
                                 const TableDescription& description) {
  const bool provisioned = description.billing == Billing::provisioned;
  if (provisioned && (description.read_units == 0 || description.write_units == 0)) {
    throw std::invalid_argument(
        "table: read_units and write_units: 0, expected 1 or more where provisioned");
  }
  const bool indexed = description.index != CorrelationIndex::none;
  std::vector<std::string> definitions{definition(kSagaName), definition(kSagaId)};
  if (indexed) definitions.push_back(definition(kCorrelationId));
  std::string out = "{\"TableName\":";
  append_json_string(out, table_name);
  out += fmt::format(R"(,"AttributeDefinitions":[{}],)", fmt::join(definitions, ","));
  out += key_schema(kSagaName, kSagaId);
  out += provisioned ? R"(,"BillingMode":"PROVISIONED")" : R"(,"BillingMode":"PAY_PER_REQUEST")";
  out += throughput(description);
  if (indexed) {
    out += fmt::format(
        R"(,"GlobalSecondaryIndexes":[{{"IndexName":"{}",{},"Projection":{{"ProjectionType":"{}"}}{}}}])",
        kCorrelationIndex, key_schema(kSagaName, kCorrelationId), projection_of(description.index),
        throughput(description));
  }
  if (description.stream) {
    out += R"(,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"})";
  }
  return out += '}';
}

TableInfo read_table_info(const json::value& table) {
  TableInfo info;
  info.name = text(table, "TableName");
  info.arn = text(table, "TableArn");
  info.status = text(table, "TableStatus");
  info.items = count(table, "ItemCount");
  info.bytes = count(table, "TableSizeBytes");
  info.stream_arn = text(table, "LatestStreamArn");
  const json::array definitions = list(table, "AttributeDefinitions");
  info.keys = read_keys(table, definitions);
  for (const json::value& index : list(table, "GlobalSecondaryIndexes")) {
    info.indexes.push_back({text(index, "IndexName"), read_keys(index, definitions),
                            std::string(find_text(index, {"Projection", "ProjectionType"})),
                            text(index, "IndexStatus")});
  }
  if (const json::value* units = find_member(table, {"ProvisionedThroughput"})) {
    info.read_units = count(*units, "ReadCapacityUnits");
    info.write_units = count(*units, "WriteCapacityUnits");
  }
  const bool on_demand =
      find_text(table, {"BillingModeSummary", "BillingMode"}) == "PAY_PER_REQUEST";
  info.billing = on_demand ? Billing::on_demand : Billing::provisioned;
  const json::value* streams = find_member(table, {"StreamSpecification", "StreamEnabled"});
  if (streams && streams->is_bool() && streams->get_bool()) {
    info.stream = find_text(table, {"StreamSpecification", "StreamViewType"});
  }
  return info;
}

bool has_our_keys(const TableInfo& table) {
  return table.keys == our_keys();
}

std::vector<std::string> schema_differences(const TableDescription& expected,
                                            const TableInfo& found) {
  std::vector<std::string> out;
  compare_keys(out, "", our_keys(), found.keys);
  compare_index(out, expected.index, found.indexes);
  if (found.billing != expected.billing) {
    out.push_back(
        fmt::format("billing: expected {}, found {}", show(expected.billing), show(found.billing)));
  }
  if (expected.stream && !found.stream.empty() && found.stream != "NEW_AND_OLD_IMAGES") {
    out.push_back(fmt::format("stream: expected NEW_AND_OLD_IMAGES, found {}", found.stream));
  }
  if (expected.ttl && !found.ttl_attribute.empty() && found.ttl_attribute != kTtl) {
    out.push_back(
        fmt::format("time to live: expected on {}, found on {}", kTtl, found.ttl_attribute));
  }
  return out;
}

std::vector<std::string> record_differences(const TableDescription& expected,
                                            const TableRecord& found) {
  if (found.format_version > kKnownFormat) {
    return {
        fmt::format("format version: expected {}, found {}", kKnownFormat, found.format_version)};
  }
  if (found.key_shards == expected.key_shards) return {};
  return {fmt::format("key shards: expected {}, found {}", expected.key_shards, found.key_shards)};
}

std::vector<std::string> feature_differences(const TableDescription& expected,
                                             const TableInfo& found) {
  std::vector<std::string> out;
  if (expected.ttl && found.ttl_attribute.empty()) {
    out.push_back(fmt::format("time to live: expected on {}, found off", kTtl));
  }
  if (expected.stream && found.stream.empty()) {
    out.emplace_back("stream: expected NEW_AND_OLD_IMAGES, found off");
  }
  if (expected.point_in_time_recovery && !found.point_in_time_recovery.value_or(false)) {
    out.push_back(fmt::format("point-in-time recovery: expected on, found {}",
                              found.point_in_time_recovery ? "off" : "that the service has none"));
  }
  return out;
}

}  // namespace sagabus::dynamodb
