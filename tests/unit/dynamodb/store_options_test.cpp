#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "sagabus/dynamodb/store.hpp"

namespace sagabus::dynamodb {
namespace {

StoreOptions good() {
  return {.table_name = "sagas",
          .region = "eu-west-1",
          .credentials = aws::static_credentials("key", "secret")};
}

std::string error_of(StoreOptions options) {
  try {
    const SagaStore store(std::move(options));
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "none";
}

TEST(StoreOptions, TheShortestFormIsEnough) {
  const SagaStore store{{.table_name = "sagas", .region = "us-east-1"}};
  EXPECT_EQ(store.table_name(), "sagas");
  EXPECT_EQ(store.client().aws().region(), "us-east-1");
  EXPECT_EQ(store.client().aws().endpoint().host, "dynamodb.us-east-1.amazonaws.com");
  EXPECT_EQ(store.backend()->describe(), "dynamodb://sagas");
  EXPECT_EQ(store.usage().total_requests(), 0U);
}

TEST(StoreOptions, TakeAProfile) {
  // [profile]
  sagabus::dynamodb::StoreOptions options;
  options.table_name = "sagas";
  options.region = "eu-west-1";
  options.credentials = sagabus::aws::from_ini({.profile = "production"});
  const sagabus::dynamodb::SagaStore store(options);
  // [profile]
  EXPECT_EQ(store.client().aws().region(), "eu-west-1");  // nothing was read yet
}

TEST(StoreOptions, TheTablesNameIsChecked) {
  for (const char* name : {"", "ab", "sagas!", "sagas/1", "ä-table"}) {
    StoreOptions options = good();
    options.table_name = name;
    EXPECT_TRUE(error_of(options).starts_with("dynamodb: table_name: \"" + std::string(name)))
        << error_of(options);
  }
  StoreOptions options = good();
  options.table_name = std::string(256, 'a');
  EXPECT_NE(error_of(options), "none");
  for (const std::string& name :
       {std::string("abc"), std::string("a.b-c_D9"), std::string(255, 'a'),
        std::string("arn:aws:dynamodb:us-east-1:123456789012:table/sagas")}) {
    options.table_name = name;
    EXPECT_EQ(error_of(options), "none");
  }
  for (const char* arn : {"arn:aws:sqs:us-east-1:123456789012:table/sagas",
                          "arn:aws:dynamodb:us-east-1:123456789012:table/s",
                          "arn:aws:dynamodb:us-east-1:table/sagas"}) {
    options.table_name = arn;
    EXPECT_NE(error_of(options), "none") << arn;
  }
}

TEST(StoreOptions, AClientComesAlone) {
  const Client client{{.region = "us-east-1"}};
  EXPECT_EQ(error_of({.table_name = "sagas", .client = client}), "none");
  EXPECT_NE(error_of({.table_name = "sagas", .region = "us-east-1", .client = client}), "none");
  EXPECT_NE(error_of({.table_name = "sagas", .endpoint = "http://localhost", .client = client}),
            "none");
  EXPECT_NE(error_of({.table_name = "sagas", .client = client, .max_attempts = 2}), "none");
  StoreOptions options = good();
  options.region.clear();
  options.client = client;
  EXPECT_TRUE(error_of(options).starts_with("dynamodb: credentials: ")) << error_of(options);
}

TEST(StoreOptions, OtherOptionsAreChecked) {
  for (const double days : {0.0, -1.0, 1e9, std::nan("")}) {
    StoreOptions options = good();
    options.ttl_days = days;
    EXPECT_TRUE(error_of(options).starts_with("dynamodb: ttl_days: ")) << error_of(options);
  }
  StoreOptions options = good();
  options.max_attempts = -1;
  EXPECT_NE(error_of(options), "none");
  options = good();
  options.endpoint = "ftp://x";
  EXPECT_NE(error_of(options), "none");
  options = good();
  options.foreign_items = true;
  options.index = CorrelationIndex::none;
  EXPECT_TRUE(error_of(options).starts_with("dynamodb: foreign_items: ")) << error_of(options);
}

TEST(StoreOptions, KeyShardsAreBounded) {
  EXPECT_EQ(SagaStore(good()).key_shards(), 1U);
  StoreOptions options = good();
  for (const unsigned wrong : {0U, 1001U}) {
    options.key_shards = wrong;
    EXPECT_EQ(error_of(options),
              "dynamodb: key_shards: \"" + std::to_string(wrong) + "\", expected 1 to 1000");
  }
  options.key_shards = 1000;
  EXPECT_EQ(SagaStore(options).key_shards(), 1000U);
  options.foreign_items = true;
  EXPECT_TRUE(error_of(options).starts_with("dynamodb: foreign_items: \"true\", expected one key"))
      << error_of(options);
  options.key_shards = 1;
  EXPECT_EQ(error_of(options), "none");
}

}  // namespace
}  // namespace sagabus::dynamodb
