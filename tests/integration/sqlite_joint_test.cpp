// A step as one transaction, where store and transport are one open file.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <thread>

#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "sagabus/joint_commit.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"
#include "sqlite_support.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class SqliteJoint : public ::testing::Test {
 protected:
  SqliteJoint() : SqliteJoint(5ms, nullptr) {}
  // Without a clock, the test's own.
  SqliteJoint(std::chrono::milliseconds poll_interval, std::shared_ptr<Clock> clock)
      : here_(embedded(options(path_, poll_interval, clock ? std::move(clock) : clock_))) {
    sync_wait(store().backend()->prepare());
    sync_wait(queues().send(one(make_send("e", "taken"))));
    joint_ = store().backend()->join(transport().backend());
  }

  const SagaStore& store() const { return here_.store; }
  const Transport& transport() const { return here_.transport; }
  TransportBackend& queues() const { return *transport().backend(); }
  Delivery receive() { return sync_wait(queues().receive("e", 1)).front(); }
  QueueDepth depth(const std::string& endpoint) { return sync_wait(transport().depth(endpoint)); }
  std::optional<Instance> instance() {
    return sync_wait(store().get_by_correlation_id("OrderSaga", "c"));
  }
  static StepTransaction make_step(const Delivery& taken, std::shared_ptr<Instance> next) {
    StepTransaction step;
    step.write = make_commit(std::move(next));
    step.sends = one(make_send("f", "sent"));
    step.receipts.push_back(taken.receipt);
    return step;
  }

  static EmbeddedOptions options(const std::string& path, std::chrono::milliseconds poll_interval,
                                 std::shared_ptr<Clock> clock) {
    EmbeddedOptions out;
    out.path = path;
    out.poll_interval = poll_interval;
    out.ambient.clock = std::move(clock);
    return out;
  }

  TempDirectory directory_;
  std::string path_ = directory_.file();
  std::shared_ptr<SetClock> clock_ = std::make_shared<SetClock>();
  Embedded here_;
  std::shared_ptr<JointCommit> joint_;
};

TEST_F(SqliteJoint, WritesSendsAndAcknowledges) {
  const Delivery taken = receive();
  const StepResult result = sync_wait(joint_->commit(make_step(taken, make_instance("c"))));
  EXPECT_TRUE(result.found);
  EXPECT_TRUE(result.write.committed);
  EXPECT_TRUE(instance().has_value());
  EXPECT_EQ(depth("e").claimed, 0U);
  EXPECT_EQ(depth("f").ready, 1U);
}

// Nobody looks for messages of other processes meanwhile: that would count as a job, too.
class SqliteJointCost : public SqliteJoint {
 protected:
  SqliteJointCost() : SqliteJoint(std::chrono::minutes(1), system_clock()) {}
};

TEST_F(SqliteJointCost, IsOneWriteToTheDisk) {
  const Delivery taken = receive();
  const LaneCounters before = counters_of(store());
  sync_wait(joint_->commit(make_step(taken, make_instance("c"))));
  const LaneCounters after = counters_of(store());
  EXPECT_EQ(after.jobs - before.jobs, 1U);
  EXPECT_EQ(after.transactions - before.transactions, 1U);
}

TEST_F(SqliteJoint, SeveralMessagesGoTogetherOrNotAtAll) {
  sync_wait(queues().send(one(make_send("e", "taken too"))));
  const Delivery first = receive();
  const Delivery second = receive();
  StepTransaction step = make_step(first, make_instance("c"));
  step.receipts.push_back(second.receipt);
  StepTransaction again = step;
  sync_wait(queues().acknowledge(second));
  EXPECT_FALSE(sync_wait(joint_->commit(std::move(step))).found);
  EXPECT_FALSE(instance().has_value());
  EXPECT_EQ(depth("e").claimed, 1U);
  again.receipts.pop_back();
  EXPECT_TRUE(sync_wait(joint_->commit(std::move(again))).write.committed);
  EXPECT_EQ(depth("e").claimed, 0U);
}

TEST_F(SqliteJoint, DoesNothingWhereAnotherWasFaster) {
  sync_wait(store().backend()->commit(make_commit(make_instance("c"))));
  const Delivery taken = receive();
  const StepResult result = sync_wait(joint_->commit(make_step(taken, make_instance("c"))));
  EXPECT_TRUE(result.found);
  EXPECT_FALSE(result.write.committed);
  ASSERT_TRUE(result.write.current);
  EXPECT_EQ(result.write.current->version, 1U);
  EXPECT_EQ(depth("e").claimed, 1U);
  EXPECT_EQ(depth("f").ready, 0U);
}

