// Timers where buses come and go, and clocks go wrong.
#include <boost/asio/detached.hpp>

#include "timer_fixture.hpp"

namespace fixture {
namespace {

TEST_F(TimerTest, WhatCameDueWhileNoBusRanComesInOrder) {
  {
    Bus& bus = begin();
    for (const char* id : {"a", "b", "c"}) {
      await(bus.publish(Begin{id}));
      run_now();
    }
    for (int i = 0; i < 500; ++i) {
      await(bus.schedule(Rung{"a", std::to_string(i)}, 1h + std::chrono::seconds(i)));
    }
    await(bus.stop());
  }
  clock_->advance(30h);
  start(options({saga()}));
  run();
  const auto heard = watcher("a").heard;
  ASSERT_THAT(heard, SizeIs(500));
  for (std::size_t i = 0; i < heard.size(); ++i) EXPECT_EQ(heard[i], "rung " + std::to_string(i));
}

class LeasedTimerTest : public TimerTest {
 protected:
  LeasedTimerTest() { store_faults_->hides_watch = true; }
  // Time goes by in small steps, as it does.
  void live(std::chrono::milliseconds time) {
    for (const TimePoint end = clock_->now() + time; clock_->now() < end;) pass(50ms);
  }
};

TEST_F(LeasedTimerTest, TwoBusesFireEachOnce) {
  int sent = 0;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    for (const auto& it : requests) sent += it.endpoint == "Watch" ? 1 : 0;
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 2s);
    ctx.set_timeout("nap", 40s);
  };
  Bus& bus = begin();
  start(options({saga()}));
  live(1s);
  for (int i = 0; i < 20; ++i) await(bus.publish(Begin{"w" + std::to_string(i)}));
  live(60s);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(watcher("w" + std::to_string(i)).heard, ElementsAre("tea", "nap"));
  }
  EXPECT_EQ(sent, 40);
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(LeasedTimerTest, TwoHoldersAtOnceDoNoHarm) {
  store_faults_->all_hold_leases = true;
  int sent = 0;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    for (const auto& it : requests) sent += it.endpoint == "Watch" ? 1 : 0;
  };
  store_faults_->timers_read_takes = [&] { return clock_->sleep_for(100ms); };
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 2s);
    ctx.set_timeout("nap", 40s);
  };
  Bus& bus = begin();
  start(options({saga()}));
  live(1s);
  for (int i = 0; i < 20; ++i) await(bus.publish(Begin{"w" + std::to_string(i)}));
  live(60s);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(watcher("w" + std::to_string(i)).heard, ElementsAre("tea", "nap"));
  }
  EXPECT_GT(sent, 40);  // some were sent by both
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(LeasedTimerTest, ABusThatDiesIsReplacedWithinFifteenSeconds) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  Bus& first = begin();
  live(1s);
  await(first.publish(Begin{"w"}));
  live(40s);
  Bus& second = start(options({saga()}));
  live(3s);
  store_faults_->before_look_at_timers = [] {};
  // The first one's lease is not given up: it is as if it had been killed.
  const std::vector<Lease> held = await(store_.backend()->timers()->leases());
  ASSERT_FALSE(held[0].holder.empty());
  await(first.stop());
  const std::vector<Lease> left = await(store_.backend()->timers()->leases());
  EXPECT_TRUE(left[0].holder.empty());
  std::string dead = "dead";
  ASSERT_TRUE(await(store_.backend()->timers()->take_lease(0, left[0], std::move(dead))));
  const TimePoint died = clock_->now();
  while (clock_->now() < died + 15s &&
         await(store_.backend()->timers()->leases())[0].holder == "dead") {
    pass(50ms);
  }
  EXPECT_LT(clock_->now() - died, 15s);
  live(20s);
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
  (void)second;
}

