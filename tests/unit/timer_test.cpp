// Timeouts, from set_timeout to their handlers.
#include "timer_fixture.hpp"

namespace fixture {
namespace {

TEST_F(TimerTest, ComesOnceAfterYears) {
  const auto years = std::chrono::days(9 * 365);
  on_begin_ = [&](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", years); };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  pass(std::chrono::milliseconds(years) - 1ms);
  EXPECT_THAT(watcher().heard, IsEmpty());
  pass(1ms);
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
  EXPECT_THAT(heard_at_, ElementsAre(years));
  EXPECT_EQ(last_.sagaName, "Watch");
  EXPECT_EQ(last_.sagaId, find("w", "Watch").value().saga_id);
  EXPECT_EQ(last_.correlationId, "w");
  EXPECT_EQ(last_.timeoutName, "tea");
  EXPECT_EQ(last_.timeoutMs, std::chrono::milliseconds(years).count());
  EXPECT_EQ(last_.timeoutSetAt, begin_);
  EXPECT_THAT(timers(), IsEmpty());
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(TimerTest, SeveralComeEachToItsHandler) {
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("nap", 3s);
    ctx.set_timeout("tea", 2s);
    ctx.set_timeout(1s);
    ctx.set_timeout("other", ctx.now() + 4s);
  };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("any", "tea", "nap", "other"));
  EXPECT_THAT(heard_at_, ElementsAre(1s, 2s, 3s, 4s));
}

TEST_F(TimerTest, MovesWhereItIsSetAgain) {
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 60s);
    ctx.set_timeout("nap", 60s);
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  send(bus, "move", [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 90s);
    ctx.set_timeout("nap", 30s);
  });
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("nap", "tea"));
  EXPECT_THAT(heard_at_, ElementsAre(30s, 90s));
}

// The row of the time before is still there, and comes to nothing but the row of the new one.
TEST_F(TimerTest, MovedLaterNeedsNoRow) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 120s); };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run_now();
  send(bus, "later", [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 180s); });
  run_now();
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].key.due, begin_ + 120s);
  pass(120s);
  ASSERT_THAT(rows(), SizeIs(1));
  EXPECT_EQ(rows()[0].key.due, begin_ + 180s);
  send(bus, "sooner", [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 10s); });
  run_now();
  EXPECT_THAT(rows(), SizeIs(2));
  run();
  EXPECT_THAT(heard_at_, ElementsAre(130s));
}

TEST_F(TimerTest, DoesNotComeOnceItIsCleared) {
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 60s);
    ctx.set_timeout("nap", 60s);
    ctx.clear_timeout("nap");
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run_now();
  EXPECT_THAT(rows(), SizeIs(1));
  send(bus, "clear", [](Watcher&, SagaContext& ctx) {
    ctx.clear_timeout("tea");
    ctx.clear_timeout("never set");
  });
  run();
  EXPECT_THAT(watcher().heard, IsEmpty());
  EXPECT_THAT(timers(), IsEmpty());
}

TEST_F(TimerTest, TellsHowLongItHasToGo) {
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    EXPECT_FALSE(ctx.timeout_remaining("tea"));
    ctx.set_timeout("tea", 60s);
    EXPECT_EQ(ctx.timeout_remaining("tea"), 60s);
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  pass(20s);
  std::optional<std::chrono::milliseconds> remaining;
  send(bus, "ask", [&](Watcher&, SagaContext& ctx) { remaining = ctx.timeout_remaining("tea"); });
  run_now();
  EXPECT_EQ(remaining, 40s);
}

// Within the transport's deduplication window: it is another one.
TEST_F(TimerTest, ThatIsSetAgainByItsHandlerComesAgain) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 10s); };
  on_hearing_["tea"] = [](Watcher& s, SagaContext& ctx) {
    if (s.heard.size() < 5) ctx.set_timeout("tea", 10s);
  };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_THAT(heard_at_, ElementsAre(10s, 20s, 30s, 40s, 50s));
}

TEST_F(TimerTest, GoesWithAnInstanceThatEndsAndIsNotTheNextOnes) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  send(bus, "end", [](Watcher&, SagaContext& ctx) { ctx.complete(); });
  run_now();
  EXPECT_THAT(timers(), IsEmpty());
  on_begin_ = nullptr;
  await(bus.publish(Begin{"w"}));  // starts it afresh
  run();
  EXPECT_THAT(watcher().heard, IsEmpty());
  EXPECT_EQ(transport_.pending("Watch.dlq"), 0U);
}

TEST_F(TimerTest, SetByTheStepThatEndsTheInstanceNeverComes) {
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 60s);
    ctx.complete();
  };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, IsEmpty());
}

