// Scheduled messages.
#include "timer_fixture.hpp"

namespace fixture {
namespace {

TEST_F(TimerTest, AScheduledMessageIsARowUntilItIsDue) {
  transport_faults_->max_delay = 1s;  // never asked for
  on_begin_ = [](Watcher& s, SagaContext& ctx) {
    s.scheduled = ctx.schedule(Rung{"w", "far"}, std::chrono::days(700));
    ctx.schedule(Rung{"w", "now"}, -1s);
  };
  await(begin().publish(Begin{"w"}));
  run_now();
  EXPECT_THAT(watcher().heard, ElementsAre("rung now"));
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].key.due, watcher().scheduled->due);
  EXPECT_EQ(rows()[0].key.id, watcher().scheduled->id);
  run();
  EXPECT_THAT(heard_at_, ElementsAre(0s, std::chrono::days(700)));
}

TEST_F(TimerTest, AScheduledMessageIsCancelledByAStep) {
  on_begin_ = [](Watcher& s, SagaContext& ctx) {
    s.scheduled = ctx.schedule(Rung{"w", "a"}, 1h);
    ctx.cancel(ctx.schedule(Rung{"w", "b"}, 1h));
    ctx.schedule(Rung{"w", "c"}, 1h);
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run_now();
  EXPECT_THAT(rows(), SizeIs(2));
  send(bus, "cancel", [](Watcher& s, SagaContext& ctx) { ctx.cancel(*s.scheduled); });
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("rung c"));
}

// Its step was committed, its row was not put, and by the redelivery it must not be any more.
TEST_F(TimerTest, ACancelledMessageIsNotPutByALateRedelivery) {
  bool down = true;
  store_faults_->before_put_timers = [&](const auto&) {
    if (down) throw TransientError("no answer");
  };
  on_begin_ = [](Watcher& s, SagaContext& ctx) { s.scheduled = ctx.schedule(Rung{"w", "a"}, 10h); };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run_now();
  send(bus, "cancel", [](Watcher& s, SagaContext& ctx) { ctx.cancel(*s.scheduled); });
  run_now();
  down = false;
  run();
  EXPECT_THAT(watcher().heard, IsEmpty());
  EXPECT_THAT(rows(), IsEmpty());
}

PublishOptions named(const std::string& id) {
  PublishOptions options;
  options.id = id;
  return options;
}

TEST_F(TimerTest, AMessageThatIsCancelledAndScheduledAnewIsSent) {
  const TimePoint at = clock_->now() + 1h;
  const auto anew = [at](Watcher& s, SagaContext& ctx) {
    if (s.scheduled) ctx.cancel(*s.scheduled);
    s.scheduled = ctx.schedule(Rung{"w", "a"}, at, named("mine"));
  };
  on_begin_ = anew;
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  send(bus, "anew", anew);
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("rung a"));
}

// The step that cancels dies before it has erased the row, and comes again after the next one.
TEST_F(TimerTest, AMessageThatIsScheduledAnewIsNotErasedByALateRedelivery) {
  const TimePoint at = clock_->now() + 10h;
  on_begin_ = [at](Watcher& s, SagaContext& ctx) {
    s.scheduled = ctx.schedule(Rung{"w", "a"}, at, named("mine"));
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run_now();
  bool down = true;
  store_faults_->before_erase_timers = [&] {
    if (down) throw TransientError("no answer");
  };
  send(bus, "cancel", [](Watcher& s, SagaContext& ctx) { ctx.cancel(*s.scheduled); });
  run_now();
  send(bus, "anew", [at](Watcher& s, SagaContext& ctx) {
    s.scheduled = ctx.schedule(Rung{"w", "a"}, at, named("mine"));
  });
  run_now();
  down = false;
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("rung a"));
}

TEST_F(TimerTest, TheBusSchedulesAndCancels) {
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  const ScheduledMessage kept = await(bus.schedule(Rung{"w", "kept"}, 1h));
  const ScheduledMessage gone = await(bus.schedule(Rung{"w", "gone"}, begin_ + 1h));
  EXPECT_EQ(kept.due, begin_ + 1h);
  EXPECT_THAT(rows(), SizeIs(2));
  EXPECT_TRUE(await(bus.cancel(gone)));
  EXPECT_FALSE(await(bus.cancel(gone)));
  run();
  EXPECT_THAT(heard_at_, ElementsAre(1h));
  EXPECT_FALSE(await(bus.cancel(kept)));
}

TEST_F(TimerTest, AServiceSchedulesInTheBusesStore) {
  std::vector<std::chrono::milliseconds> heard;
  const auto ringer =
      service("ringer")
          .on<Begin>([](const Begin& m, MessageContext& ctx) {
            ctx.schedule(Rung{m.id, "kept"}, 2h);
            ctx.cancel(ctx.schedule(Rung{m.id, "gone"}, 1h));
          })
          .on<Rung>([&](const Rung&, MessageContext&) { heard.push_back(clock_->now() - begin_); });
  await(begin(options({}, {ringer})).publish(Begin{"w"}));
  run();
  EXPECT_THAT(heard, ElementsAre(2h));
}

TEST_F(TimerTest, WhatIsTooLargeOrTooFarIsRefusedWhenItIsScheduled) {
  Bus& bus = begin();
  EXPECT_THROW(await(bus.schedule(Rung{"w", std::string(300'000, 'x')}, 1h)), ValidationError);
  EXPECT_THROW(await(bus.schedule(Rung{"w", "x"}, std::chrono::days(4000))), ValidationError);
  EXPECT_THROW(await(bus.schedule(Rung{"w", "x"}, 1h, named(std::string(513, 'i')))),
               ValidationError);
  EXPECT_THAT(rows(), IsEmpty());
}

}  // namespace
}  // namespace fixture
