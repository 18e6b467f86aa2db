// Instances of one saga, spread over eight partition values.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "dynamodb/item.hpp"
#include "dynamodb/key_shards.hpp"
#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr unsigned kShards = 8;

class DynamoDbShards : public DynamoDbTest {
 protected:
  SagaStore make_sharded() { return make({.key_shards = kShards}); }

  boost::json::object item_of(std::string_view saga_id) {
    return item(saga_id, partition_of("Order", saga_id, kShards));
  }
  // What the whole table holds, its record apart.
  std::int64_t items() {
    const auto answer = call("Scan", fmt::format(R"({{"TableName":"{}"}})", table_));
    return answer.at("Count").as_int64() - 1;
  }
  // So many orders, every third of them completed.
  std::set<std::string> insert_orders(const SagaStore& store, int count) {
    std::set<std::string> ids;
    for (int i = 0; i < count; ++i) {
      Instance given = order(fmt::format("c{}", i));
      given.completed = i % 3 == 0;
      if (i % 5 == 0) given.saga_id = fmt::format("chosen-{}", i);
      ids.insert(sync_wait(store.insert(std::move(given))).saga_id);
    }
    return ids;
  }
  // Every page of a listing, each but the last one full.
  static std::vector<std::string> list(const SagaStore& store, FindRequest request) {
    std::vector<std::string> ids;
    do {
      const FindPage page = sync_wait(store.find_by_name(request));
      for (const Instance& instance : page.instances) {
        EXPECT_EQ(instance.saga_name, "Order");
        ids.push_back(instance.saga_id);
      }
      request.continuation = page.continuation;
      EXPECT_TRUE(page.instances.size() == request.limit || page.continuation.empty());
    } while (!request.continuation.empty() && ids.size() < 1000);
    return ids;
  }
};

// The derived id of "c" is 76a3e418-a88d-552c-a89b-4bd3e8ffe4ec, its CRC-32 modulo 8 is 3.
TEST_F(DynamoDbShards, AnItemLiesInTheShardOfItsId) {
  const SagaStore store = make_sharded();
  const Instance start = first();
  ASSERT_TRUE(commit(store, start).committed);
  EXPECT_TRUE(item(start.saga_id, "Order").empty());
  const auto there = item("76a3e418-a88d-552c-a89b-4bd3e8ffe4ec", "Order#03");
  ASSERT_FALSE(there.empty());
  EXPECT_EQ(there.at("correlationId"), boost::json::parse(R"({"S":"c"})"));
  EXPECT_FALSE(commit(store, first()).committed);
  ASSERT_TRUE(commit(store, after(start), expect(start)).committed);
  EXPECT_EQ(item(start.saga_id, "Order#03").at("version"), boost::json::parse(R"({"N":"2"})"));
  EXPECT_EQ(items(), 1);

  const InstancePtr found = load(store, key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->saga_name, "Order");
  EXPECT_EQ(sync_wait(store.get_by_id("Order", start.saga_id))->version, 2U);
  sync_wait(store.erase("Order", start.saga_id, 2));
  EXPECT_EQ(items(), 0);
}

TEST_F(DynamoDbShards, TheIndexIsInShardsToo) {
  const SagaStore store = make_sharded();
  ASSERT_TRUE(commit(store, first()).committed);
  const auto answer = call(
      "Query",
      fmt::format(R"({{"TableName":"{}","IndexName":"correlationIndex","KeyConditionExpression":)"
                  R"("sagaName = :n AND correlationId = :c","ExpressionAttributeValues":)"
                  R"({{":n":{{"S":"Order#03"}},":c":{{"S":"c"}}}}}})",
                  table_));
  EXPECT_EQ(answer.at("Count").as_int64(), 1);
}

// "own" is in shard 1.
TEST_F(DynamoDbShards, AnAliasLiesInTheShardOfItsOwnId) {
  make_sharded();
  StoreOptions with_ttl = options();
  with_ttl.key_shards = kShards;
  with_ttl.ttl_days = 1;
  const SagaStore store(std::move(with_ttl));
  Instance given = order();
  given.saga_id = "own";
  Instance stored = sync_wait(store.insert(given));
  EXPECT_TRUE(item("own", "Order#01").contains("state"));
  EXPECT_EQ(item(key().saga_id, "Order#03").at("aliasOf"), boost::json::parse(R"({"S":"own"})"));
  EXPECT_EQ(items(), 2);
  EXPECT_EQ(load(store, key())->saga_id, "own");
  EXPECT_EQ(sync_wait(store.get_by_correlation_id("Order", "c"))->saga_id, "own");
  EXPECT_EQ(commit(store, first()).current->saga_id, "own");
  EXPECT_THROW(sync_wait(store.insert(given)), AlreadyExists);

  stored.completed = true;
  stored = sync_wait(store.update(stored, 1));
  EXPECT_EQ(item("own", "Order#01").at("ttl"), item(key().saga_id, "Order#03").at("ttl"));
  EXPECT_EQ(list(store, {.saga_name = "Order"}), std::vector<std::string>{"own"});
  sync_wait(store.erase("Order", "own"));
  EXPECT_EQ(items(), 0);
}

