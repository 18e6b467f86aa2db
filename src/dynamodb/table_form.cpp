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
#include "dynamodb/key_shards.hpp"
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

bool is_on(const json::value* found) {
  return found && found->is_bool() && found->get_bool();
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

std::optional<IndexInfo> planned_index(CorrelationIndex index) {
  if (index == CorrelationIndex::none) return std::nullopt;
  const bool lean = index == CorrelationIndex::keys_only;
  return IndexInfo{std::string(kCorrelationIndex),
                   {{std::string(kSagaName), "S"}, {std::string(kCorrelationId), "S"}},
                   lean ? "KEYS_ONLY" : "ALL",
                   ""};
}

const IndexInfo* correlation_index(const TableInfo& table) {
  const auto found =
      std::find_if(table.indexes.begin(), table.indexes.end(),
                   [](const IndexInfo& index) { return index.name == kCorrelationIndex; });
  return found == table.indexes.end() ? nullptr : &*found;
}

void compare_index(std::vector<std::string>& out, const IndexInfo* expected,
                   const IndexInfo* found) {
  if (!expected || !found) {
    if (expected) out.push_back(fmt::format("index {}: missing", kCorrelationIndex));
    if (found) out.push_back(fmt::format("index {}: expected none", kCorrelationIndex));
    return;
  }
  const std::string of = fmt::format("index {}: ", kCorrelationIndex);
  compare_keys(out, of, expected->keys, found->keys);
  if (found->projection != expected->projection) {
    out.push_back(fmt::format("{}projection: expected {}, found {}", of, expected->projection,
                              found->projection));
  }
}

std::string key_schema(const std::vector<KeyAttribute>& keys) {
  return fmt::format(R"("KeySchema":[{{"AttributeName":"{}","KeyType":"HASH"}},)"
                     R"({{"AttributeName":"{}","KeyType":"RANGE"}}])",
                     keys.at(0).name, keys.at(1).name);
}

std::string definition(const KeyAttribute& key) {
  return fmt::format(R"({{"AttributeName":"{}","AttributeType":"{}"}})", key.name, key.type);
}

std::string throughput(const TableInfo& table) {
  if (table.billing == Billing::on_demand) return {};
  return fmt::format(
      R"(,"ProvisionedThroughput":{{"ReadCapacityUnits":{},"WriteCapacityUnits":{}}})",
      table.read_units, table.write_units);
}

void check(const TableDescription& description) {
  const bool provisioned = description.billing == Billing::provisioned;
  if (provisioned && (description.read_units == 0 || description.write_units == 0)) {
    throw std::invalid_argument(
        "table: read_units and write_units: 0, expected 1 or more where provisioned");
  }
  if (description.key_shards < 1 || description.key_shards > kMaxKeyShards) {
    throw std::invalid_argument(fmt::format("table: key_shards: {}, expected 1 to {}",
                                            description.key_shards, kMaxKeyShards));
  }
}

}  // namespace

TableInfo planned_table(const std::string& table_name, const TableDescription& description) {
  check(description);
  TableInfo table;
  table.name = table_name;
  table.keys = our_keys();
  if (auto index = planned_index(description.index)) table.indexes.push_back(*std::move(index));
  table.billing = description.billing;
  if (description.billing == Billing::provisioned) {
    table.read_units = description.read_units;
    table.write_units = description.write_units;
  }
  if (description.ttl) table.ttl_attribute = kTtl;
  if (description.stream) table.stream = kStreamView;
  table.point_in_time_recovery = description.point_in_time_recovery;
  table.deletion_protection = description.deletion_protection;
  table.key_shards = description.key_shards;
  return table;
}

std::vector<KeyAttribute> key_attributes(const TableInfo& table) {
  std::vector<KeyAttribute> out = table.keys;
  for (const IndexInfo& index : table.indexes) {
    for (const KeyAttribute& key : index.keys) {
      if (std::find(out.begin(), out.end(), key) == out.end()) out.push_back(key);
    }
  }
  return out;
}

std::string ttl_member(const TableInfo& table) {
  return fmt::format(R"("TimeToLiveSpecification":{{"Enabled":true,"AttributeName":"{}"}})",
                     table.ttl_attribute);
}

std::string stream_member(const TableInfo& table) {
  return fmt::format(R"("StreamSpecification":{{"StreamEnabled":true,"StreamViewType":"{}"}})",
                     table.stream);
}

std::string backups_member() {
  return R"("PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true})";
}

std::string protection_member() {
  return R"("DeletionProtectionEnabled":true)";
}

