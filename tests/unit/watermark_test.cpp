// Workers that share instances, hours apart: what leaves the outbox, and what must not.
#include <map>

#include "bus_fixture.hpp"
#include "sagabus/watermark.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Paid;
using fixture::Submitted;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Tick {
  std::string orderId;
  int number = 0;
};
SAGABUS_MESSAGE(Tick, orderId, number)

struct Tock {
  std::string orderId;
  int number = 0;
};
SAGABUS_MESSAGE(Tock, orderId, number)

struct Ticks {
  int taken = 0;
};
SAGABUS_DESCRIBE(Ticks, taken)

// Says something with every step.
SagaDefinition clockwork(std::string name = "Orders") {
  return saga<Ticks>(std::move(name))
      .correlate<Tick>(&Tick::orderId, can_start)
      .initial([] { return Ticks{}; })
      .on<Tick>()
      .handle([](const Tick& m, Ticks& s, SagaContext& ctx) {
        ++s.taken;
        ctx.publish(Tock{m.orderId, m.number});
      })
      .build();
}

class WatermarkTest : public BusTest {
 protected:
  // A worker of its own; others before it may be running.
  Bus& worker(SagaDefinition saga) { return start(options({std::move(saga)})); }
  void end(Bus& bus) { await(bus.stop()); }

  const std::vector<OutboxEntry>& outbox(const std::string& id) {
    found_ = find(id);
    return found_.value().bookkeeping.outbox;
  }

  std::optional<Instance> found_;
};

TEST_F(WatermarkTest, AnEntryLeavesWithTheStepOfAnotherWorker) {
  Bus& first = worker(fixture::orders().build());
  await(first.publish(Submitted{"o", 1}));
  run();
  ASSERT_THAT(outbox("o"), SizeIs(1));
  Bus& second = worker(fixture::orders().build());
  end(first);
  await(second.publish(Paid{"o", "t"}));
  run();
  EXPECT_THAT(outbox("o"), IsEmpty());
}

// The bus that lives on tells as well, not only the one that ends.
TEST_F(WatermarkTest, AWorkerTellsWhatItSettledWithinSeconds) {
  Bus& first = worker(clockwork());
  await(first.publish(Tick{"o", 0}));
  run_now();
  const std::string name = outbox("o").at(0).worker;
  EXPECT_EQ(await(store_.backend()->load_watermark(name)), "");
  clock_->advance(5s);
  run_now();
  const std::string text = await(store_.backend()->load_watermark(name));
  EXPECT_TRUE(read_watermark(text).covers(outbox("o").at(0).sequence));
  EXPECT_EQ(clock_->sleepers(), 0U);  // and has no more to say
}

// Its messages were sent; an hour later the transport would not know them for a repeat.
TEST_F(WatermarkTest, ARepeatOfASettledStepSendsNothing) {
  std::vector<std::string> taps;
  Envelope envelope;
  envelope.id = "m1";
  envelope.type = message_name<Submitted>();
  envelope.payload = to_value(Submitted{"o", 1});
  Bus& first = start(options({fixture::orders().build()}, {tap(taps)}));
  await(first.publish(envelope));
  run();
  clock_->advance(1h);
  await(first.publish(envelope));
  run();
  EXPECT_THAT(taps, SizeIs(1));
  end(first);
  Bus& second = start(options({fixture::orders().build()}, {tap(taps)}));
  clock_->advance(1h);
  await(second.publish(envelope));  // it goes by what the first one told
  run();
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_EQ(find("o")->version, 1U);  // and the entry waits for the next step
}

TEST_F(WatermarkTest, AnEntryThatWasNotAcknowledgedStays) {
  bool dies = true;
  transport_faults_->before_acknowledge = [&](const Delivery& delivery) {
    if (dies && delivery.envelope->type == message_name<Submitted>()) {
      throw TransientError("no answer");
    }
  };
  Bus& first = worker(fixture::orders().build());
  await(first.publish(Submitted{"o", 1}));
  run_now();
  const OutboxEntry entry = outbox("o").at(0);
  end(first);
  EXPECT_FALSE(
      read_watermark(await(store_.backend()->load_watermark(entry.worker))).covers(entry.sequence));
  Bus& second = worker(fixture::orders().build());
  await(second.publish(Paid{"o", "t"}));
  run_now();
  ASSERT_THAT(outbox("o"), SizeIs(1));
  EXPECT_EQ(outbox("o").at(0), entry);
  // Its message comes again: then it goes.
  dies = false;
  run();
  EXPECT_THAT(outbox("o"), IsEmpty());
}

TEST_F(WatermarkTest, AWorkerThatTellsNothingHasItsEntriesCarriedAlong) {
  Bus& first = worker(clockwork());
  await(first.publish(Tick{"o", 0}));
  run_now();
  const OutboxEntry entry = outbox("o").at(0);
  store_faults_->before_save_watermark = [] { throw TransientError("killed before that"); };
  end(first);
  store_faults_->before_save_watermark = [] {};
  Bus& second = worker(clockwork());
  for (int i = 1; i <= 3; ++i) {
    await(second.publish(Tick{"o", i}));
    run_now();
  }
  ASSERT_FALSE(outbox("o").empty());
  EXPECT_EQ(outbox("o").front(), entry);
}