TEST_F(TimerTest, ThatNoGuardLetsThroughIsGone) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  await(begin().publish(Begin{"w"}));
  open_ = false;
  run();
  EXPECT_THAT(watcher().heard, IsEmpty());
  EXPECT_THAT(timers(), IsEmpty());
  EXPECT_EQ(transport_.pending("Watch.dlq"), 0U);
}

TEST_F(TimerTest, RefusesWhatCannotBeSet) {
  const std::map<std::string, std::pair<Act, std::string>> cases{
      {"near", {[](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 999ms); }, "\"tea\": 999"}},
      {"far",
       {[](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", std::chrono::days(3651)); },
        "\"tea\": 315446400000 ms from now, expected 1000 to 315360000000 ms"}},
      {"forever",
       {[](Watcher&, SagaContext& ctx) { ctx.set_timeout(std::chrono::milliseconds::max()); },
        "without a name"}},
      {"past",
       {[](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", ctx.now() - 1h); }, "0 ms from"}},
      {"long ago",
       {[](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", TimePoint::min()); }, "0 ms from"}},
      {"name",
       {[](Watcher&, SagaContext& ctx) { ctx.set_timeout(std::string(129, 'x'), 1s); },
        "too long"}},
      {"text", {[](Watcher&, SagaContext& ctx) { ctx.set_timeout("\xff", 1s); }, "not UTF-8"}},
      {"many",
       {[](Watcher&, SagaContext& ctx) {
          for (int i = 0; i < 65; ++i) ctx.set_timeout(std::to_string(i), 1h);
        },
        "at most 64"}},
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  for (const auto& [name, it] : cases) {
    send(bus, name, it.first);
    run();
    EXPECT_THAT(letter(), HasSubstr(it.second)) << name;
    EXPECT_THAT(timers(), IsEmpty()) << name;
  }
}

// A clock that goes on with every look at it.
// Two hours go by when somebody is about to sleep for long, as where a process is stopped there.
class DrowsyClock final : public Clock {
 public:
  explicit DrowsyClock(std::shared_ptr<sagabus::testing::VirtualClock> inner)
      : inner_(std::move(inner)) {}
  TimePoint now() const override { return inner_->now(); }
  std::chrono::nanoseconds monotonic() const override { return inner_->monotonic(); }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    doze(duration);
    return inner_->sleep_for(duration);
  }
  boost::asio::awaitable<void> sleep_until(std::chrono::nanoseconds time) override {
    doze(time - inner_->monotonic());
    return inner_->sleep_until(time);
  }

 private:
  void doze(std::chrono::nanoseconds duration) {
    if (duration > 30min) inner_->advance(2h);
  }
  const std::shared_ptr<sagabus::testing::VirtualClock> inner_;
};

TEST_F(TimerTest, IsNotLateByWhatGoesByBeforeTheSleep) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  BusOptions chosen = options({saga()});
  chosen.ambient.clock = std::make_shared<DrowsyClock>(clock_);
  await(begin(std::move(chosen)).publish(Begin{"w"}));
  run_now();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
}

class RestlessClock final : public Clock {
 public:
  explicit RestlessClock(TimePoint start) : now_(start) {}
  TimePoint now() const override { return now_ += 1ms; }
  std::chrono::nanoseconds monotonic() const override { return {}; }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds) override { co_return; }

 private:
  mutable TimePoint now_;
};

TEST_F(TimerTest, OfTheLeastTimeIsSetThoughTimeGoesOn) {
  Ambient ambient = ambient_;
  ambient.clock = std::make_shared<RestlessClock>(clock_->now());
  store_ = memory::SagaStore({.ambient = ambient});
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", 1s);
    ctx.set_timeout(std::chrono::days(3650));
  };
  BusOptions chosen = options({saga()});
  chosen.fire_timers = false;
  await(begin(std::move(chosen)).publish(Begin{"w"}));
  run();
  EXPECT_EQ(letter(), "");
  EXPECT_THAT(timers(), SizeIs(2));
}

TEST_F(TimerTest, OfASagaThatHandlesNoneIsRefused) {
  const auto saga =
      sagabus::saga<Watcher>("Watch")
          .correlate<Begin>(&Begin::id, can_start)
          .initial([] { return Watcher{}; })
          .on<Begin>()
          .handle([](const Begin&, Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); })
          .on_timeout("nap")
          .handle([](Watcher&) {})
          .build();
  await(begin(options({saga})).publish(Begin{"w"}));
  run();
  EXPECT_EQ(letter(),
            "saga Watch: set_timeout: it handles no timeout \"tea\": add on_timeout(...) or "
            "on<SagaTimeoutExpired>()");
}

TEST_F(TimerTest, OnAStoreThatKeepsNoneIsRefused) {
  store_faults_->hides_timers = true;
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_EQ(letter(), "saga Watch: its store, memory:, keeps no timeouts");
}

}  // namespace
}  // namespace fixture