std::string create_table_request(const TableInfo& table) {
  std::vector<std::string> definitions;
  for (const KeyAttribute& key : key_attributes(table)) definitions.push_back(definition(key));
  const bool provisioned = table.billing == Billing::provisioned;
  std::string out = "{\"TableName\":";
  append_json_string(out, table.name);
  out += fmt::format(R"(,"AttributeDefinitions":[{}],{},"BillingMode":"{}"{})",
                     fmt::join(definitions, ","), key_schema(table.keys),
                     provisioned ? "PROVISIONED" : "PAY_PER_REQUEST", throughput(table));
  for (const IndexInfo& index : table.indexes) {
    out += fmt::format(
        R"(,"GlobalSecondaryIndexes":[{{"IndexName":"{}",{},"Projection":{{"ProjectionType":"{}"}}{}}}])",
        index.name, key_schema(index.keys), index.projection, throughput(table));
  }
  if (!table.stream.empty()) out += ',' + stream_member(table);
  if (table.deletion_protection) out += ',' + protection_member();
  return out += '}';
}

std::string create_table_request(const std::string& table_name,
                                 const TableDescription& description) {
  return create_table_request(planned_table(table_name, description));
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
  info.deletion_protection = is_on(find_member(table, {"DeletionProtectionEnabled"}));
  if (is_on(find_member(table, {"StreamSpecification", "StreamEnabled"}))) {
    info.stream = find_text(table, {"StreamSpecification", "StreamViewType"});
  }
  return info;
}

bool has_our_keys(const TableInfo& table) {
  return table.keys == our_keys();
}

std::vector<std::string> schema_differences(const TableInfo& expected, const TableInfo& found) {
  std::vector<std::string> out;
  compare_keys(out, "", expected.keys, found.keys);
  compare_index(out, correlation_index(expected), correlation_index(found));
  if (found.billing != expected.billing) {
    out.push_back(
        fmt::format("billing: expected {}, found {}", show(expected.billing), show(found.billing)));
  }
  const auto other = [&](std::string_view wanted, std::string_view there) {
    return !wanted.empty() && !there.empty() && wanted != there;
  };
  if (other(expected.stream, found.stream)) {
    out.push_back(fmt::format("stream: expected {}, found {}", expected.stream, found.stream));
  }
  if (expected.ttl_attribute.empty() && !found.ttl_attribute.empty()) {
    out.push_back(fmt::format("time to live: expected off, found on {}", found.ttl_attribute));
  }
  if (other(expected.ttl_attribute, found.ttl_attribute)) {
    out.push_back(fmt::format("time to live: expected on {}, found on {}", expected.ttl_attribute,
                              found.ttl_attribute));
  }
  return out;
}

std::vector<std::string> record_differences(unsigned key_shards, const TableRecord& found) {
  if (found.format_version > kKnownFormat) {
    return {
        fmt::format("format version: expected {}, found {}", kKnownFormat, found.format_version)};
  }
  if (found.key_shards == key_shards) return {};
  return {fmt::format("key shards: expected {}, found {}", key_shards, found.key_shards)};
}

std::vector<std::string> feature_differences(const TableInfo& expected, const TableInfo& found) {
  std::vector<std::string> out;
  const bool provisioned =
      expected.billing == Billing::provisioned && found.billing == Billing::provisioned;
  if (provisioned && expected.read_units != found.read_units) {
    out.push_back(
        fmt::format("read units: expected {}, found {}", expected.read_units, found.read_units));
  }
  if (provisioned && expected.write_units != found.write_units) {
    out.push_back(
        fmt::format("write units: expected {}, found {}", expected.write_units, found.write_units));
  }
  if (!expected.ttl_attribute.empty() && found.ttl_attribute.empty()) {
    out.push_back(fmt::format("time to live: expected on {}, found off", expected.ttl_attribute));
  }
  if (!expected.stream.empty() && found.stream.empty()) {
    out.push_back(fmt::format("stream: expected {}, found off", expected.stream));
  }
  if (expected.point_in_time_recovery == true && found.point_in_time_recovery != true) {
    out.push_back(fmt::format("point-in-time recovery: expected on, found {}",
                              found.point_in_time_recovery ? "off" : "that the service has none"));
  }
  if (expected.deletion_protection && !found.deletion_protection) {
    out.emplace_back("deletion protection: expected on, found off");
  }
  return out;
}

std::vector<std::string> table_differences(const TableDescription& expected,
                                           const TableInfo& found) {
  const TableInfo planned = planned_table(found.name, expected);
  std::vector<std::string> differences = schema_differences(planned, found);
  const TableRecord record{found.format_version, found.key_shards};
  for (const auto& more :
       {record_differences(expected.key_shards, record), feature_differences(planned, found)}) {
    differences.insert(differences.end(), more.begin(), more.end());
  }
  return differences;
}

}  // namespace sagabus::dynamodb
