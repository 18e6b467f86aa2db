// Instances as text, and mended from outside.
#include "sagabus/saga_tools.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/time_text.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::mending {
namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr TimePoint kThen = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);

OutgoingMessage paid(const std::string& id) {
  Envelope envelope;
  envelope.id = id;
  envelope.type = "Paid";
  envelope.payload = Value(Object{{"n", Value(1)}});
  envelope.timestamp = kThen;
  return {std::make_shared<const Envelope>(std::move(envelope))};
}

// With something in every part.
Instance full(const std::string& order = "o-1") {
  Instance out;
  out.saga_name = "Orders";
  out.correlation_id = order;
  out.saga_id = derive_saga_id("Orders", order);
  out.version = 7;
  out.state = Value(Object{{"status", Value("paid")},
                           {"total", Value(5.0)},
                           {"key", Value(Bytes{std::byte{1}})},
                           {"items", Value(Array{Value(Object{{"sku", Value("A-1")}})})}});
  out.created_at = kThen;
  out.updated_at = kThen + 1s;
  out.bookkeeping.birth = "b";
  out.bookkeeping.inbox = {{"m-1", kThen}};
  out.bookkeeping.horizon = kThen - 1h;
  out.bookkeeping.outbox = {{"m-1", "w", 3, {paid("p-1")}}};
  out.bookkeeping.timers = {{"payment", "token", kThen + 1h, kThen}};
  return out;
}

SagaStore empty_store() {
  return memory::SagaStore(memory::StoreOptions{});
}

InstancePtr put(const SagaStore& store, const Instance& instance) {
  std::vector<Instance> all{instance};
  sync_wait(import_instances(store, std::move(all), {}));
  return std::make_shared<const Instance>(
      *sync_wait(store.get_by_id(instance.saga_name, instance.saga_id)));
}

InstancePtr there(const SagaStore& store, const Instance& like) {
  const auto found = sync_wait(store.get_by_id(like.saga_name, like.saga_id));
  return found ? std::make_shared<const Instance>(*found) : nullptr;
}

std::vector<TimerRow> rows(const SagaStore& store) {
  return sync_wait(store.backend()->timers()->list(100, {})).rows;
}

TEST(InstanceText, GivesTheSameInstanceBack) {
  Instance instance = full();
  EXPECT_EQ(read_instance(write_instance(instance, InstanceText::whole)), instance);
  instance.completed = true;
  instance.expires_at = kThen + 24h;
  instance.bookkeeping = {};
  EXPECT_EQ(read_instance(write_instance(instance, InstanceText::whole)), instance);
}

TEST(InstanceText, HasTheNamesOfThePublishedSchema) {
  Instance instance = full();
  instance.state = Value(Object{{"a", Value("b\n")}});
  instance.expires_at = kThen;
  EXPECT_EQ(write_instance(instance, InstanceText::published),
            R"({"sagaName":"Orders","sagaId":")" + instance.saga_id +
                R"(","correlationId":"o-1","version":7,"isCompleted":false,"state":{"a":"b\n"},)"
                R"("createdAt":"2026-11-22T00:00:00.000Z","updatedAt":"2026-11-22T00:00:01.000Z",)"
                R"("ttl":1795305600})");
}

TEST(InstanceText, NeedsNoEntryThatIsSettled) {
  Watermarks watermarks;
  EXPECT_EQ(without_settled(full(), watermarks), full());
  watermarks["w"] = Watermark{2, {}};
  EXPECT_EQ(without_settled(full(), watermarks), full());
  watermarks["w"] = Watermark{3, {}};
  Instance expected = full();
  expected.bookkeeping.outbox.clear();
  EXPECT_EQ(without_settled(full(), watermarks), expected);
}

TEST(InstanceText, RefusesWhatItDoesNotWrite) {
  const std::string good = write_instance(full(), InstanceText::whole);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_THROW(read_instance("{"), ValidationError);
  EXPECT_THROW(read_instance("[]"), ValidationError);
  EXPECT_THROW(read_instance(with("\"version\":7", "\"version\":-1")), ValidationError);
  EXPECT_THROW(read_instance(with("\"version\":7", "\"version\":\"7\"")), ValidationError);
  EXPECT_THROW(read_instance(with("\"isCompleted\":false", "\"isCompleted\":0")), ValidationError);
  EXPECT_THROW(read_instance(with("\"version\"", "\"Version\"")), ValidationError);
  EXPECT_THROW(read_instance(with("\"Orders\"", "\"\"")), ValidationError);
  EXPECT_THROW(read_instance(with("2026-11-22T00", "yesterday")), ValidationError);
  EXPECT_THROW(read_instance(with("{\"f\":1", "{\"f\":2")), ValidationError);
  EXPECT_THROW(read_instance(with("\"version\":7", "\"version\":7,\"version\":7")),
               ValidationError);
  EXPECT_THROW(read_state(R"({"status":"paid","status":"paid"})"), ValidationError);
}