TEST_F(WatermarkTest, AStoreThatDoesNotAnswerCostsNoMessageAndIsToldLater) {
  Bus& first = worker(clockwork());
  await(first.publish(Tick{"o", 0}));
  run();
  end(first);
  int tried = 0;
  store_faults_->before_save_watermark = [&] { throw TransientError(std::to_string(++tried)); };
  store_faults_->before_load_watermark = [] { throw TransientError("not now"); };
  Bus& second = worker(clockwork());
  await(second.publish(Tick{"o", 1}));
  for (int i = 0; i < 20; ++i) {
    run_now();
    clock_->advance(1s);
  }
  EXPECT_EQ(from_value<Ticks>(find("o")->state).taken, 2);
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  EXPECT_GE(tried, 3);  // every 5 s, though nothing new is settled
  store_faults_->before_save_watermark = [] {};
  run();
  const OutboxEntry& last = outbox("o").back();
  EXPECT_TRUE(
      read_watermark(await(store_.backend()->load_watermark(last.worker))).covers(last.sequence));
}

// Commits whose answer is lost leave a number in doubt. Where the message comes again to the same
// worker, nothing of it is left open.
TEST_F(WatermarkTest, LostAnswersLeaveNothingOpen) {
  int writes = 0;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (++writes % 3 == 0) throw TransientError("lost on the way there");
  };
  store_faults_->after_commit = [&](const CommitRequest&, const CommitResult&) {
    if (writes % 3 == 1) throw TransientError("lost on the way back");
  };
  Bus& bus = worker(clockwork());
  for (int i = 0; i < 50; ++i) await(bus.publish(Tick{"o" + std::to_string(i % 10), i}));
  run();
  store_faults_->before_commit = [](const CommitRequest&) {};
  store_faults_->after_commit = [](const CommitRequest&, const CommitResult&) {};
  await(bus.publish(Tick{"last", 0}));
  run();
  const std::string name = outbox("last").at(0).worker;
  const Watermark told = read_watermark(await(store_.backend()->load_watermark(name)));
  EXPECT_THAT(told.open, IsEmpty());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(from_value<Ticks>(find("o" + std::to_string(i))->state).taken, 5);
  }
}

// Two sagas take one message. What is in doubt for one is not settled by the other.
TEST_F(WatermarkTest, SagasDoNotShareTheirDoubts) {
  constexpr int kOrders = 20;
  std::map<std::string, int> heard;
  const Service ears = service("ears").on<Tock>(
      [&](const Tock& m) { ++heard[m.orderId + "/" + std::to_string(m.number)]; });
  int answers_lost = 0;
  store_faults_->after_commit = [&](const CommitRequest& request, const CommitResult& result) {
    const Instance& next = *request.next;
    if (!result.committed || next.saga_name != "Orders" || next.version != 1) return;
    ++answers_lost;
    throw TransientError("lost on the way back");
  };
  Bus& bus = start(options({clockwork("Orders"), clockwork("Twins")}, {ears}));
  for (int i = 0; i < kOrders; ++i) await(bus.publish(Tick{"o" + std::to_string(i), 0}));
  run_now();  // the twins have taken it, and acknowledged
  for (int i = 0; i < kOrders; ++i) await(bus.publish(Tick{"o" + std::to_string(i), 1}));
  run();
  EXPECT_EQ(answers_lost, kOrders);
  EXPECT_THAT(heard, SizeIs(2 * kOrders));
  for (const auto& [tock, times] : heard) EXPECT_EQ(times, 2) << tock;  // one of each saga
}

// Each step hours after the one before, by workers that come and go, some of which die before they
// acknowledge. The message then comes again in a moment. The receiver is a plain handler, which
// takes in whatever comes: the transport forgets ids after minutes, so anything sent again because
// it looked old would count twice.
TEST_F(WatermarkTest, HoursBetweenStepsDoubleNothing) {
  constexpr int kSteps = 60;
  std::map<int, int> heard;
  const Service ears = service("ears").on<Tock>([&](const Tock& m) { ++heard[m.number]; });
  start(options({}, {ears}));
  int deaths = 0;
  transport_faults_->before_acknowledge = [&](const Delivery& delivery) {
    if (delivery.envelope->type == message_name<Tick>() && deaths > 0) {
      --deaths;
      throw TransientError("died before it acknowledged");
    }
  };
  Bus* before = nullptr;
  for (int i = 0; i < kSteps; ++i) {
    Bus& bus = worker(clockwork());
    if (before && i % 3 != 0) end(*before);  // else both go on
    before = &bus;
    deaths = i % 4 == 0 && i % 5 != 1 ? 1 : 0;
    await(bus.publish(Tick{"o", i}));
    if (i % 5 == 1) {
      run_now();  // it has not told when the next step comes
    } else {
      run();
    }
    clock_->advance(3h);
  }
  run();
  EXPECT_EQ(from_value<Ticks>(find("o")->state).taken, kSteps);
  EXPECT_THAT(heard, SizeIs(kSteps));
  for (const auto& [number, times] : heard) EXPECT_EQ(times, 1) << number;
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  EXPECT_LE(outbox("o").size(), 2U);  // what was settled has left
}

}  // namespace