// More than one page of them.
TEST_F(LeasedTimerTest, AThousandNearOnesThatAreDueTogetherAreOnTime) {
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  live(1s);
  const TimePoint at = clock_->now() + 2s;
  for (int i = 0; i < 1000; ++i) await(bus.schedule(Rung{"w", std::to_string(i)}, at));
  live(4s);
  ASSERT_THAT(watcher().heard, SizeIs(1000));
  EXPECT_LE(heard_at_.back() - (at - begin_), 1s);
}

// One queue is gone, say: what is for others is sent all the same, and the rest is no hot loop.
TEST_F(LeasedTimerTest, ThatCannotBeSentWhateverTheErrorDoNotStopTheOthers) {
  int refusals = 0;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    for (const auto& it : requests) {
      if (it.envelope->headers.contains("bad") && ++refusals > 0) throw NotFound("no such queue");
    }
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  live(1s);
  const TimePoint at = clock_->now() + 15s;
  for (int i = 0; i < 500; ++i) {
    PublishOptions chosen;
    if (i % 2 == 0) chosen.headers = {{"bad", "1"}};
    await(bus.schedule(Rung{"w", std::to_string(i)}, at, std::move(chosen)));
  }
  live(20s);
  EXPECT_THAT(watcher().heard, SizeIs(250));
  const int before = refusals;
  live(60s);
  EXPECT_EQ(refusals, before);
  transport_faults_->before_send = [](const auto&) {};
  live(3600s);
  EXPECT_THAT(watcher().heard, SizeIs(500));
}

// As where a service answers that it is asked too much: a page as a whole never gets through.
TEST_F(LeasedTimerTest, ATransportThatTakesFewAtATimeGetsThemAll) {
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  live(1s);
  const TimePoint at = clock_->now() + 15s;
  for (int i = 0; i < 100; ++i) await(bus.schedule(Rung{"w", std::to_string(i)}, at));
  int sends = 0;
  transport_faults_->mid_send = [&] {
    if (++sends % 25 == 0) throw Throttled("too many requests");
  };
  live(60s);
  EXPECT_THAT(watcher().heard, SizeIs(100));
  EXPECT_LE(sends, 200);
}

// It stands before all others.
TEST_F(LeasedTimerTest, OneThatIsForbiddenDoesNotStopThoseBehindIt) {
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    for (const auto& it : requests) {
      if (it.envelope->headers.contains("bad")) throw AccessDenied("not that topic");
    }
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  live(1s);
  PublishOptions bad;
  bad.headers = {{"bad", "1"}};
  const TimePoint at = clock_->now() + 15s;
  await(bus.schedule(Rung{"w", "bad"}, at, std::move(bad)));
  for (int i = 0; i < 50; ++i) await(bus.schedule(Rung{"w", std::to_string(i)}, at + 20s));
  live(120s);
  EXPECT_THAT(watcher().heard, SizeIs(50));
}

TEST_F(LeasedTimerTest, AnOutageIsNoHotLoopHoweverMuchNewsThereIs) {
  Bus& bus = begin();
  live(1s);
  int looks = 0;
  store_faults_->before_look_at_timers = [&] {
    ++looks;
    throw TransientError("down");
  };
  for (int i = 0; i < 1000; ++i) {
    await(bus.schedule(Rung{"w", std::to_string(i)}, clock_->now() + 1s));
    pass(10ms);
  }
  EXPECT_LE(looks, 20);
}

TEST_F(LeasedTimerTest, ABusThatDoesNotFireLeavesItToAnother) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 2s); };
  BusOptions quiet = options({saga()});
  quiet.fire_timers = false;
  Bus& bus = begin(std::move(quiet));
  await(bus.publish(Begin{"w"}));
  live(30s);
  EXPECT_THAT(watcher().heard, IsEmpty());
  start(options({saga()}));
  live(2s);
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
}

TEST_F(LeasedTimerTest, AnIdleBusAsksOnceInEightSeconds) {
  int looks = 0;
  store_faults_->before_look_at_timers = [&] { ++looks; };
  begin();
  live(5s);
  looks = 0;
  live(800s);
  EXPECT_LE(looks, 101);
  EXPECT_GE(looks, 80);  // ten seconds are the most
}

