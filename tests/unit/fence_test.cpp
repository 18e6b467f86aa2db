// Messages that may be in other hands too, and have no effect.
#include "timer_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Closed;
using fixture::Paid;
using fixture::PaymentRequested;
using fixture::State;
using fixture::Status;
using fixture::Submitted;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class FenceTest : public BusTest {
 protected:
  FenceTest() {
    store_faults_->after_commit = [this](const CommitRequest&, const CommitResult& result) {
      ++(result.committed ? writes_ : lost_);
    };
  }

  // An order that is paid, so that no handler takes another Paid.
  Bus& start_paid(SagaDefinition saga) {
    Bus& bus = start(options({std::move(saga)}));
    await(bus.publish(Submitted{"o", 1}));
    await(bus.publish(Paid{"o", "t"}));
    run();
    writes_ = 0;
    return bus;
  }

  // Behind the buses' backs.
  void set_status(Status status) {
    Instance instance = find("o").value();
    auto state = from_value<State>(instance.state);
    state.status = status;
    instance.state = to_value(state);
    const std::uint64_t version = instance.version;
    await(store_.update(std::move(instance), version));
  }

  // Publishes a message, and takes it before any bus does.
  template <class M>
  void publish_into_another_hand(const M& message) {
    await(buses_.back()->stop());
    await(buses_.back()->publish(message));
    EXPECT_THAT(await(transport_.backend()->receive("Orders", 1)), SizeIs(1));
  }

  std::vector<std::string> inbox() {
    const Instance instance = find("o").value();
    std::vector<std::string> ids;
    for (const InboxEntry& it : instance.bookkeeping.inbox) ids.push_back(it.message_id);
    return ids;
  }

  int writes_ = 0;
  int lost_ = 0;
};

// One worker commits a message, and cannot send what it asked for; another finds at another moment
// that nobody wants the message, and lets it go.
TEST_F(FenceTest, AMessageInTwoHandsIsTakenOrLetGoNotBoth) {
  int runs = 0;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Submitted>(&Submitted::orderId, can_start)
          .correlate<Paid>(&Paid::orderId)
          .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
          .on<Paid>()
          .when([](const State& s) { return s.status == Status::pending; })
          .handle([&](const Paid& m, State& s, SagaContext& ctx) -> boost::asio::awaitable<void> {
            if (++runs == 1) co_await clock_->sleep_for(50s);
            ++s.steps;
            ctx.publish(PaymentRequested{m.orderId, 1});
          })
          .build();
  transport_faults_->before_send = [](const std::vector<SendRequest>& requests) {
    if (requests[0].envelope->type == "PaymentRequested") throw TransientError("away");
  };
  Bus& bus = start(options({saga}));
  await(bus.publish(Submitted{"o", 1}));
  run_now();
  transport_faults_->after_receive = [this] {  // the first worker receives no more than that
    transport_faults_->before_receive = [] { throw TransientError("away"); };
  };
  await(bus.publish(Paid{"o", "t"}));
  run_now();
  set_status(Status::closed);
  auto second = options({saga});
  second.transport = transport_;
  start(std::move(second));
  clock_->advance(31s);  // the visibility timeout
  run_now();
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
  EXPECT_THAT(inbox(), SizeIs(2));
  set_status(Status::pending);
  clock_->advance(20s);
  run_now();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(state("o").steps, 0);
  EXPECT_THAT(find("o")->bookkeeping.outbox, IsEmpty());
}

TEST_F(FenceTest, OneThatNoHandlerTakesIsWrittenDown) {
  start_paid(fixture::orders().build());
  publish_into_another_hand(Paid{"o", "again"});
  const Instance before = find("o").value();
  start(options({fixture::orders().build()}));
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
  const Instance after = find("o").value();
  EXPECT_EQ(after.version, before.version + 1);
  EXPECT_EQ(after.updated_at, before.updated_at);  // it is as idle as before
  EXPECT_EQ(after.state, before.state);
  EXPECT_THAT(inbox(), SizeIs(3));
}

TEST_F(FenceTest, SoIsOneWhoseHandlerChangesNothing) {
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .correlate<Paid>(&Paid::orderId)
                        .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
                        .on<Paid>()
                        .handle([](const Paid&, State&) {})
                        .build();
  Bus& bus = start_paid(saga);
  await(bus.publish(Paid{"o", "again"}));
  run();
  EXPECT_EQ(writes_, 0);
  publish_into_another_hand(Paid{"o", "once more"});
  start(options({saga}));
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_THAT(inbox(), SizeIs(2));
}

