// Items of another program that become sagabus's own.
#include "sagabus/dynamodb/adopt.hpp"

#include <gmock/gmock.h>

#include <functional>

#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

using ::testing::HasSubstr;

// Does something whenever a number is drawn: so it comes between the reading of an item and its
// writing.
class Interrupting final : public RandomSource {
 public:
  explicit Interrupting(std::function<void()> act) : act_(std::move(act)) {}
  std::uint64_t next() override {
    act_();
    return source_->next();
  }

 private:
  const std::function<void()> act_;
  const std::shared_ptr<RandomSource> source_ = system_random();
};

class DynamoDbAdopt : public DynamoDbTest {
 protected:
  // As saga-bus writes it, and with what else a program may put there.
  void put_foreign(const std::string& saga_id, const std::string& correlation_id = "c",
                   int version = 3, const std::string& more = "") {
    put(fmt::format(
        R"("sagaName":{{"S":"Order"}},"sagaId":{{"S":"{}"}},"correlationId":{{"S":"{}"}},)"
        R"("version":{{"N":"{}"}},"isCompleted":{{"BOOL":false}},"note":{{"S":"kept"}},)"
        R"("state":{{"M":{{"total":{{"N":"5"}},"tags":{{"SS":["a"]}}}}}},)"
        R"("createdAt":{{"S":"2026-01-01T00:00:00.000Z"}},)"
        R"("updatedAt":{{"S":"2026-01-01T00:00:00.000Z"}}{})",
        saga_id, correlation_id, version, more));
  }
  AdoptCount adopt(const SagaStore& store, bool dry_run = false) {
    told_.clear();
    AdoptListener listener;
    listener.on_item = [this](const ForeignItem& item) { told_.push_back(item); };
    auto adopting = adopt_items(store, {"Order", dry_run}, std::move(listener));
    return sync_wait(std::move(adopting));
  }
  // A store to whose items `act` is done between reading and writing.
  SagaStore interrupted(std::function<void()> act) {
    StoreOptions here = options();
    here.ambient.random = std::make_shared<Interrupting>(std::move(act));
    return SagaStore(std::move(here));
  }
  static boost::json::object without_ours(boost::json::object item) {
    item.erase("_a");
    item.erase("_b");
    return item;
  }

  std::vector<ForeignItem> told_;
};

TEST_F(DynamoDbAdopt, ADryRunForeseesWhoseCorrelationIdIsTakenAmongThoseItRemembers) {
  const SagaStore store = make();
  put_foreign("one", "c-1");
  put_foreign("other", "c-2");
  put_foreign("second", "c-2");
  EXPECT_EQ(adopt(store, true).adopted, 2U);
  ASSERT_EQ(told_.size(), 3U);
  EXPECT_EQ(told_[2].why, "item second: another of these items has its correlation id");
  AdoptOptions forgetful;
  forgetful.saga_name = "Order";
  forgetful.dry_run = true;
  forgetful.most_remembered = 1;
  auto adopting = adopt_items(store, forgetful);
  EXPECT_EQ(sync_wait(std::move(adopting)).adopted, 3U);
  EXPECT_EQ(adopt(store).refused, 1U);
}

TEST_F(DynamoDbAdopt, AreFoundByTheirKeyWithoutTheIndex) {
  TableDescription lean;
  lean.index = CorrelationIndex::none;
  const SagaStore store = make(lean);
  put_foreign("theirs");
  const auto before = item("theirs");
  ASSERT_EQ(load(store, key()), nullptr);
  const AdoptCount count = adopt(store);
  EXPECT_EQ(count.adopted, 1U);
  EXPECT_EQ(count.refused + count.changed + count.ours, 0U);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0].saga_id, "theirs");
  EXPECT_EQ(told_[0].correlation_id, "c");
  EXPECT_EQ(without_ours(item("theirs")), before);
  EXPECT_TRUE(item("theirs").contains("_b"));

  const InstancePtr found = load(store, key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->saga_id, "theirs");
  EXPECT_EQ(found->version, 3U);
  const CommitResult second = commit(store, first());
  EXPECT_FALSE(second.committed);
  ASSERT_TRUE(second.current);
  EXPECT_EQ(second.current->saga_id, "theirs");
  EXPECT_TRUE(commit(store, after(*found), expect(*found)).committed);
  EXPECT_EQ(item("theirs").at("note"), boost::json::parse(R"({"S":"kept"})"));
}

TEST_F(DynamoDbAdopt, ASecondRunHasNothingToDo) {
  const SagaStore store = make();
  put_foreign("theirs");
  adopt(store);
  const auto before = item("theirs");
  const AdoptCount again = adopt(store);
  EXPECT_EQ(again.adopted, 0U);
  EXPECT_EQ(again.ours, 2U);  // the item and its alias
  EXPECT_EQ(item("theirs"), before);
}

TEST_F(DynamoDbAdopt, TheDerivedIdNeedsNoAlias) {
  const SagaStore store = make();
  put_foreign(key().saga_id);
  EXPECT_EQ(adopt(store).adopted, 1U);
  EXPECT_TRUE(item(key().saga_id).contains("_b"));
  EXPECT_FALSE(item(key().saga_id).contains("_a"));
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 1U);
}

