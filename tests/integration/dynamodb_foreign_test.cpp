// Items that another program put into the same table.
#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

class DynamoDbForeign : public DynamoDbTest {
 protected:
  SagaStore make_foreign() {
    make();
    StoreOptions here = options();
    here.foreign_items = true;
    return SagaStore(std::move(here));
  }
  void put_order(std::string_view created_at = R"("createdAt":{"S":"2026-01-01T00:00:00.000Z"},)") {
    put(fmt::format(
        R"("sagaName":{{"S":"Order"}},"sagaId":{{"S":"theirs"}},"correlationId":{{"S":"c"}},)"
        R"("version":{{"N":"3"}},"isCompleted":{{"BOOL":false}},{})"
        R"("state":{{"M":{{"total":{{"N":"5"}},"tags":{{"SS":["a"]}}}}}},)"
        R"("updatedAt":{{"S":"2026-01-01T00:00:00.000Z"}},"note":{{"S":"kept"}})",
        created_at));
  }
  void expect_completes(const SagaStore& store) {
    const InstancePtr found = load(store, key());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->saga_id, "theirs");
    EXPECT_EQ(found->version, 3U);
    Instance next = after(*found);
    next.completed = true;
    next.state = Value(Object{{"total", Value(6)}});
    ASSERT_TRUE(commit(store, next, expect(*found)).committed);
    const auto there = item("theirs");
    EXPECT_EQ(there.at("note"), boost::json::parse(R"({"S":"kept"})"));
    EXPECT_EQ(there.at("version"), boost::json::parse(R"({"N":"4"})"));
    EXPECT_EQ(there.at("isCompleted"), boost::json::parse(R"({"BOOL":true})"));
    EXPECT_EQ(there.at("state"), boost::json::parse(R"({"M":{"total":{"N":"6"}}})"));

    const CommitResult late = commit(store, next, expect(*found));
    EXPECT_FALSE(late.committed);
    ASSERT_TRUE(late.current);
    EXPECT_EQ(late.current->version, 4U);
  }
};

TEST_F(DynamoDbForeign, AreFoundUpdatedAndCompleted) {
  const SagaStore store = make_foreign();
  put_order();
  const auto before = store.usage().requests.count("UpdateItem");
  EXPECT_EQ(before, 0U);
  expect_completes(store);
  EXPECT_EQ(store.usage().requests.at("UpdateItem"), 2U);
}

TEST_F(DynamoDbForeign, MayWriteTimesInTheirOwnWay) {
  const SagaStore store = make_foreign();
  put_order(R"("createdAt":{"S":"2026-01-01T01:00:00.123456+01:00"},)");
  expect_completes(store);
}

TEST_F(DynamoDbForeign, MayHaveNoCreationTime) {
  const SagaStore store = make_foreign();
  put_order("");
  expect_completes(store);
}

