// Tables made, verified and deleted.
#include <gmock/gmock.h>

#include <mutex>
#include <thread>

#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using DynamoDbTable = DynamoDbTest;

TEST_F(DynamoDbTable, IsMadeOnceAndMatches) {
  const SagaStore store(options());
  EXPECT_THROW(sync_wait(describe_table(store)), TableNotFound);
  EXPECT_THROW(sync_wait(verify_table(store)), TableNotFound);
  sync_wait(create_table(store));
  sync_wait(create_table(store));
  EXPECT_THAT(sync_wait(verify_table(store)), IsEmpty());
  const TableInfo info = sync_wait(describe_table(store));
  EXPECT_EQ(info.name, table_);
  EXPECT_EQ(info.status, "ACTIVE");
  EXPECT_EQ(info.keys, (std::vector<KeyAttribute>{{"sagaName", "S"}, {"sagaId", "S"}}));
  ASSERT_EQ(info.indexes.size(), 1U);
  EXPECT_EQ(info.indexes[0].projection, "ALL");
  EXPECT_EQ(info.billing, Billing::on_demand);
  EXPECT_EQ(info.ttl_attribute, "ttl");
  EXPECT_EQ(info.stream, "");
  EXPECT_EQ(info.point_in_time_recovery, std::nullopt);  // DynamoDB Local has none
  sync_wait(delete_table(store));
  sync_wait(delete_table(store));
  EXPECT_THROW(sync_wait(describe_table(store)), TableNotFound);
}

TEST_F(DynamoDbTable, OfAnotherKindIsNotTouched) {
  const SagaStore store =
      make({.index = CorrelationIndex::keys_only, .billing = Billing::provisioned, .ttl = false});
  EXPECT_THAT(sync_wait(verify_table(store, {})),
              Contains("billing: expected on demand, found provisioned"));
  try {
    sync_wait(create_table(store, {}));
    FAIL() << "expected ValidationError";
  } catch (const ValidationError& e) {
    EXPECT_THAT(e.what(), HasSubstr("projection: expected ALL, found KEYS_ONLY"));
    EXPECT_THAT(e.what(), HasSubstr("billing: expected on demand, found provisioned"));
  }
  EXPECT_EQ(sync_wait(describe_table(store)).ttl_attribute, "");
}

TEST_F(DynamoDbTable, FeaturesAreTurnedOnLater) {
  const SagaStore store = make({.ttl = false});
  EXPECT_THAT(sync_wait(verify_table(store)), Contains(HasSubstr("time to live")));
  sync_wait(create_table(store, {.stream = true}));
  const TableInfo info = sync_wait(describe_table(store));
  EXPECT_EQ(info.ttl_attribute, "ttl");
  EXPECT_EQ(info.stream, "NEW_AND_OLD_IMAGES");
  EXPECT_NE(info.stream_arn, "");
}

boost::asio::awaitable<void> turn_protection_off(SagaStore store) {
  std::string body =
      R"({"DeletionProtectionEnabled":false,"TableName":")" + store.table_name() + "\"}";
  auto calling = store.client().call("UpdateTable", std::move(body), store.table_name());
  co_await std::move(calling);
}

TEST_F(DynamoDbTable, ProtectedFromDeletionStays) {
  const SagaStore store = make({});
  EXPECT_FALSE(sync_wait(describe_table(store)).deletion_protection);
  const TableDescription with_protection{.deletion_protection = true};
  EXPECT_THAT(sync_wait(verify_table(store, with_protection)),
              ElementsAre("deletion protection: expected on, found off"));
  sync_wait(create_table(store, with_protection));
  EXPECT_THAT(sync_wait(verify_table(store, with_protection)), IsEmpty());
  EXPECT_THROW(sync_wait(delete_table(store)), ValidationError);
  sync_wait(create_table(store));  // what is not asked for is left as it is
  EXPECT_TRUE(sync_wait(describe_table(store)).deletion_protection);
  sync_wait(turn_protection_off(store));
  sync_wait(delete_table(store));
  sync_wait(create_table(store, with_protection));
  EXPECT_TRUE(sync_wait(describe_table(store)).deletion_protection);
  sync_wait(turn_protection_off(store));
}

// Calls create_table from several threads at once; the texts of the errors.
std::vector<std::string> create_from_all_sides(const SagaStore& store,
                                               const TableDescription& description) {
  std::mutex mutex;
  std::vector<std::string> errors;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      try {
        sync_wait(create_table(store, description));
      } catch (const Error& e) {
        const std::lock_guard lock(mutex);
        errors.emplace_back(e.what());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

TEST_F(DynamoDbTable, MayBeMadeFromAllSidesAtOnce) {
  ClientOptions patient = client_options();
  patient.max_attempts = 10;  // DynamoDB Local has internal failures while a table changes
  StoreOptions here = options();
  here.client = Client(std::move(patient));
  const SagaStore store(std::move(here));
  for (int round = 0; round < 5; ++round) {
    EXPECT_THAT(create_from_all_sides(store, {.ttl = false}), IsEmpty());
    EXPECT_THAT(create_from_all_sides(store, {.stream = true}), IsEmpty());
    EXPECT_THAT(sync_wait(verify_table(store, {.stream = true})), IsEmpty());
    sync_wait(delete_table(store));
  }
}

TEST_F(DynamoDbTable, PointInTimeRecoveryIsRefusedWhereThereIsNone) {
  const SagaStore store(options());
  try {
    sync_wait(create_table(store, {.point_in_time_recovery = true}));
    FAIL() << "expected Unsupported";
  } catch (const Unsupported& e) {
    EXPECT_THAT(e.what(), HasSubstr("point-in-time recovery"));
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