TEST_F(DynamoDbAdopt, ADryRunWritesNothing) {
  const SagaStore store = make();
  put_foreign("one", "c");
  put_foreign("two", "c");
  put_foreign("three", "d");
  const AdoptCount count = adopt(store, true);
  EXPECT_EQ(count.adopted, 2U);
  EXPECT_EQ(count.refused, 1U);  // as the real run does
  EXPECT_EQ(store.usage().requests.count("UpdateItem"), 0U);
  for (const char* id : {"one", "two", "three"}) EXPECT_FALSE(item(id).contains("_b"));
  EXPECT_TRUE(item(key("d").saga_id).empty());
  const AdoptCount real = adopt(store);
  EXPECT_EQ(real.adopted, 2U);
  EXPECT_EQ(real.refused, 1U);
}

TEST_F(DynamoDbAdopt, SaysWhatCannotBeTakenOver) {
  const SagaStore store = make();
  put(R"("sagaName":{"S":"Order"},"sagaId":{"S":"odd"},"correlationId":{"S":"x"},)"
      R"("version":{"S":"secret"},"isCompleted":{"BOOL":true},"state":{"M":{}})");
  put_foreign("large", "l", 1, R"(,"more":{"S":")" + std::string(340 * 1024, 'x') + "\"}");
  sync_wait(store.insert(order("taken")));
  put_foreign("late", "taken");
  const AdoptCount count = adopt(store);
  EXPECT_EQ(count.adopted, 0U);
  EXPECT_EQ(count.refused, 3U);
  EXPECT_EQ(count.ours, 1U);
  ASSERT_EQ(told_.size(), 3U);
  std::map<std::string, std::string> why;
  for (const ForeignItem& item : told_) why[item.saga_id] = item.why;
  EXPECT_EQ(why["odd"], "item odd: version: expected a whole N, found string");
  EXPECT_THAT(why["large"], HasSubstr("over the 344064 that leave room"));
  EXPECT_EQ(why["late"],
            "item late: the instance " + key("taken").saga_id + " has its correlation id");
  EXPECT_FALSE(item("late").contains("_b"));
}

TEST_F(DynamoDbAdopt, WhatHasExpiredIsLeft) {
  const SagaStore store = make();
  const auto now = clock_->now().time_since_epoch().count() / 1000;
  put_foreign("theirs", "c", 3, fmt::format(R"(,"ttl":{{"N":"{}"}})", now));
  put_foreign("lasting", "d", 3, fmt::format(R"(,"ttl":{{"N":"{}"}})", now + 60));
  const AdoptCount count = adopt(store);
  EXPECT_EQ(count.adopted, 1U);
  EXPECT_EQ(count.expired, 1U);
  EXPECT_FALSE(item("theirs").contains("_b"));
  EXPECT_EQ(item(key("d").saga_id).at("ttl"), item("lasting").at("ttl"));  // the alias's
}

TEST_F(DynamoDbAdopt, AConcurrentWriterIsNeverOverwritten) {
  make();
  put_foreign("theirs");
  int writes = 0;
  const SagaStore store = interrupted([&] {
    if (++writes == 1) put_foreign("theirs", "c", 4);
  });
  EXPECT_EQ(adopt(store).adopted, 1U);
  EXPECT_EQ(item("theirs").at("version"), boost::json::parse(R"({"N":"4"})"));
  EXPECT_TRUE(item("theirs").contains("_b"));

  put_foreign("busy", "b");
  int version = 3;
  const SagaStore outrun = interrupted([&] { put_foreign("busy", "b", ++version); });
  const AdoptCount count = adopt(outrun);
  EXPECT_EQ(count.changed, 1U);
  EXPECT_EQ(told_.back().adoption, Adoption::changed);
  EXPECT_FALSE(item("busy").contains("_b"));
  EXPECT_TRUE(item(key("b").saga_id).empty());
}

// By a worker that holds what it read before.
TEST_F(DynamoDbAdopt, AStepThatWasPlannedBeforeIsPlannedAgain) {
  make();
  StoreOptions here = options();
  here.foreign_items = true;
  const SagaStore store(std::move(here));
  put_foreign("theirs");
  const InstancePtr found = load(store, key());
  ASSERT_TRUE(found);
  EXPECT_EQ(adopt(store).adopted, 1U);
  const CommitResult late = commit(store, after(*found), expect(*found));
  EXPECT_FALSE(late.committed);
  ASSERT_TRUE(late.current);
  EXPECT_TRUE(commit(store, after(*late.current), expect(*late.current)).committed);
}

// As a program does that knows nothing of what it did not write.
TEST_F(DynamoDbAdopt, OnesThatArePutAnewAreTakenOverAgain) {
  const SagaStore store = make();
  put_foreign("theirs");
  adopt(store);
  put_foreign("theirs", "c", 4);
  EXPECT_EQ(load(store, key())->version, 4U);
  EXPECT_EQ(adopt(store).adopted, 1U);
  EXPECT_EQ(item(key().saga_id).at("_b"), item("theirs").at("_b"));
}

TEST_F(DynamoDbAdopt, KeyShardsHaveNoPlaceForThem) {
  TableDescription sharded;
  sharded.key_shards = 4;
  const SagaStore store = make(sharded);
  EXPECT_THROW(adopt(store), Unsupported);
}

}  // namespace
}  // namespace sagabus::dynamodb