TEST(StateConditions, NameAFieldAndItsText) {
  const Value state = full().state;
  EXPECT_TRUE(holds({"status", "paid"}, state));
  EXPECT_TRUE(holds({"total", "5"}, state));
  EXPECT_TRUE(holds({"total", "5.0"}, state));
  EXPECT_TRUE(holds({"items.0.sku", "A-1"}, state));
  EXPECT_FALSE(holds({"status", "PAID"}, state));
  EXPECT_FALSE(holds({"total", "five"}, state));
  EXPECT_FALSE(holds({"items.1.sku", "A-1"}, state));
  EXPECT_FALSE(holds({"items.x.sku", "A-1"}, state));
  EXPECT_FALSE(holds({"nothing", "null"}, state));
  EXPECT_FALSE(holds({"", ""}, state));
  EXPECT_TRUE(holds({"ok", "true"}, Value(Object{{"ok", Value(true)}})));
  EXPECT_TRUE(holds({"ok", "null"}, Value(Object{{"ok", Value()}})));
}

TEST(SagaFilter, TakesAllOfIt) {
  SagaFilter filter;
  EXPECT_TRUE(matches(filter, full()));
  filter.created_before = kThen;
  EXPECT_TRUE(matches(filter, full()));
  filter.created_before = kThen - 1ms;
  EXPECT_FALSE(matches(filter, full()));
  filter = {};
  filter.updated_before = kThen;
  EXPECT_FALSE(matches(filter, full()));
  filter = {};
  filter.where = {{"status", "paid"}, {"total", "6"}};
  EXPECT_FALSE(matches(filter, full()));
}

TEST(CompleteInstance, ClearsItsTimeoutsAndKeepsItsOutbox) {
  const SagaStore store = empty_store();
  const InstancePtr before = put(store, full());
  ASSERT_THAT(rows(store), SizeIs(1));
  const InstancePtr after = sync_wait(complete_instance(store, before));
  EXPECT_TRUE(after->completed);
  EXPECT_EQ(*after, *there(store, *before));
  EXPECT_EQ(after->version, before->version + 1);
  EXPECT_EQ(after->state, before->state);
  EXPECT_GT(after->updated_at, before->updated_at);
  EXPECT_EQ(after->bookkeeping.outbox, before->bookkeeping.outbox);
  EXPECT_EQ(after->bookkeeping.inbox, before->bookkeeping.inbox);
  EXPECT_THAT(after->bookkeeping.timers, IsEmpty());
  EXPECT_THAT(rows(store), IsEmpty());
  EXPECT_EQ(sync_wait(complete_instance(store, after)), after);
}

TEST(ReplaceState, LeavesAllElse) {
  const SagaStore store = empty_store();
  const InstancePtr before = put(store, full());
  const InstancePtr after = sync_wait(replace_state(store, before, Value(Object{})));
  EXPECT_EQ(after->state, Value(Object{}));
  EXPECT_EQ(after->version, before->version + 1);
  EXPECT_EQ(after->bookkeeping, before->bookkeeping);
  EXPECT_EQ(*after, *there(store, *before));
}

TEST(DeleteInstance, TakesItsTimeoutsAlong) {
  const SagaStore store = empty_store();
  const InstancePtr before = put(store, full());
  sync_wait(delete_instance(store, before));
  EXPECT_EQ(there(store, *before), nullptr);
  EXPECT_THAT(rows(store), IsEmpty());
  EXPECT_THROW(sync_wait(delete_instance(store, before)), NotFound);
}