// Else what was never tried would be older than the inbox, and be buried.
TEST_F(FenceTest, ManyThatMeanNothingPushNothingOut) {
  start_paid(fixture::orders().build());
  await(buses_.back()->stop());
  constexpr int kMessages = 40;
  for (int i = 0; i < kMessages; ++i) await(buses_.back()->publish(Paid{"o", "again"}));
  await(buses_.back()->publish(Closed{"o"}));
  EXPECT_THAT(await(transport_.backend()->receive("Orders", kMessages + 1)), SizeIs(kMessages + 1));
  start(options({fixture::orders().build()}));
  run();
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  EXPECT_TRUE(find("o")->completed);
}

// What middleware wants to have tried again is not taken for done.
TEST_F(FenceTest, MiddlewareHasItsSayBefore) {
  start_paid(fixture::orders().build());
  publish_into_another_hand(Paid{"o", "again"});
  std::vector<std::pair<StepOutcome, int>> seen;
  auto chosen = options({fixture::orders().build()});
  chosen.middleware.push_back([&](StepView& step, Next next) -> boost::asio::awaitable<void> {
    co_await next();
    seen.emplace_back(step.outcome, writes_);
    if (seen.size() == 1) throw std::runtime_error("try again");
  });
  start(std::move(chosen));
  run();
  EXPECT_THAT(seen, ElementsAre(Pair(StepOutcome::ignored, 0), Pair(StepOutcome::ignored, 0)));
  EXPECT_EQ(writes_, 1);
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
}

TEST_F(FenceTest, ADeliveryThatIsTheFirstCostsNoWrite) {
  Bus& bus = start_paid(fixture::orders().build());
  await(bus.publish(Paid{"o", "again"}));
  run();
  EXPECT_EQ(writes_, 0);
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
}

TEST_F(FenceTest, WhatIsCompletedIsLeftAsItIs) {
  Bus& bus = start_paid(fixture::orders().build());
  await(bus.publish(Closed{"o"}));
  run();
  writes_ = 0;
  publish_into_another_hand(Paid{"o", "late"});
  start(options({fixture::orders().build()}));
  run();
  EXPECT_EQ(writes_, 0);
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
}

TEST_F(FenceTest, UnlessItMayBeStartedAnew) {
  Bus& bus = start_paid(fixture::orders().restart_when_completed().build());
  await(bus.publish(Closed{"o"}));
  run();
  writes_ = 0;
  publish_into_another_hand(Paid{"o", "late"});
  start(options({fixture::orders().restart_when_completed().build()}));
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_TRUE(find("o")->completed);
}

// The handler is asked again where the instance has changed meanwhile.
TEST_F(FenceTest, ALostRaceIsPlannedAgain) {
  start_paid(fixture::orders().build());
  publish_into_another_hand(Paid{"o", "again"});
  int races = 1;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (races-- > 0) set_status(Status::pending);
  };
  start(options({fixture::orders().build()}));
  run();
  EXPECT_EQ(lost_, 1);
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(state("o").status, Status::paid);
  EXPECT_EQ(state("o").steps, 3);
}

TEST_F(FenceTest, AMessageIsNotLetGoBeforeItIsWrittenDown) {
  start_paid(fixture::orders().build());
  publish_into_another_hand(Paid{"o", "again"});
  int failures = 2;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (failures-- > 0) throw TransientError("away");
  };
  transport_faults_->before_acknowledge = [&](const Delivery&) { EXPECT_EQ(writes_, 1); };
  start(options({fixture::orders().build()}));
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
}

class TimerFenceTest : public fixture::TimerTest {};

// A write that its sender gave up long ago moves the timeout back, where nobody has written since.
TEST_F(TimerFenceTest, NothingMovesATimeoutBackWhoseMessageWasLetGo) {
  on_begin_ = [](fixture::Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  Bus& first = begin();
  await(first.publish(fixture::Begin{"w"}));
  run_now();
  await(first.stop());
  const std::vector<TimerRow> due = rows();
  ASSERT_THAT(due, SizeIs(1));
  clock_->advance(60s);
  std::vector<SendRequest> firing(1);
  firing[0].endpoint = "Watch";
  firing[0].envelope = due[0].envelope;
  await(transport_.backend()->send(std::move(firing)));
  await(store_.backend()->timers()->erase({due[0].key}, nullptr));
  EXPECT_THAT(await(transport_.backend()->receive("Watch", 1)), SizeIs(1));  // another's hand

  Instance moved = find("w", "Watch").value();
  CommitRequest late;
  late.next = std::make_shared<Instance>(moved);
  moved.bookkeeping.timers.at(0).due += 10min;
  CommitRequest move;
  move.expected = {moved.version, moved.bookkeeping.birth, moved.created_at};
  moved.version += 1;
  move.next = std::make_shared<Instance>(moved);
  EXPECT_TRUE(await(store_.backend()->commit(std::move(move))).committed);
  late.expected = {moved.version, moved.bookkeeping.birth, moved.created_at};

  begin();
  clock_->advance(31s);
  run_now();
  EXPECT_THAT(transport_.peek("Watch"), IsEmpty());
  EXPECT_THAT(watcher().heard, IsEmpty());
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].key.due, moved.bookkeeping.timers.at(0).due);
  EXPECT_FALSE(await(store_.backend()->commit(std::move(late))).committed);
  // Its id is free: it may be set to that very time again.
  const Instance now = find("w", "Watch").value();
  for (const InboxEntry& it : now.bookkeeping.inbox) {
    EXPECT_NE(it.message_id, due[0].envelope->id);
  }
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
}

