#include <gtest/gtest.h>

#include "conformance/bus_on_store.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/testing/store_conformance.hpp"
#include "support/endpoint.hpp"

namespace {

// Its own clock is the machine's, whatever the time of the store is.
sagabus::dynamodb::Client client() {
  static const sagabus::dynamodb::Client client{
      {.region = "us-east-1",
       .endpoint = sagabus::test::dynamodb_endpoint(),
       .credentials = sagabus::aws::static_credentials("test", "test")}};
  return client;
}

sagabus::dynamodb::StoreOptions options() {
  static const std::string table = "conformance-" + new_nonce(*sagabus::system_random());
  return {.table_name = table, .client = client()};
}

sagabus::testing::StoreFactory dynamodb() {
  sagabus::testing::StoreFactory factory;
  factory.make = [](const sagabus::testing::StoreSettings& settings) {
    static const bool made = [] {
      sagabus::sync_wait(create_table(sagabus::dynamodb::SagaStore(options())));
      return true;
    }();
    EXPECT_TRUE(made);
    sagabus::dynamodb::StoreOptions here = options();
    here.ambient = settings.ambient;
    here.ttl_days = settings.ttl_days;
    return sagabus::dynamodb::SagaStore(std::move(here));
  };
  factory.shared = true;
  factory.max_state_bytes = 400 * 1024;
  return factory;
}

}  // namespace

SAGABUS_STORE_CONFORMANCE(DynamoDb, dynamodb());
SAGABUS_BUS_ON_STORE(DynamoDb, dynamodb());