// What was read is not what is there: another version, another life of the same version, nothing.
TEST(Mending, ChangesNothingWhereSomebodyWasFaster) {
  const SagaStore store = empty_store();
  const InstancePtr read = put(store, full());
  const InstancePtr now = sync_wait(replace_state(store, read, Value(Object{})));
  EXPECT_THROW(sync_wait(complete_instance(store, read)), ConcurrencyError);
  EXPECT_THROW(sync_wait(replace_state(store, read, Value(Object{}))), ConcurrencyError);
  EXPECT_THROW(sync_wait(delete_instance(store, read)), ConcurrencyError);
  Instance other = *now;
  other.bookkeeping.birth = "another";
  const auto earlier = std::make_shared<const Instance>(other);
  EXPECT_THROW(sync_wait(complete_instance(store, earlier)), ConcurrencyError);
  EXPECT_THROW(sync_wait(delete_instance(store, earlier)), ConcurrencyError);
  EXPECT_EQ(*there(store, *read), *now);
  sync_wait(delete_instance(store, now));
  EXPECT_THROW(sync_wait(complete_instance(store, now)), NotFound);
  EXPECT_THROW(sync_wait(replace_state(store, now, Value(Object{}))), NotFound);
}

TEST(DeleteInstances, LeavesWhatWasWrittenMeanwhile) {
  const SagaStore store = empty_store();
  std::vector<InstancePtr> read;
  for (const char* order : {"a", "b", "c"}) read.push_back(put(store, full(order)));
  sync_wait(replace_state(store, read[0], Value(Object{})));
  sync_wait(delete_instance(store, read[1]));
  EXPECT_EQ(sync_wait(delete_instances(store, read)), 2U);
  EXPECT_NE(there(store, *read[0]), nullptr);
  EXPECT_EQ(there(store, *read[1]), nullptr);
  EXPECT_EQ(there(store, *read[2]), nullptr);
}

// A worker may remember the life that the file is of: the new one must not look like it.
TEST(ImportInstances, PutsTheWholeInstanceOnceInALifeOfItsOwn) {
  const SagaStore store = empty_store();
  Instance put_now = *put(store, full());
  EXPECT_NE(put_now.bookkeeping.birth, full().bookkeeping.birth);
  EXPECT_FALSE(put_now.bookkeeping.birth.empty());
  put_now.bookkeeping.birth = full().bookkeeping.birth;
  EXPECT_EQ(put_now, full());
  EXPECT_THAT(rows(store), SizeIs(1));
  std::vector<Instance> both{full(), full("o-2")};
  const ImportCounts counts = sync_wait(import_instances(store, both, {}));
  EXPECT_EQ(counts, (ImportCounts{.put = 1, .same = 1}));
  EXPECT_THAT(rows(store), SizeIs(1));  // the two have one token and one time
}

TEST(ImportInstances, KeepsAnotherOneUnlessItIsToReplaceIt) {
  const SagaStore store = empty_store();
  const InstancePtr now = sync_wait(replace_state(store, put(store, full()), Value(Object{})));
  const std::vector<Instance> all{full()};
  EXPECT_EQ(sync_wait(import_instances(store, all, {})), (ImportCounts{.kept = 1}));
  EXPECT_EQ(sync_wait(import_instances(store, all, {.replace = true, .dry_run = true})),
            (ImportCounts{.replaced = 1}));
  EXPECT_EQ(*there(store, *now), *now);
  EXPECT_EQ(sync_wait(import_instances(store, all, {.replace = true})),
            (ImportCounts{.replaced = 1}));
  Instance expected = full();
  expected.version = now->version + 1;
  expected.bookkeeping.birth = now->bookkeeping.birth;
  EXPECT_EQ(*there(store, *now), expected);
  EXPECT_EQ(sync_wait(import_instances(store, all, {.replace = true})), (ImportCounts{.same = 1}));
}

TEST(ImportInstances, KeepsOutOneWhoseCorrelationIdIsTaken) {
  const SagaStore store = empty_store();
  put(store, full());
  Instance other = full();
  other.saga_id = "another";
  const std::vector<Instance> all{other};
  EXPECT_EQ(sync_wait(import_instances(store, all, {.replace = true})), (ImportCounts{.taken = 1}));
  EXPECT_EQ(there(store, other), nullptr);
}

TEST(ImportInstances, PutsNothingInADryRun) {
  const SagaStore store = empty_store();
  const std::vector<Instance> all{full()};
  EXPECT_EQ(sync_wait(import_instances(store, all, {.dry_run = true})), (ImportCounts{.put = 1}));
  EXPECT_EQ(there(store, full()), nullptr);
  EXPECT_THAT(rows(store), IsEmpty());
}

}  // namespace
}  // namespace sagabus::mending