TEST_F(SqliteJoint, CommitsAlsoWhatTookLongerThanItsTimeAndTheOtherReceiverFindsItGone) {
  const Delivery late = receive();
  clock_->advance(31s);
  const Delivery again = receive();
  ASSERT_TRUE(again.redelivered);
  EXPECT_TRUE(sync_wait(joint_->commit(make_step(late, make_instance("c")))).write.committed);
  EXPECT_EQ(depth("e").claimed, 0U);
  StepTransaction step = make_step(again, make_instance("d"));
  step.sends = one(make_send("f", "sent too"));
  const StepResult result = sync_wait(joint_->commit(std::move(step)));
  EXPECT_FALSE(result.found);
  EXPECT_FALSE(result.write.committed);
  EXPECT_EQ(instance()->version, 1U);
  EXPECT_FALSE(sync_wait(store().get_by_correlation_id("OrderSaga", "d")).has_value());
  EXPECT_EQ(depth("f").ready, 1U);
}

TEST_F(SqliteJoint, WhatTheQueueRefusesStopsTheWrite) {
  StepTransaction step = make_step(receive(), make_instance("c"));
  step.sends.front().not_before = TimePoint::max();
  EXPECT_THROW(sync_wait(joint_->commit(std::move(step))), ValidationError);
  EXPECT_FALSE(instance().has_value());
  EXPECT_EQ(depth("e").claimed, 1U);
}

TEST_F(SqliteJoint, WakesWhoWaitsForWhatIsSent) {
  const Delivery taken = receive();
  std::thread committer([&] {
    ASSERT_TRUE(wait_for_receivers(transport(), 1));
    sync_wait(joint_->commit(make_step(taken, make_instance("c"))));
  });
  const auto got = sync_wait(queues().receive("f", 1));
  committer.join();
  EXPECT_EQ(got.front().envelope->id, "sent");
}

TEST_F(SqliteJoint, JoinsNoOtherTransport) {
  EXPECT_FALSE(store().backend()->join(memory::Transport().backend()));
  const Transport apart({.path = path_});  // the same file, opened apart
  EXPECT_FALSE(store().backend()->join(apart.backend()));
}

// The bus.

struct Opened {
  std::string id;
};
SAGABUS_MESSAGE(Opened, id)
struct Greeted {
  std::string id;
};
SAGABUS_MESSAGE(Greeted, id)
struct VisitState {
  int greetings = 0;
};
SAGABUS_DESCRIBE(VisitState, greetings)

SagaDefinition visits(std::function<void()> on_open) {
  return saga<VisitState>("Visits")
      .correlate<Opened>(&Opened::id, can_start)
      .correlate<Greeted>(&Greeted::id)
      .initial([](const Opened&) { return VisitState{}; })
      .on<Opened>()
      .handle([on_open = std::move(on_open)](const Opened& m, VisitState&, SagaContext& ctx) {
        on_open();
        ctx.publish(Greeted{m.id});
      })
      .on<Greeted>()
      .handle([](const Greeted&, VisitState& s, SagaContext& ctx) {
        ++s.greetings;
        ctx.complete();
      })
      .build();
}

// Runs a bus until the visit of "v" is completed.
void run_visit(
    const Embedded& here, std::vector<Middleware> middleware = {},
    std::function<void()> on_open = [] {}) {
  std::promise<void> completed;
  const Middleware tells = [&](StepView& step, Next next) -> asio::awaitable<void> {
    co_await next();
    if (step.resulting && step.resulting->completed) completed.set_value();
  };
  middleware.push_back(tells);
  BusOptions options;
  options.transport = here.transport;
  options.store = here.store;
  options.sagas = {visits(std::move(on_open))};
  options.middleware = std::move(middleware);
  options.threads = 2;
  Bus bus(std::move(options));
  sync_wait(bus.start());
  sync_wait(bus.publish(Opened{"v"}));
  completed.get_future().wait();
  sync_wait(bus.stop());
}

TEST(SqliteJointBus, KeepsNoOutboxAndNoWatermark) {
  const TempDirectory directory;
  run_visit(embedded(directory.file()));
  RawDatabase raw(directory.file());
  EXPECT_EQ(raw.run("SELECT saga_name, version, is_completed, outbox FROM saga_instances"),
            "Visits|2|1|\n");
  EXPECT_EQ(raw.run("SELECT count(*) FROM workers"), "0\n");
  EXPECT_EQ(raw.run("SELECT count(*) FROM messages"), "0\n");
}

struct Guest {
  std::string visit;
};
SAGABUS_MESSAGE(Guest, visit)

struct PartyState {
  int guests = 0;
};
SAGABUS_DESCRIBE(PartyState, guests)

