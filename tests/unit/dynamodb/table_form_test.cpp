#include "dynamodb/table_form.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// The published schema, to the letter.
TEST(TableForm, ThePublishedSchema) {
  EXPECT_EQ(boost::json::parse(create_table_request("sagas", {})),
            boost::json::parse(
                R"({"TableName":"sagas","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[)"
                R"({"AttributeName":"sagaName","AttributeType":"S"},)"
                R"({"AttributeName":"sagaId","AttributeType":"S"},)"
                R"({"AttributeName":"correlationId","AttributeType":"S"}],"KeySchema":[)"
                R"({"AttributeName":"sagaName","KeyType":"HASH"},)"
                R"({"AttributeName":"sagaId","KeyType":"RANGE"}],"GlobalSecondaryIndexes":[)"
                R"({"IndexName":"correlationIndex","KeySchema":[)"
                R"({"AttributeName":"sagaName","KeyType":"HASH"},)"
                R"({"AttributeName":"correlationId","KeyType":"RANGE"}],)"
                R"("Projection":{"ProjectionType":"ALL"}}]})"));
}

TEST(TableForm, LeanAndProvisionedVariants) {
  const auto none = boost::json::parse(
      create_table_request("sagas", {.index = CorrelationIndex::none, .stream = true}));
  EXPECT_FALSE(none.as_object().contains("GlobalSecondaryIndexes"));
  EXPECT_EQ(none.at("AttributeDefinitions").as_array().size(), 2U);
  EXPECT_EQ(none.at("StreamSpecification").at("StreamViewType").as_string(), "NEW_AND_OLD_IMAGES");
  const auto provisioned = boost::json::parse(create_table_request(
      "sagas",
      {.index = CorrelationIndex::keys_only, .billing = Billing::provisioned, .read_units = 7}));
  const auto& index = provisioned.at("GlobalSecondaryIndexes").at(0);
  EXPECT_EQ(index.at("Projection").at("ProjectionType").as_string(), "KEYS_ONLY");
  EXPECT_EQ(index.at("ProvisionedThroughput").at("ReadCapacityUnits").as_int64(), 7);
  EXPECT_EQ(provisioned.at("ProvisionedThroughput").at("WriteCapacityUnits").as_int64(), 5);
  EXPECT_THROW(create_table_request("sagas", {.billing = Billing::provisioned, .read_units = 0}),
               std::invalid_argument);
}

TableInfo published() {
  TableInfo info;
  info.keys = {{"sagaName", "S"}, {"sagaId", "S"}};
  info.indexes = {
      {"correlationIndex", {{"sagaName", "S"}, {"correlationId", "S"}}, "ALL", "ACTIVE"}};
  info.ttl_attribute = "ttl";
  return info;
}

std::vector<std::string> schema_of(const TableDescription& expected, const TableInfo& found) {
  return schema_differences(planned_table("sagas", expected), found);
}

std::vector<std::string> features_of(const TableDescription& expected, const TableInfo& found) {
  return feature_differences(planned_table("sagas", expected), found);
}

TEST(TableForm, DifferencesAreListed) {
  EXPECT_THAT(schema_of({}, published()), IsEmpty());
  EXPECT_THAT(features_of({}, published()), IsEmpty());
  TableInfo other;
  other.keys = {{"sagaName", "S"}, {"id", "N"}};
  other.billing = Billing::provisioned;
  other.ttl_attribute = "expires";
  EXPECT_THAT(schema_of({}, other), ElementsAre("sort key: expected sagaId (S), found id (N)",
                                                "index correlationIndex: missing",
                                                "billing: expected on demand, found provisioned",
                                                "time to live: expected on ttl, found on expires"));
  other = published();
  other.keys.pop_back();
  other.indexes[0].projection = "KEYS_ONLY";
  other.ttl_attribute.clear();
  EXPECT_THAT(schema_of({}, other),
              ElementsAre("sort key: expected sagaId (S), found none",
                          "index correlationIndex: projection: expected ALL, found KEYS_ONLY"));
  EXPECT_THAT(
      features_of({.point_in_time_recovery = true, .stream = true, .deletion_protection = true},
                  other),
      ElementsAre("time to live: expected on ttl, found off",
                  "stream: expected NEW_AND_OLD_IMAGES, found off",
                  "point-in-time recovery: expected on, found that the service has none",
                  "deletion protection: expected on, found off"));
  EXPECT_THAT(schema_of({.index = CorrelationIndex::none, .ttl = false}, published()),
              ElementsAre("index correlationIndex: expected none",
                          "time to live: expected off, found on ttl"));
}

TEST(TableForm, UnitsAreComparedWhereBothAreProvisioned) {
  TableInfo found = published();
  const TableDescription expected{.billing = Billing::provisioned, .read_units = 7};
  EXPECT_THAT(features_of(expected, found), IsEmpty());
  found.billing = Billing::provisioned;
  found.read_units = 5;
  found.write_units = 6;
  EXPECT_THAT(features_of({}, found), IsEmpty());
  EXPECT_THAT(features_of(expected, found),
              ElementsAre("read units: expected 7, found 5", "write units: expected 5, found 6"));
}

TEST(TableForm, AllDifferencesTogether) {
  TableInfo found = published();
  EXPECT_THAT(table_differences({}, found), IsEmpty());
  found.ttl_attribute.clear();
  found.key_shards = 4;
  EXPECT_THAT(
      table_differences({.index = CorrelationIndex::none}, found),
      ElementsAre("index correlationIndex: expected none", "key shards: expected 1, found 4",
                  "time to live: expected on ttl, found off"));
  EXPECT_THROW(table_differences({.key_shards = 0}, found), std::invalid_argument);
  EXPECT_THROW(table_differences({.key_shards = 1001}, found), std::invalid_argument);
}

TEST(TableForm, ARecordsDifferencesAreListed) {
  EXPECT_THAT(record_differences(1, {}), IsEmpty());
  EXPECT_THAT(record_differences(8, {1, 8}), IsEmpty());
  EXPECT_THAT(record_differences(8, {}), ElementsAre("key shards: expected 8, found 1"));
  EXPECT_THAT(record_differences(8, {2, 0}), ElementsAre("format version: expected 1, found 2"));
}

TEST(TableForm, ACountThatIsNoneIsTransient) {
  EXPECT_EQ(read_table_info(boost::json::parse(R"({"ItemCount":7})")).items, 7U);
  EXPECT_EQ(read_table_info(boost::json::parse("{}")).items, 0U);
  for (const char* text : {R"({"ItemCount":-1})", R"({"TableSizeBytes":1.5})",
                           R"({"ProvisionedThroughput":{"ReadCapacityUnits":"7"}})"}) {
    EXPECT_THROW(read_table_info(boost::json::parse(text)), TransientError) << text;
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
