// Items that another program put into the same table.
#include <future>

#include "dynamodb_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"

namespace sagabus::dynamodb {
namespace {

struct Placed {
  std::string orderId;
  double total = 0;
};
SAGABUS_MESSAGE(Placed, orderId, total)

struct Totals {
  double total = 0;
};
SAGABUS_DESCRIBE(Totals, total)

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
  using Requests = std::map<std::string, std::uint64_t>;  // by operation

  // Has a bus take in a message that can start an instance: what it asked of the service for it.
  Requests start_by_bus(const SagaStore& store) {
    std::promise<void> taken;
    BusOptions options;
    options.transport = memory::Transport();
    options.store = store;
    options.threads = 1;
    options.fire_timers = false;  // which asks by itself
    options.sagas = {saga<Totals>("Order")
                         .correlate<Placed>(&Placed::orderId, can_start)
                         .initial([] { return Totals{}; })
                         .on<Placed>()
                         .handle([&taken](const Placed& m, Totals& s) {
                           s.total += m.total;
                           taken.set_value();
                         })
                         .build()};
    Bus bus(std::move(options));
    sync_wait(bus.start());
    const auto before = store.usage().requests;
    sync_wait(bus.publish(Placed{"c", 2}));
    taken.get_future().wait();
    sync_wait(bus.stop());
    auto asked = store.usage().requests;
    for (const auto& [operation, count] : before) asked[operation] -= count;
    std::erase_if(asked, [](const auto& operation) { return operation.second == 0; });
    return asked;
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

TEST_F(DynamoDbForeign, ABusTakesThemOverOnAStart) {
  const SagaStore store = make_foreign();
  put_order();
  const Requests asked = start_by_bus(store);
  EXPECT_EQ(asked, (Requests{{"GetItem", 2}, {"Query", 1}, {"UpdateItem", 1}}));
  const auto there = item("theirs");
  EXPECT_EQ(there.at("state"), boost::json::parse(R"({"M":{"total":{"N":"7"}}})"));
  EXPECT_EQ(there.at("version"), boost::json::parse(R"({"N":"4"})"));
  EXPECT_EQ(there.at("note"), boost::json::parse(R"({"S":"kept"})"));
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 1U);
}

// The index is asked twice: by the step, which must know what to run on, and by the write, since a
// step may have come to its start without asking, when what it went by was gone.
TEST_F(DynamoDbForeign, AFreshStartAsksTheIndexBeforeTheStepAndBeforeTheWrite) {
  const SagaStore store = make_foreign();
  EXPECT_EQ(start_by_bus(store), (Requests{{"GetItem", 1}, {"Query", 2}, {"PutItem", 1}}));
  EXPECT_EQ(load(store, key())->saga_id, key().saga_id);
}

TEST_F(DynamoDbForeign, AnExpiredOneIsNoObstacle) {
  const SagaStore store = make_foreign();
  put_order(fmt::format(R"("ttl":{{"N":"{}"}},)", clock_->now().time_since_epoch().count() / 1000));
  start_by_bus(store);
  const InstancePtr started = load(store, key());
  ASSERT_TRUE(started);
  EXPECT_EQ(started->saga_id, key().saga_id);
  EXPECT_EQ(*started->state.find("total"), Value(2));
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 1U);
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
