#include "sagabus/dynamodb/schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "dynamodb/json_layout.hpp"
#include "dynamodb/requests.hpp"
#include "dynamodb/table_form.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr std::string_view kResource = "SagaTable";  // as the texts call it

TableInfo plan(const std::string& table_name, const TableDescription& description) {
  if (!is_table_name(table_name) || table_name.find(':') != std::string::npos) {
    throw std::invalid_argument(fmt::format(
        "table name: '{}', expected 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.'", table_name));
  }
  return planned_table(table_name, description);
}

bool is_provisioned(const TableInfo& table) {
  return table.billing == Billing::provisioned;
}

bool has_backups(const TableInfo& table) {
  return table.point_in_time_recovery.value_or(false);
}

std::string shards_advice(const TableInfo& table) {
  return fmt::format(
      "Option key_shards of the store. `sagabus table create --shards {}` has to run once, before "
      "any "
      "program starts: it writes the record of the table",
      table.key_shards);
}

// CloudFormation

Value key_schema_value(const std::vector<KeyAttribute>& keys) {
  Array out;
  for (const KeyAttribute& key : keys) {
    const char* const type = &key == &keys.front() ? "HASH" : "RANGE";
    out.emplace_back(Object{{"AttributeName", Value(key.name)}, {"KeyType", Value(type)}});
  }
  return Value(std::move(out));
}

Value attribute_definitions(const TableInfo& table) {
  Array out;
  for (const KeyAttribute& key : key_attributes(table)) {
    out.emplace_back(
        Object{{"AttributeName", Value(key.name)}, {"AttributeType", Value(key.type)}});
  }
  return Value(std::move(out));
}

void add_throughput(Object& out, const TableInfo& table) {
  if (!is_provisioned(table)) return;
  out.emplace_back("ProvisionedThroughput",
                   Value(Object{{"ReadCapacityUnits", Value(table.read_units)},
                                {"WriteCapacityUnits", Value(table.write_units)}}));
}

Value secondary_indexes(const TableInfo& table) {
  Array out;
  for (const IndexInfo& index : table.indexes) {
    Object one{{"IndexName", Value(index.name)},
               {"KeySchema", key_schema_value(index.keys)},
               {"Projection", Value(Object{{"ProjectionType", Value(index.projection)}})}};
    add_throughput(one, table);
    out.emplace_back(std::move(one));
  }
  return Value(std::move(out));
}

Value properties(const TableInfo& table) {
  Object out{{"TableName", Value(table.name)},
             {"AttributeDefinitions", attribute_definitions(table)},
             {"KeySchema", key_schema_value(table.keys)},
             {"BillingMode", Value(is_provisioned(table) ? "PROVISIONED" : "PAY_PER_REQUEST")}};
  add_throughput(out, table);
  if (!table.indexes.empty()) out.emplace_back("GlobalSecondaryIndexes", secondary_indexes(table));
  if (!table.ttl_attribute.empty()) {
    out.emplace_back(
        "TimeToLiveSpecification",
        Value(Object{{"AttributeName", Value(table.ttl_attribute)}, {"Enabled", Value(true)}}));
  }
  if (has_backups(table)) {
    out.emplace_back("PointInTimeRecoverySpecification",
                     Value(Object{{"PointInTimeRecoveryEnabled", Value(true)}}));
  }
  if (!table.stream.empty()) {
    out.emplace_back("StreamSpecification", Value(Object{{"StreamViewType", Value(table.stream)}}));
  }
  if (table.deletion_protection) out.emplace_back("DeletionProtectionEnabled", Value(true));
  return Value(std::move(out));
}

Value attribute_of_resource(std::string_view attribute) {
  return Value(Object{{"Fn::GetAtt", Value(Array{Value(kResource), Value(attribute)})}});
}

Value output(Value value) {
  return Value(Object{{"Value", std::move(value)}});
}

Value outputs(const TableInfo& table) {
  Object out{{"TableName", output(Value(Object{{"Ref", Value(kResource)}}))},
             {"TableArn", output(attribute_of_resource("Arn"))}};
  if (!table.stream.empty()) {
    out.emplace_back("StreamArn", output(attribute_of_resource("StreamArn")));
  }
  if (table.key_shards > 1) {
    out.emplace_back("KeyShards",
                     Value(Object{{"Description", Value(shards_advice(table))},
                                  {"Value", Value(std::to_string(table.key_shards))}}));
  }
  return Value(std::move(out));
}

// The CDK

// A line of an object in TypeScript.
std::string member(int indent, std::string_view name, std::string_view value) {
  return fmt::format("{:{}}{}: {},\n", "", indent, name, value);
}

std::string quoted(std::string_view text) {
  return fmt::format("'{}'", text);
}

