#include "sagabus/outbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/sync_wait.hpp"
#include "testing/decorators.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::SizeIs;

constexpr TimePoint kNow{std::chrono::milliseconds(1'763'830'000'000)};

OutgoingMessage message(std::string id) {
  Envelope envelope;
  envelope.id = std::move(id);
  envelope.type = "Ping";
  envelope.payload = Value(Object{});
  envelope.timestamp = kNow;
  return {std::make_shared<const Envelope>(std::move(envelope))};
}

// Adds a step of w1 that took `id` in at that time, and sends `id`-out.
void add_step(Instance& instance, const std::string& id, std::uint64_t sequence, TimePoint at) {
  instance.bookkeeping.inbox.push_back({id, at});
  instance.bookkeeping.outbox.push_back({id, "w1", sequence, {message(id + "-out")}});
}

Instance make_instance() {
  Instance instance;
  instance.saga_name = "Orders";
  instance.correlation_id = "o";
  instance.state = Value(Object{});
  return instance;
}

auto taking(const std::string& id) {
  return Field(&OutboxFinding::entry, Field(&OutboxEntry::message_id, id));
}

TEST(ExamineOutbox, LeavesYoungerEntriesOut) {
  Instance instance = make_instance();
  add_step(instance, "old", 1, kNow - 11min);
  add_step(instance, "edge", 2, kNow - 10min);
  add_step(instance, "young", 3, kNow - 10min + 1ms);
  EXPECT_THAT(examine_outbox(instance, {}, kNow - 10min),
              ElementsAre(taking("old"), taking("edge")));
  EXPECT_EQ(examine_outbox(instance, {}, kNow - 10min).front().taken_at, kNow - 11min);
}

TEST(ExamineOutbox, AnUnknownTimeIsOld) {
  Instance instance = make_instance();
  add_step(instance, "m", 1, kNow);
  instance.bookkeeping.inbox.clear();
  const auto findings = examine_outbox(instance, {}, kNow - 1h);
  ASSERT_THAT(findings, ElementsAre(taking("m")));
  EXPECT_EQ(findings.front().taken_at, TimePoint{});
}

TEST(ExamineOutbox, MarksWhatItsOwnWorkerSettled) {
  Instance instance = make_instance();
  for (std::uint64_t n = 1; n <= 4; ++n) add_step(instance, std::to_string(n), n, kNow);
  instance.bookkeeping.outbox[3].worker = "w2";
  const Watermarks watermarks{{"w1", {3, {2}}}, {"w3", {100, {}}}};
  const auto covered = [](bool is) { return Field(&OutboxFinding::covered, is); };
  EXPECT_THAT(examine_outbox(instance, watermarks, kNow),
              ElementsAre(covered(true), covered(false), covered(true), covered(false)));
}

class Redispatch : public ::testing::Test {
 protected:
  Redispatch() {
    sync_wait(queue_.backend()->subscribe({"pings", {"Ping"}}));
    Instance instance = make_instance();
    add_step(instance, "a", 1, kNow);
    add_step(instance, "b", 2, kNow);
    found_ = std::make_shared<const Instance>(sync_wait(inner_.insert(std::move(instance))));
  }

  InstancePtr redispatch(std::size_t place) {
    const OutboxEntry entry = found_->bookkeeping.outbox[place];
    return sync_wait(sagabus::redispatch(store_, transport_, found_, entry));
  }

  Instance stored() { return *sync_wait(inner_.get_by_id("Orders", found_->saga_id)); }

  // Another writer changes the instance.
  void rival_writes(std::function<void(Instance&)> change) {
    Instance instance = stored();
    change(instance);
    const std::uint64_t version = instance.version;
    sync_wait(inner_.update(std::move(instance), version));
  }

  std::vector<std::string> sent() {
    std::vector<std::string> ids;
    for (const EnvelopePtr& envelope : queue_.peek("pings")) ids.push_back(envelope->id);
    return ids;
  }