// A start that another hand has asked for, and that is carried out late, finds that the instance
// has expired, and begins another life: its message must not be gone by then.
class ExpiryFenceTest : public FenceTest {
 protected:
  ExpiryFenceTest() {
    store_ = memory::SagaStore(memory::StoreOptions{.ttl_days = 1, .ambient = ambient_});
    store_faults_->latest_write = 15min;
    transport_faults_->before_send = [this](const std::vector<SendRequest>& requests) {
      for (const SendRequest& it : requests) {
        if (it.envelope->type == "PaymentRequested") ++payments_;
      }
    };
  }

  // An order that has ended, so long before that expires.
  Bus& end_order(std::chrono::seconds before_expiry) {
    Bus& bus = start_paid(fixture::orders().build());
    await(bus.publish(Closed{"o"}));
    run_now();
    EXPECT_TRUE(find("o")->completed);
    first_birth_ = birth();
    payments_ = 0;
    clock_->advance(24h - before_expiry);
    return bus;
  }
  // The visibility timeout of whoever had another start in hand is over just then.
  void redeliver_start(std::chrono::seconds before_expiry) {
    end_order(before_expiry + 30s);
    publish_into_another_hand(Submitted{"o", 2});
    start(options({fixture::orders().build()}));
    clock_->advance(30s);
    run_now();
  }
  void pass(std::chrono::seconds time) {
    clock_->advance(time);
    run_now();
  }
  std::string birth() { return find("o")->bookkeeping.birth; }

  std::string first_birth_;
  int payments_ = 0;
};

TEST_F(ExpiryFenceTest, AStartThatIsDeliveredAgainWaitsUntilTheEndHasExpired) {
  redeliver_start(14min);
  ASSERT_EQ(transport_.pending("Orders"), 1U);
  EXPECT_EQ(birth(), first_birth_);
  pass(14min);
  pass(1s);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
  ASSERT_TRUE(find("o"));
  EXPECT_NE(birth(), first_birth_);
  EXPECT_EQ(payments_, 1);
}

TEST_F(ExpiryFenceTest, SoWhatIsCarriedOutLateHasItsEffects) {
  Bus& bus = end_order(14min);
  std::optional<CommitRequest> late;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (late) return;
    late = request;
    late->cost = nullptr;
    throw TransientError("no answer");
  };
  await(bus.publish(Submitted{"o", 2}));
  run_now();
  pass(1min);
  ASSERT_TRUE(late);
  ASSERT_EQ(transport_.pending("Orders"), 1U);
  clock_->advance(13min);
  EXPECT_TRUE(await(store_.backend()->commit(*late)).committed);
  run_now();
  pass(1s);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
  EXPECT_EQ(birth(), late->next->bookkeeping.birth);
  EXPECT_EQ(find("o")->version, 1U + 1U);  // and its entry is gone
  EXPECT_EQ(payments_, 1);
}

// The service's client has tried twice, and has had no answer to the first.
TEST_F(ExpiryFenceTest, OneOfWhichAnEarlierRequestMayComeWaitsToo) {
  Bus& bus = end_order(14min);
  store_faults_->alters_result = [](CommitResult& result) {
    result.may_still_land = !result.committed;
  };
  await(bus.publish(Submitted{"o", 2}));
  run_now();
  EXPECT_EQ(transport_.pending("Orders"), 1U);
}

TEST_F(ExpiryFenceTest, OneWhoseEndExpiresLaterIsIgnored) {
  redeliver_start(16min);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
  EXPECT_EQ(birth(), first_birth_);
}

TEST_F(ExpiryFenceTest, OneThatNobodyElseHasIsIgnored) {
  await(end_order(14min).publish(Submitted{"o", 2}));
  run_now();
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

TEST_F(ExpiryFenceTest, OneThatStartsNothingNowIsIgnored) {
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
                        .on<Submitted>()
                        .when([](const State&) { return false; })
                        .handle([](const Submitted&, State&) {})
                        .build();
  start(options({saga}));
  publish_into_another_hand(Submitted{"o", 2});
  start(options({saga}));
  pass(30s);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
  EXPECT_FALSE(find("o"));
}

TEST_F(ExpiryFenceTest, WhereNothingComesLateItIsIgnored) {
  store_faults_->latest_write = 0min;
  redeliver_start(14min);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

}  // namespace