// What is put by a bus that fires none is seen, well before it is due.
TEST_F(LeasedTimerTest, FarTimersAreOnTimeWhoeverPutThem) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 100s); };
  begin();
  BusOptions quiet = options({saga()});
  quiet.fire_timers = false;
  await(start(std::move(quiet)).publish(Begin{"w"}));
  live(102s);
  ASSERT_THAT(heard_at_, SizeIs(1));
  EXPECT_GE(heard_at_[0], 100s);
  EXPECT_LE(heard_at_[0], 101s);
}

// Trouble with time.

TEST_F(LeasedTimerTest, AreOnTimeByTheStoresClockWhateverTheBusesSays) {
  for (const auto wrong_by : {-300s, 300s}) {
    const auto wrong = std::make_shared<sagabus::testing::VirtualClock>(clock_->now() + wrong_by);
    on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 30s); };
    BusOptions chosen = options({saga()});
    chosen.ambient.clock = wrong;
    const std::string id = std::to_string(wrong_by.count());
    Bus& bus = begin(std::move(chosen));
    const auto live_on = [&](std::chrono::milliseconds time) {
      for (const TimePoint end = clock_->now() + time; clock_->now() < end;) {
        wrong->advance(50ms);
        pass(50ms);
      }
    };
    auto publishing = bus.publish(Begin{id});
    boost::asio::co_spawn(io_, std::move(publishing), boost::asio::detached);
    live_on(29s);
    EXPECT_THAT(watcher(id).heard, IsEmpty());
    live_on(3s);
    EXPECT_THAT(watcher(id).heard, ElementsAre("tea"));
    auto stopping = bus.stop();
    boost::asio::co_spawn(io_, std::move(stopping), boost::asio::detached);
    live_on(10s);
  }
}

TEST_F(LeasedTimerTest, AreNeitherEarlyNorLostNorDoubledWhereTheTimeOfDayJumps) {
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 5s);
    ctx.set_timeout("nap", 100s);
  };
  Bus& bus = begin();
  live(1s);
  await(bus.publish(Begin{"w"}));
  live(2s);
  const TimePoint before = clock_->now();
  clock_->set(before - 1h);
  live(50min);
  EXPECT_THAT(watcher().heard, IsEmpty());
  live(12min);
  EXPECT_THAT(watcher().heard, ElementsAre("tea", "nap"));
  clock_->set(clock_->now() + 10h);
  live(1min);
  EXPECT_THAT(watcher().heard, ElementsAre("tea", "nap"));
}

// As a process does that was stopped by SIGSTOP, or whose machine slept: it goes on where it was,
// with rows that another has sent meanwhile.
TEST_F(LeasedTimerTest, ThatABusSleptOverWithTheirRowsInItsHandsComeOnce) {
  for (const bool sent_before : {false, true}) {
    on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 30s); };
    const std::string id = sent_before ? "after" : "before";
    bool asleep = false;
    const auto sleeper = std::make_shared<sagabus::testing::StoreFaults>();
    sleeper->hides_watch = true;
    auto& takes = sent_before ? sleeper->timers_erase_takes : sleeper->timers_read_takes;
    takes = [&]() -> boost::asio::awaitable<void> {
      if (!std::exchange(asleep, true)) co_await clock_->sleep_for(60s);
    };
    BusOptions chosen = options({saga()});
    chosen.store = SagaStore(std::make_shared<sagabus::testing::FaultyStore>(store_, sleeper));
    Bus& first = begin(std::move(chosen));
    live(1s);
    await(first.publish(Begin{id}));
    live(5s);
    EXPECT_FALSE(asleep);
    Bus& second = start(options({saga()}));
    live(120s);
    EXPECT_TRUE(asleep);
    EXPECT_THAT(watcher(id).heard, ElementsAre("tea"));
    EXPECT_THAT(rows(), IsEmpty());
    await(first.stop());
    await(second.stop());
    live(1s);
  }
}

}  // namespace
}  // namespace fixture