// All that stand in the queue when the bus begins: one transaction, or one write and one
// acknowledgement.
void receive_guests(const Embedded& here) {
  constexpr int kGuests = 12;
  std::promise<void> all_there;
  const auto party = saga<PartyState>("Party")
                         .correlate<Guest>(&Guest::visit, can_start)
                         .initial([](const Guest&) { return PartyState{}; })
                         .on<Guest>()
                         .handle([](const Guest&, PartyState& s) { ++s.guests; })
                         .build();
  TransportBackend& queues = *here.transport.backend();
  sync_wait(queues.subscribe({"Party", party.message_types()}));
  std::vector<SendRequest> guests;
  for (int i = 0; i < kGuests; ++i) {
    Envelope envelope;
    envelope.id = "guest-" + std::to_string(i);
    envelope.type = message_name<Guest>();
    envelope.payload = to_value(Guest{"v"});
    envelope.timestamp = system_clock()->now();
    guests.emplace_back().envelope = std::make_shared<const Envelope>(std::move(envelope));
  }
  sync_wait(queues.send(std::move(guests)));
  BusOptions options;
  options.transport = here.transport;
  options.store = here.store;
  options.sagas = {party};
  options.max_coalesced_steps = kGuests;
  std::atomic<int> steps{0};
  options.middleware = {[&](StepView& step, Next next) -> asio::awaitable<void> {
    co_await next();
    EXPECT_EQ(step.outcome, StepOutcome::committed);
    if (++steps == kGuests) all_there.set_value();
  }};
  Bus bus(std::move(options));
  sync_wait(bus.start());
  all_there.get_future().wait();
  sync_wait(bus.stop());
  const auto instance = sync_wait(here.store.get_by_correlation_id("Party", "v"));
  EXPECT_EQ(instance->version, 1U);
  EXPECT_EQ(from_value<PartyState>(instance->state).guests, kGuests);
  EXPECT_EQ(sync_wait(here.transport.depth("Party")).claimed, 0U);
  EXPECT_EQ(sync_wait(here.transport.depth("Party")).ready, 0U);
}

TEST(SqliteJointBus, TakesInTogetherWhatWaitsForOneInstance) {
  const TempDirectory directory;
  receive_guests(embedded(directory.file()));
}

TEST(SqliteJointBus, AStoreApartFromItsTransportTakesInTogetherToo) {
  const TempDirectory directory;
  const SagaStore store({.path = directory.file()});
  receive_guests({store, embedded(directory.file()).transport});
}

TEST(SqliteJointBus, AStoreApartFromItsTransportKeepsOne) {
  const TempDirectory directory;
  const SagaStore store({.path = directory.file()});
  run_visit({store, embedded(directory.file()).transport});
  RawDatabase raw(directory.file());
  EXPECT_EQ(raw.run("SELECT count(*) FROM workers"), "1\n");
}

// Its message has been delivered again by the time that the step is ready.
TEST(SqliteJointBus, AStepThatTakesLongerThanItsTimeIsDoneOnce) {
  const TempDirectory directory;
  const auto clock = std::make_shared<SetClock>();
  RawDatabase raw(directory.file());
  std::atomic<int> runs{0};
  const auto take_long = [&] {
    if (++runs > 1) return;
    clock->advance(31s);
    for (int i = 0; i < 10'000; ++i) {
      if (raw.run("SELECT receipt FROM messages WHERE endpoint = 'Visits'") == "2\n") return;
      std::this_thread::sleep_for(1ms);
    }
  };
  EmbeddedOptions options;
  options.path = directory.file();
  options.poll_interval = 5ms;
  options.ambient.clock = clock;
  run_visit(embedded(std::move(options)), {}, take_long);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(raw.run("SELECT count(*) FROM messages"), "0\n");
}

// The message went with its step: there is nothing to try again, and nothing to bury.
TEST(SqliteJointBus, MiddlewareThatThrowsAfterTheCommitUndoesNothing) {
  const TempDirectory directory;
  std::atomic<int> steps{0};
  const Middleware throws = [&](StepView&, Next next) -> asio::awaitable<void> {
    co_await next();
    ++steps;
    throw std::runtime_error("too late");
  };
  run_visit(embedded(directory.file()), {throws});
  EXPECT_EQ(steps, 2);
  RawDatabase raw(directory.file());
  EXPECT_EQ(raw.run("SELECT greetings FROM (SELECT state ->> 'greetings' AS greetings FROM "
                    "saga_instances)"),
            "1\n");
  EXPECT_EQ(raw.run("SELECT count(*) FROM messages"), "0\n");
}

}  // namespace
}  // namespace sagabus::sqlite