  memory::SagaStore inner_;
  memory::Transport queue_;
  const std::shared_ptr<sagabus::testing::StoreFaults> faults_ =
      std::make_shared<sagabus::testing::StoreFaults>();
  const std::shared_ptr<sagabus::testing::TransportFaults> wire_ =
      std::make_shared<sagabus::testing::TransportFaults>();
  SagaStore store_{std::make_shared<sagabus::testing::FaultyStore>(inner_, faults_)};
  Transport transport_{std::make_shared<sagabus::testing::FaultyTransport>(queue_, wire_)};
  InstancePtr found_;
};

TEST_F(Redispatch, SendsTheEntryAndRemovesItAlone) {
  const InstancePtr after = redispatch(0);
  EXPECT_THAT(sent(), ElementsAre("a-out"));
  const Instance now = stored();
  ASSERT_THAT(now.bookkeeping.outbox, SizeIs(1));
  EXPECT_EQ(now.bookkeeping.outbox.front().message_id, "b");
  EXPECT_THAT(now.bookkeeping.inbox, SizeIs(2));  // a repeat of `a` is still known
  EXPECT_EQ(now.version, found_->version + 1);
  EXPECT_EQ(after->version, now.version);
}

TEST_F(Redispatch, RemovesOnlyWhatWasSent) {
  wire_->before_send = [](const auto&) { throw TransientError("no way out"); };
  EXPECT_THROW(redispatch(0), TransientError);
  EXPECT_EQ(stored().version, found_->version);
  EXPECT_THAT(stored().bookkeeping.outbox, SizeIs(2));
}

TEST_F(Redispatch, LooksAgainAfterALostRace) {
  rival_writes([](Instance& i) { i.state = Value(Object{{"n", Value(7)}}); });
  redispatch(0);
  const Instance now = stored();
  EXPECT_EQ(now.state, Value(Object{{"n", Value(7)}}));
  EXPECT_THAT(now.bookkeeping.outbox, SizeIs(1));
  EXPECT_THAT(sent(), ElementsAre("a-out"));
}

TEST_F(Redispatch, LeavesAloneTheEntryThatARivalRemoved) {
  rival_writes([](Instance& i) { i.bookkeeping.outbox.erase(i.bookkeeping.outbox.begin()); });
  redispatch(0);
  EXPECT_EQ(stored().version, found_->version + 1);  // the rival's write alone
  EXPECT_THAT(stored().bookkeeping.outbox, SizeIs(1));
}

TEST_F(Redispatch, LeavesAloneTheEntryOfAnotherStepOnTheSameMessage) {
  rival_writes([](Instance& i) { i.bookkeeping.outbox.front().sequence = 9; });
  redispatch(0);
  EXPECT_THAT(stored().bookkeeping.outbox, SizeIs(2));
}

TEST_F(Redispatch, SurvivesTheEndOfItsInstance) {
  sync_wait(inner_.erase("Orders", found_->saga_id));
  EXPECT_EQ(redispatch(0), nullptr);
}

TEST_F(Redispatch, GivesUpWhereItAlwaysLoses) {
  int sends = 0;
  wire_->before_send = [&](const auto&) { ++sends; };
  faults_->before_commit = [&](const CommitRequest&) { rival_writes([](Instance&) {}); };
  EXPECT_THROW(redispatch(0), TransientError);
  EXPECT_EQ(sends, 1);
  EXPECT_THAT(stored().bookkeeping.outbox, SizeIs(2));
}

TEST_F(Redispatch, AsksEachWorkerOnce) {
  sync_wait(inner_.backend()->save_watermark("w1", write_watermark({1, {}})));
  int looks = 0;
  faults_->before_load_watermark = [&] { ++looks; };
  Watermarks known;
  sync_wait(learn_watermarks(store_, *found_, known));
  sync_wait(learn_watermarks(store_, *found_, known));
  EXPECT_EQ(looks, 1);
  EXPECT_EQ(known.at("w1"), (Watermark{1, {}}));
}

TEST_F(Redispatch, AWorkerThatToldNothingIsAskedOnceToo) {
  int looks = 0;
  faults_->before_load_watermark = [&] { ++looks; };
  Watermarks known;
  sync_wait(learn_watermarks(store_, *found_, known));
  sync_wait(learn_watermarks(store_, *found_, known));
  EXPECT_EQ(looks, 1);
  EXPECT_FALSE(known.at("w1").covers(1));
}

}  // namespace