std::string attribute_type(const KeyAttribute& key) {
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"S", "STRING"}, {"N", "NUMBER"}, {"B", "BINARY"}};
  const auto* const found = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const auto& type) { return type.first == key.type; });
  return fmt::format("{{ name: '{}', type: dynamodb.AttributeType.{} }}", key.name, found->second);
}

std::string cdk_keys(int indent, const std::vector<KeyAttribute>& keys) {
  return member(indent, "partitionKey", attribute_type(keys.at(0))) +
         member(indent, "sortKey", attribute_type(keys.at(1)));
}

std::string cdk_units(int indent, const TableInfo& table) {
  if (!is_provisioned(table)) return {};
  return member(indent, "readCapacity", std::to_string(table.read_units)) +
         member(indent, "writeCapacity", std::to_string(table.write_units));
}

std::string cdk_table(const TableInfo& table) {
  constexpr int kIndent = 6;
  std::string out = "    this.table = new dynamodb.Table(this, 'Table', {\n";
  out += member(kIndent, "tableName", quoted(table.name)) + cdk_keys(kIndent, table.keys);
  out += member(kIndent, "billingMode",
                is_provisioned(table) ? "dynamodb.BillingMode.PROVISIONED"
                                      : "dynamodb.BillingMode.PAY_PER_REQUEST");
  out += cdk_units(kIndent, table);
  if (!table.ttl_attribute.empty()) {
    out += member(kIndent, "timeToLiveAttribute", quoted(table.ttl_attribute));
  }
  if (has_backups(table)) {
    out +=
        member(kIndent, "pointInTimeRecoverySpecification", "{ pointInTimeRecoveryEnabled: true }");
  }
  if (!table.stream.empty()) {
    out += member(kIndent, "stream", "dynamodb.StreamViewType." + table.stream);
  }
  if (table.deletion_protection) out += member(kIndent, "deletionProtection", "true");
  out += member(kIndent, "removalPolicy", "RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE");
  return out += "    });\n";
}

std::string cdk_index(const TableInfo& table, const IndexInfo& index) {
  constexpr int kIndent = 6;
  return "    this.table.addGlobalSecondaryIndex({\n" +
         member(kIndent, "indexName", quoted(index.name)) + cdk_keys(kIndent, index.keys) +
         member(kIndent, "projectionType", "dynamodb.ProjectionType." + index.projection) +
         cdk_units(kIndent, table) + "    });\n";
}

std::string cdk_output(std::string_view name, std::string_view value,
                       std::string_view description = {}) {
  if (description.empty()) {
    return fmt::format("    new CfnOutput(this, '{}', {{ value: {} }});\n", name, value);
  }
  return fmt::format("    new CfnOutput(this, '{}', {{\n", name) +
         member(6, "description", quoted(description)) + member(6, "value", value) + "    });\n";
}

std::string cdk_outputs(const TableInfo& table) {
  std::string out = cdk_output("TableName", "this.table.tableName") +
                    cdk_output("TableArn", "this.table.tableArn");
  if (!table.stream.empty()) out += cdk_output("StreamArn", "this.table.tableStreamArn!");
  if (table.key_shards > 1) {
    out += cdk_output("KeyShards", quoted(std::to_string(table.key_shards)), shards_advice(table));
  }
  return out;
}

// Terraform

// Lines of a block, their signs of equality in one column, as `terraform fmt` writes them.
class Block {
 public:
  explicit Block(int indent) : indent_(indent) {}

  Block& set(std::string_view name, std::string_view value) {
    lines_.emplace_back(name, value);
    return *this;
  }
  Block& set_text(std::string_view name, std::string_view text) {
    return set(name, fmt::format("\"{}\"", text));
  }
  std::string text() const {
    std::size_t width = 0;
    for (const auto& [name, value] : lines_) width = std::max(width, name.size());
    std::string out;
    for (const auto& [name, value] : lines_) {
      out += fmt::format("{:{}}{:{}} = {}\n", "", indent_, name, width, value);
    }
    return out;
  }

 private:
  int indent_;
  std::vector<std::pair<std::string, std::string>> lines_;
};

std::string nested(std::string_view name, const Block& block) {
  return fmt::format("\n  {} {{\n{}  }}\n", name, block.text());
}

void set_units(Block& block, const TableInfo& table) {
  if (!is_provisioned(table)) return;
  block.set("read_capacity", std::to_string(table.read_units));
  block.set("write_capacity", std::to_string(table.write_units));
}

std::string terraform_index(const TableInfo& table, const IndexInfo& index) {
  Block block(4);
  block.set_text("name", index.name);
  block.set_text("hash_key", index.keys.at(0).name).set_text("range_key", index.keys.at(1).name);
  block.set_text("projection_type", index.projection);
  set_units(block, table);
  return nested("global_secondary_index", block);
}