TEST_F(DynamoDbForeign, AreSeenByTheFunctionsOfEveryStore) {
  const SagaStore store = make();
  put_order();
  EXPECT_EQ(load(store, key()), nullptr);  // the bus does not ask the index unless told to
  const auto found = sync_wait(store.get_by_correlation_id("Order", "c"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->saga_id, "theirs");
  EXPECT_EQ(*found->state.find("tags"), Value(Array{Value("a")}));
  Instance change = *found;
  change.state = Value(Object{});
  EXPECT_EQ(sync_wait(store.update(change, 3)).version, 4U);
  EXPECT_THROW(sync_wait(store.update(change, 3)), ConcurrencyError);
  EXPECT_TRUE(item("theirs").contains("note"));
  EXPECT_EQ(sync_wait(store.find_by_name({.saga_name = "Order"})).instances.size(), 1U);
  sync_wait(store.erase("Order", "theirs", 4));
  EXPECT_TRUE(item("theirs").empty());
}

TEST_F(DynamoDbForeign, AStartMeetsThem) {
  const SagaStore store = make_foreign();
  put_order();
  const CommitResult result = commit(store, first());
  EXPECT_FALSE(result.committed);
  ASSERT_TRUE(result.current);
  EXPECT_EQ(result.current->saga_id, "theirs");
}

TEST_F(DynamoDbForeign, OfAnotherLifeAreAConflict) {
  const SagaStore store = make_foreign();
  put_order();
  const InstancePtr found = load(store, key());
  put_order(R"("createdAt":{"S":"2026-01-02T00:00:00.000Z"},)");
  const CommitResult result = commit(store, after(*found), expect(*found));
  EXPECT_FALSE(result.committed);
  ASSERT_TRUE(result.current);
  EXPECT_NE(result.current->created_at, found->created_at);
}

TEST_F(DynamoDbForeign, WhatCannotBeReadHidesNothing) {
  make();
  std::vector<std::string> lines;
  StoreOptions logged = options();
  logged.ambient.log = Logger([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  const SagaStore store(std::move(logged));
  for (const char* correlation_id : {"a", "b", "d"}) {
    Instance given = order(correlation_id);
    given.completed = true;
    sync_wait(store.insert(given));
  }
  put(R"("sagaName":{"S":"Order"},"sagaId":{"S":"odd"},"correlationId":{"S":"c"},)"
      R"("version":{"S":"secret"},"isCompleted":{"BOOL":true},"state":{"M":{}},)"
      R"("updatedAt":{"S":"2026-01-01T12:00:00Z"})");
  FindRequest request{.saga_name = "Order", .limit = 1};
  std::size_t found = 0;
  do {
    const FindPage page = sync_wait(store.find_by_name(request));
    found += page.instances.size();
    request.continuation = page.continuation;
  } while (!request.continuation.empty());
  EXPECT_EQ(found, 3U);
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.front(), "dynamodb: " + table_ +
                               ": left out: item odd: version: expected a whole N, found string");
  EXPECT_THROW(sync_wait(store.get_by_id("Order", "odd")), ValidationError);
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 4U);
  clock_->advance(std::chrono::seconds(1));
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 3U);
  EXPECT_FALSE(item("odd").empty());
}

// Our own would have been kept smaller, to leave room for the bookkeeping.
TEST_F(DynamoDbForeign, MayBeLargerThanOurOwn) {
  const SagaStore store = make_foreign();
  put_order();
  Instance large = *load(store, key());
  const auto grow = [&](std::size_t bytes) {
    const ExpectedInstance expected = expect(large);
    large = after(large);
    large.state = Value(Object{{"text", Value(std::string(bytes, 'x'))}});
    return commit(store, large, expected).committed;
  };
  EXPECT_TRUE(grow(350 * 1024));
  EXPECT_TRUE(grow(390 * 1024));
  EXPECT_THROW(grow(400 * 1024), StateTooLarge);
}

TEST_F(DynamoDbForeign, OldOnesAreDeletedWhateverTheirTimesLookLike) {
  const SagaStore store = make();
  int n = 0;
  for (const char* time : {"2026-01-01T12:00:00Z", "2026-01-01T23:30:00+14:00",
                           "2026-01-01T00:00:00.123456-03:00", "2026-01-02T12:00:00Z"}) {
    put(fmt::format(
        R"("sagaName":{{"S":"Order"}},"sagaId":{{"S":"t{}"}},"correlationId":{{"S":"c{}"}},)"
        R"("version":{{"N":"1"}},"isCompleted":{{"BOOL":true}},"state":{{"M":{{}}}},)"
        R"("createdAt":{{"S":"{}"}},"updatedAt":{{"S":"{}"}})",
        n, n, time, time));
    ++n;
  }
  const TimePoint bound = std::chrono::sys_days(std::chrono::year(2026) / 1 / 1) +
                          std::chrono::hours(12) + std::chrono::milliseconds(1);
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", bound)), 3U);
  EXPECT_FALSE(item("t3").empty());
}

}  // namespace
}  // namespace sagabus::dynamodb
