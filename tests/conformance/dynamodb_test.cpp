#include <gtest/gtest.h>

#include <memory>
#include <mutex>

#include "conformance/bus_timers.hpp"
#include "sagabus/conformance/store.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "sagabus/random.hpp"
#include "sagabus/sync_wait.hpp"
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

// Each its own table, which is made when it is first asked for.
sagabus::testing::StoreFactory dynamodb(unsigned key_shards) {
  sagabus::testing::StoreFactory factory;
  const auto made = std::make_shared<std::once_flag>();
  const std::string table = "conformance-" + new_nonce(*sagabus::system_random());
  factory.make = [made, table, key_shards](const sagabus::testing::StoreSettings& settings) {
    sagabus::dynamodb::StoreOptions here;
    here.table_name = table;
    here.client = client();
    here.key_shards = key_shards;
    std::call_once(*made,
                   [&] { sagabus::sync_wait(create_table(sagabus::dynamodb::SagaStore(here))); });
    here.ambient = settings.ambient;
    here.ttl_days = settings.ttl_days;
    return sagabus::dynamodb::SagaStore(std::move(here));
  };
  factory.shared = true;
  factory.max_state_bytes = (400 - 64) * 1024;
  return factory;
}

}  // namespace

SAGABUS_STORE_CONFORMANCE(DynamoDb, dynamodb(1));
SAGABUS_STORE_CONFORMANCE(DynamoDbInShards, dynamodb(8));
SAGABUS_BUS_ON_STORE(DynamoDb, dynamodb(1));
// Its timers go by the service's time: tests/integration has them.
using sagabus::test::BusTimers;
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusTimers);
