// Items as the published schema has them, seen by another client.
#include <gmock/gmock.h>

#include <set>

#include "dynamodb_support.hpp"

namespace sagabus::dynamodb {
namespace {

using DynamoDbSchema = DynamoDbTest;

std::set<std::string> names(const boost::json::object& item) {
  std::set<std::string> out;
  for (const auto& attribute : item) out.emplace(attribute.key());
  return out;
}

TEST_F(DynamoDbSchema, AnItemHasTheDocumentedAttributesAndNativeTypes) {
  make();
  StoreOptions with_ttl = options();
  with_ttl.ttl_days = 7;
  const SagaStore store(std::move(with_ttl));
  Instance given = order("order \"1\" ü");
  given.state = Value(Object{{"orderId", Value("o1")},
                             {"total", Value(12.5)},
                             {"count", Value(3)},
                             {"paid", Value(true)},
                             {"none", Value()},
                             {"raw", Value(Bytes{std::byte{1}})},
                             {"lines", Value(Array{Value(Object{{"sku", Value("x")}})})}});
  given.bookkeeping.inbox.push_back({"m1", clock_->now()});
  const Instance stored = sync_wait(store.insert(given));

  boost::json::object found = item(stored.saga_id);
  EXPECT_EQ(names(found),
            (std::set<std::string>{"sagaName", "sagaId", "correlationId", "version", "isCompleted",
                                   "state", "createdAt", "updatedAt", "_b", "_i", "_w"}));
  const auto is = [&](const char* name, const char* text) {
    EXPECT_EQ(found.at(name), boost::json::parse(text)) << name;
  };
  is("sagaName", R"({"S":"Order"})");
  is("correlationId", R"({"S":"order \"1\" ü"})");
  is("version", R"({"N":"1"})");
  is("isCompleted", R"({"BOOL":false})");
  is("createdAt", R"({"S":"2027-01-15T08:00:00.123Z"})");
  is("updatedAt", R"({"S":"2027-01-15T08:00:00.123Z"})");
  is("state",
     R"({"M":{"orderId":{"S":"o1"},"total":{"N":"12.5"},"count":{"N":"3"},"paid":{"BOOL":true},)"
     R"("none":{"NULL":true},"raw":{"B":"AQ=="},"lines":{"L":[{"M":{"sku":{"S":"x"}}}]}}})");

  Instance done = stored;
  done.completed = true;
  done.bookkeeping.inbox.clear();
  clock_->advance(std::chrono::seconds(1));
  sync_wait(store.update(done, 1));
  found = item(stored.saga_id);
  is("isCompleted", R"({"BOOL":true})");
  is("version", R"({"N":"2"})");
  is("updatedAt", R"({"S":"2027-01-15T08:00:01.123Z"})");
  is("createdAt", R"({"S":"2027-01-15T08:00:00.123Z"})");
  is("ttl", R"({"N":"1800604802"})");  // the second after, seven days later
  EXPECT_FALSE(found.contains("_i"));
}

TEST_F(DynamoDbSchema, AnInstanceIsFoundInTheIndex) {
  const SagaStore store = make();
  const Instance stored = sync_wait(store.insert(order("c7")));
  const auto answer = call(
      "Query",
      fmt::format(R"({{"TableName":"{}","IndexName":"correlationIndex","KeyConditionExpression":)"
                  R"("sagaName = :n AND correlationId = :c","ExpressionAttributeValues":)"
                  R"({{":n":{{"S":"Order"}},":c":{{"S":"c7"}}}}}})",
                  table_));
  ASSERT_EQ(answer.at("Count").as_int64(), 1);
  EXPECT_EQ(answer.at("Items").at(0).as_object(), item(stored.saga_id));
}

TEST_F(DynamoDbSchema, AWorkersRowIsNotInTheIndex) {
  const SagaStore store = make();
  sync_wait(store.backend()->save_watermark("worker-1", "told"));
  const auto row = item("worker-1", "$workers");
  EXPECT_EQ(names(row),
            (std::set<std::string>{"sagaName", "sagaId", "watermark", "updatedAt", "ttl"}));
  EXPECT_EQ(row.at("watermark"), boost::json::parse(R"({"S":"told"})"));
  EXPECT_EQ(row.at("ttl"), boost::json::parse(R"({"N":"1834560000"})"));  // 400 days later
  const auto index =
      call("Scan", fmt::format(R"({{"TableName":"{}","IndexName":"correlationIndex"}})", table_));
  EXPECT_EQ(index.at("Count").as_int64(), 0);
}

TEST_F(DynamoDbSchema, AnAliasReservesAChosenIdsCorrelationId) {
  const SagaStore store = make();
  Instance given = order();
  given.saga_id = "mine";
  const Instance stored = sync_wait(store.insert(given));
  EXPECT_EQ(item("mine").at("_a"), boost::json::parse(R"({"BOOL":true})"));
  const auto alias = item(key().saga_id);
  EXPECT_EQ(names(alias), (std::set<std::string>{"sagaName", "sagaId", "aliasOf", "_b"}));
  EXPECT_EQ(alias.at("aliasOf"), boost::json::parse(R"({"S":"mine"})"));
  EXPECT_FALSE(sync_wait(store.get_by_id("Order", key().saga_id)));
  sync_wait(store.erase("Order", key().saga_id));  // no instance has that id
  EXPECT_EQ(load(store, key())->saga_id, "mine");
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 1U);

