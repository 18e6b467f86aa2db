#include "dynamodb/key_shards.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "sagabus/error.hpp"
#include "sagabus/instance.hpp"

namespace sagabus::dynamodb {
namespace {

struct Vector {
  const char* saga_id;
  unsigned of_2, of_8, of_100, of_101, of_1000;
};

// Made with Python: zlib.crc32(saga_id.encode()) % key_shards. Stored items stand on them.
TEST(KeyShards, OfAnIdIsItsCrc32) {
  for (const Vector& v : {Vector{"123456789", 0, 6, 62, 50, 262}, Vector{"a", 1, 3, 7, 18, 907},
                          Vector{"order-000123", 0, 6, 66, 3, 966}, Vector{"ü", 1, 5, 89, 22, 789},
                          Vector{"9f1c6f0e-3f7b-5c57-9c49-0c1d4e9a7a10", 1, 3, 47, 57, 147}}) {
    EXPECT_EQ(shard_of(v.saga_id, 1), 0U) << v.saga_id;
    EXPECT_EQ(shard_of(v.saga_id, 2), v.of_2) << v.saga_id;
    EXPECT_EQ(shard_of(v.saga_id, 8), v.of_8) << v.saga_id;
    EXPECT_EQ(shard_of(v.saga_id, 100), v.of_100) << v.saga_id;
    EXPECT_EQ(shard_of(v.saga_id, 101), v.of_101) << v.saga_id;
    EXPECT_EQ(shard_of(v.saga_id, 1000), v.of_1000) << v.saga_id;
  }
}

TEST(KeyShards, AreFilledEvenly) {
  std::vector<int> derived(8);
  std::vector<int> chosen(8);
  for (int i = 0; i < 8000; ++i) {
    ++derived[shard_of(derive_saga_id("OrderSaga", fmt::format("order-{}", i)), 8)];
    ++chosen[shard_of(fmt::format("order-{}", 2 * i), 8)];
  }
  for (const std::vector<int>& counts : {derived, chosen}) {
    EXPECT_GT(*std::min_element(counts.begin(), counts.end()), 850);
    EXPECT_LT(*std::max_element(counts.begin(), counts.end()), 1150);
  }
}

TEST(KeyShards, AreNamedWithAFixedWidth) {
  EXPECT_EQ(partition_value("OrderSaga", 0, 1), "OrderSaga");
  EXPECT_EQ(partition_value("OrderSaga", 0, 2), "OrderSaga#00");
  EXPECT_EQ(partition_value("OrderSaga", 7, 8), "OrderSaga#07");
  EXPECT_EQ(partition_value("OrderSaga", 99, 100), "OrderSaga#99");
  EXPECT_EQ(partition_value("OrderSaga", 7, 101), "OrderSaga#007");
  EXPECT_EQ(partition_value("OrderSaga", 999, 1000), "OrderSaga#999");
  EXPECT_EQ(partition_of("OrderSaga", "order-000123", 1), "OrderSaga");
  EXPECT_EQ(partition_of("OrderSaga", "order-000123", 8), "OrderSaga#06");
  EXPECT_EQ(partition_of("OrderSaga#06", "order-000123", 8), "OrderSaga#06#06");
  for (const unsigned key_shards : {1U, 2U, 100U, 101U, 1000U}) {
    EXPECT_EQ(partition_value("OrderSaga", 0, key_shards).size(), 9 + shard_bytes(key_shards));
  }
}

TEST(KeyShards, AreTakenOffAName) {
  EXPECT_EQ(saga_name_of("OrderSaga#06", "order-000123", 1), "OrderSaga#06");
  EXPECT_EQ(saga_name_of("OrderSaga#06", "order-000123", 8), "OrderSaga");
  EXPECT_EQ(saga_name_of("OrderSaga#06#06", "order-000123", 8), "OrderSaga#06");
  for (const char* other : {"OrderSaga", "OrderSaga#07", "OrderSaga#6", "OrderSaga#006", "#06"}) {
    EXPECT_THROW(saga_name_of(other, "order-000123", 8), ValidationError) << other;
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
