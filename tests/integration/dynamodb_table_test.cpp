// Tables made, verified and deleted.
#include <gmock/gmock.h>

#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

using ::testing::Contains;
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