std::string terraform_resource(const TableInfo& table) {
  Block own(2);
  own.set_text("name", table.name);
  own.set_text("billing_mode", is_provisioned(table) ? "PROVISIONED" : "PAY_PER_REQUEST");
  set_units(own, table);
  own.set_text("hash_key", table.keys.at(0).name).set_text("range_key", table.keys.at(1).name);
  if (!table.stream.empty()) {
    own.set("stream_enabled", "true").set_text("stream_view_type", table.stream);
  }
  if (table.deletion_protection) own.set("deletion_protection_enabled", "true");
  std::string out = "resource \"aws_dynamodb_table\" \"sagas\" {\n" + own.text();
  for (const KeyAttribute& key : key_attributes(table)) {
    out += nested("attribute", Block(4).set_text("name", key.name).set_text("type", key.type));
  }
  for (const IndexInfo& index : table.indexes) out += terraform_index(table, index);
  if (!table.ttl_attribute.empty()) {
    out += nested("ttl",
                  Block(4).set_text("attribute_name", table.ttl_attribute).set("enabled", "true"));
  }
  if (has_backups(table)) out += nested("point_in_time_recovery", Block(4).set("enabled", "true"));
  return out + nested("lifecycle", Block(4).set("prevent_destroy", "true")) + "}\n";
}

std::string terraform_output(std::string_view name, std::string_view value,
                             std::string_view description = {}) {
  Block block(2);
  if (!description.empty()) block.set_text("description", description);
  block.set("value", value);
  return fmt::format("\noutput \"{}\" {{\n{}}}\n", name, block.text());
}

std::string terraform_outputs(const TableInfo& table) {
  std::string out = terraform_output("table_name", "aws_dynamodb_table.sagas.name") +
                    terraform_output("table_arn", "aws_dynamodb_table.sagas.arn");
  if (!table.stream.empty()) {
    out += terraform_output("stream_arn", "aws_dynamodb_table.sagas.stream_arn");
  }
  if (table.key_shards > 1) {
    out += terraform_output("key_shards", std::to_string(table.key_shards), shards_advice(table));
  }
  return out;
}

}  // namespace

std::string cloudformation_template(const std::string& table_name,
                                    const TableDescription& description) {
  const TableInfo table = plan(table_name, description);
  const Object resource{{"Type", Value("AWS::DynamoDB::Table")},
                        {"DeletionPolicy", Value("RetainExceptOnCreate")},
                        {"UpdateReplacePolicy", Value("Retain")},
                        {"Properties", properties(table)}};
  return lay_out_json(
      Value(Object{{"AWSTemplateFormatVersion", Value("2010-09-09")},
                   {"Description", Value("The table of sagabus stores (sagabus schema)")},
                   {"Resources", Value(Object{{std::string(kResource), Value(resource)}})},
                   {"Outputs", outputs(table)}}));
}

std::string cdk_construct(const std::string& table_name, const TableDescription& description) {
  const TableInfo table = plan(table_name, description);
  std::string out = fmt::format(
      R"(// The table of sagabus stores (sagabus schema).
import {{ CfnOutput, RemovalPolicy }} from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import {{ Construct }} from 'constructs';

export class {} extends Construct {{
  public readonly table: dynamodb.Table;

  constructor(scope: Construct, id: string) {{
    super(scope, id);
)",
      kResource);
  out += cdk_table(table);
  for (const IndexInfo& index : table.indexes) out += cdk_index(table, index);
  return out + cdk_outputs(table) + "  }\n}\n";
}

std::string terraform_configuration(const std::string& table_name,
                                    const TableDescription& description) {
  const TableInfo table = plan(table_name, description);
  return R"(# The table of sagabus stores (sagabus schema).
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 4.60"
    }
  }
}

)" + terraform_resource(table) +
         terraform_outputs(table);
}

std::string table_requests(const std::string& table_name, const TableDescription& description) {
  const TableInfo table = plan(table_name, description);
  const auto with_name = [&](const std::string& member) {
    return parse_json("{\"TableName\":" + to_json(Value(table.name)) + ',' + member + '}');
  };
  TableRef ref;
  ref.name = table.name;
  ref.count_units = false;
  TableRecord record;
  record.key_shards = table.key_shards;
  Object out{{"CreateTable", parse_json(create_table_request(table))},
             {"PutItem", parse_json(put_record_request(ref, record))}};
  if (!table.ttl_attribute.empty())
    out.emplace_back("UpdateTimeToLive", with_name(ttl_member(table)));
  if (has_backups(table)) out.emplace_back("UpdateContinuousBackups", with_name(backups_member()));
  return lay_out_json(Value(std::move(out)));
}

}  // namespace sagabus::dynamodb