  sync_wait(store.erase("Order", "mine"));
  EXPECT_TRUE(item("mine").empty());
  EXPECT_TRUE(item(key().saga_id).empty());
}

TEST_F(DynamoDbSchema, AnAliasExpiresWithItsInstance) {
  make();
  StoreOptions with_ttl = options();
  with_ttl.ttl_days = 1;
  const SagaStore store(std::move(with_ttl));
  Instance given = order();
  given.saga_id = "mine";
  Instance stored = sync_wait(store.insert(given));
  stored.completed = true;
  stored = sync_wait(store.update(stored, 1));
  EXPECT_EQ(item("mine").at("ttl"), item(key().saga_id).at("ttl"));
  stored.completed = false;
  stored = sync_wait(store.update(stored, 2));
  EXPECT_FALSE(item("mine").contains("ttl"));
  EXPECT_FALSE(item(key().saga_id).contains("ttl"));
  stored.completed = true;
  ASSERT_TRUE(commit(store, after(stored), expect(stored)).committed);
  EXPECT_EQ(item("mine").at("ttl"), item(key().saga_id).at("ttl"));
  clock_->advance(std::chrono::hours(25));
  EXPECT_EQ(load(store, key()), nullptr);
  ASSERT_TRUE(commit(store, first()).committed);
  EXPECT_EQ(load(store, key())->saga_id, key().saga_id);
}

TEST_F(DynamoDbSchema, DeletesCompletedInstancesWithTheirAliases) {
  const SagaStore store = make();
  for (int i = 0; i < 40; ++i) {
    Instance given = order(fmt::format("c{}", i));
    if (i % 4 == 0) given.saga_id = fmt::format("mine-{}", i);
    given.completed = i % 2 == 0;
    sync_wait(store.insert(given));
  }
  clock_->advance(std::chrono::seconds(1));
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 20U);
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 0U);
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 20U);
  const auto rest = call("Scan", fmt::format(R"({{"TableName":"{}"}})", table_));
  EXPECT_EQ(rest.at("Count").as_int64(), 20 + 1);  // the table's record; no alias is left
}

TEST_F(DynamoDbSchema, ALeanTableWorksWithoutAnIndex) {
  const SagaStore store = make({.index = CorrelationIndex::none});
  sync_wait(store.backend()->prepare());
  ASSERT_TRUE(commit(store, first()).committed);
  EXPECT_TRUE(sync_wait(store.get_by_correlation_id("Order", "c")));
  EXPECT_FALSE(sync_wait(store.get_by_correlation_id("Order", "other")));
  EXPECT_EQ(store.usage().write_units, 1);
}

}  // namespace
}  // namespace sagabus::dynamodb