TEST_F(DynamoDbShards, AListingSeesEveryInstanceOnceWhateverThePage) {
  const SagaStore store = make_sharded();
  const std::set<std::string> ids = insert_orders(store, 30);
  const std::vector<std::string> in_order = list(store, {.saga_name = "Order"});
  EXPECT_EQ(std::set(in_order.begin(), in_order.end()), ids);
  std::vector<std::string> completed;
  std::copy_if(
      in_order.begin(), in_order.end(), std::back_inserter(completed),
      [&](const std::string& id) { return sync_wait(store.get_by_id("Order", id))->completed; });
  EXPECT_EQ(completed.size(), 10U);
  for (std::size_t limit = 1; limit <= 31; ++limit) {
    EXPECT_EQ(list(store, {.saga_name = "Order", .limit = limit}), in_order) << limit;
    EXPECT_EQ(list(store, {.saga_name = "Order", .limit = limit, .completed = true}), completed)
        << limit;
  }
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 30U);
  EXPECT_EQ(sync_wait(store.count_by_name("Order", true)), 10U);
}

TEST_F(DynamoDbShards, AListingGoesOverEmptyShards) {
  const SagaStore store = make_sharded();
  EXPECT_EQ(list(store, {.saga_name = "Order"}), std::vector<std::string>());
  EXPECT_EQ(store.usage().requests.at("Query"), kShards);
  for (const char* id : {"own", "a"}) {  // in shards 1 and 3
    Instance given = order(id);
    given.saga_id = id;
    sync_wait(store.insert(given));
  }
  for (const std::size_t limit : {1U, 2U, 3U}) {
    EXPECT_EQ(list(store, {.saga_name = "Order", .limit = limit}),
              (std::vector<std::string>{"own", "a"}));
  }
  EXPECT_EQ(list(store, {.saga_name = "Orde"}), std::vector<std::string>());
}

TEST_F(DynamoDbShards, OldInstancesAreDeletedFromAllShards) {
  const SagaStore store = make_sharded();
  insert_orders(store, 60);
  clock_->advance(std::chrono::seconds(1));
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 20U);
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 0U);
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 40U);
  EXPECT_EQ(items(), 40 + 8);  // and an alias for each of 8 that have an id of their own
}

// Which no store finds by its id: it is nobody's, and must not send a listing round in circles.
TEST_F(DynamoDbShards, AnItemInAnotherShardThanItsOwnIsLeftOut) {
  make_sharded();
  std::vector<std::string> lines;
  StoreOptions logged = options();
  logged.key_shards = kShards;
  logged.ambient.log = Logger([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  const SagaStore store(std::move(logged));
  const std::set<std::string> ids = insert_orders(store, 10);
  for (const char* partition : {"Order#00", "Order#07", "Order"}) {
    put(fmt::format(R"("sagaName":{{"S":"{}"}},"sagaId":{{"S":"own"}},"correlationId":{{"S":"x"}},)"
                    R"("version":{{"N":"1"}},"isCompleted":{{"BOOL":true}},"state":{{"M":{{}}}},)"
                    R"("updatedAt":{{"S":"2026-01-01T00:00:00.000Z"}})",
                    partition));
  }
  for (const std::size_t limit : {1U, 3U, 100U}) {
    const auto listed = list(store, {.saga_name = "Order", .limit = limit});
    EXPECT_EQ(std::set(listed.begin(), listed.end()), ids) << limit;
    EXPECT_EQ(listed.size(), ids.size()) << limit;
  }
  EXPECT_THAT(lines, ::testing::Contains(
                         "dynamodb: " + table_ +
                         ": left out: item own: sagaName: expected one that ends in #01, found "
                         "Order#07"));
  EXPECT_EQ(sync_wait(store.get_by_id("Order", "own")), std::nullopt);
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 0U);
}

TEST_F(DynamoDbShards, TheIndexIsNotAskedForOtherProgramsItems) {
  const SagaStore store = make_sharded();
  put(R"("sagaName":{"S":"Order"},"sagaId":{"S":"theirs"},"correlationId":{"S":"c"},)"
      R"("version":{"N":"3"},"isCompleted":{"BOOL":false},"state":{"M":{}})");
  EXPECT_EQ(sync_wait(store.get_by_correlation_id("Order", "c")), std::nullopt);
  EXPECT_EQ(store.usage().requests.count("Query"), 0U);
}

TEST_F(DynamoDbShards, WhatWorkersTellLiesInNoShard) {
  const SagaStore store = make_sharded();
  sync_wait(store.backend()->save_watermark("w1", "text"));
  EXPECT_EQ(sync_wait(store.backend()->load_watermark("w1")), "text");
  EXPECT_FALSE(item("w1", "$workers").empty());
}

TEST_F(DynamoDbShards, AnItemAtTheLimitIsMeasuredWithItsShard) {
  const SagaStore store = make_sharded();
  Instance given = first();
  given.state = Value(Object{{"text", Value(std::string(343'000, 'x'))}});
  ASSERT_TRUE(commit(store, given).committed);
  const auto bytes = [](const Instance& instance) {
    const ItemDraft draft{instance, {}, std::string(11, 't'), std::nullopt};
    return item_size(draft, kShards);
  };
  // 336 KB, since the rest is kept for inbox and outbox.
  const std::size_t room = 344'064 - bytes(given);
  for (const std::size_t more : {room, room + 1}) {
    Instance large = first(fmt::format("{}", more % 10));
    large.state = Value(Object{{"text", Value(std::string(343'000 + more, 'x'))}});
    if (more == room) {
      EXPECT_TRUE(commit(store, large).committed);
    } else {
      EXPECT_THROW(commit(store, large), StateTooLarge);
    }
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
