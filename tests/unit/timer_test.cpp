// Timeouts and scheduled messages, from set_timeout to their handlers, in virtual time.
#include "sagabus/timer.hpp"

#include <functional>
#include <map>

#include <boost/asio/detached.hpp>

#include "bus_fixture.hpp"
#include "sagabus/timer_store.hpp"

namespace {

using namespace sagabus;               // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Begin {
  std::string id;
};
SAGABUS_MESSAGE(Begin, id)

// Does what the test has put down under that name.
struct Do {
  std::string id;
  std::string what;
};
SAGABUS_MESSAGE(Do, id, what)

struct Rung {
  std::string id;
  std::string bell;
};
SAGABUS_MESSAGE(Rung, id, bell)

struct Watcher {
  std::string id{};
  std::vector<std::string> heard{};
  std::optional<ScheduledMessage> scheduled{};
};
SAGABUS_DESCRIBE(Watcher, id, heard, scheduled)

class TimerTest : public fixture::BusTest {
 protected:
  using Act = std::function<void(Watcher&, SagaContext&)>;

  // What on_timeout("tea"), on_timeout("nap") and the handler of any other are called with.
  void hear(Watcher& s, const std::string& name) {
    s.heard.push_back(name);
    heard_at_.push_back(clock_->now() - begin_);
    const auto then = on_hearing_.find(name);
    if (then != on_hearing_.end()) hearing_ = &then->second;
  }

  SagaDefinition saga() {
    return sagabus::saga<Watcher>("Watch")
        .correlate<Begin>(&Begin::id, can_start)
        .correlate<Do>(&Do::id)
        .correlate<Rung>(&Rung::id)
        .initial([](const Begin& m) { return Watcher{m.id}; })
        .on<Begin>()
        .handle([this](const Begin&, Watcher& s, SagaContext& ctx) {
          if (on_begin_) on_begin_(s, ctx);
        })
        .on<Do>()
        .handle([this](const Do& m, Watcher& s, SagaContext& ctx) { acts_.at(m.what)(s, ctx); })
        .on<Rung>()
        .handle([this](const Rung& m, Watcher& s) { hear(s, "rung " + m.bell); })
        .on_timeout("tea")
        .when([this](const Watcher&) { return open_; })
        .handle([this](const SagaTimeoutExpired& m, Watcher& s, SagaContext& ctx) {
          last_ = m;
          hear(s, "tea");
          if (hearing_) std::exchange(hearing_, nullptr)->operator()(s, ctx);
        })
        .on_timeout("nap")
        .handle([this](Watcher& s) { hear(s, "nap"); })
        .on<SagaTimeoutExpired>()
        .handle([this](const SagaTimeoutExpired& m, Watcher& s) {
          last_ = m;
          hear(s, m.timeoutName.value_or("any"));
        })
        .restart_when_completed()
        .build();
  }

  Bus& begin(BusOptions options) {
    begin_ = clock_->now();
    return start(std::move(options));
  }
  Bus& begin() { return begin(options({saga()})); }

  void send(Bus& bus, const std::string& what, Act act, const std::string& id = "w") {
    acts_[what] = std::move(act);
    await(bus.publish(Do{id, what}));
  }
  // What can be done at this moment, with nothing of what comes later.
  void pass(std::chrono::milliseconds time) {
    run_now();
    clock_->advance(time);
    run_now();
  }

  Watcher watcher(const std::string& id = "w") {
    return from_value<Watcher>(find(id, "Watch").value().state);
  }
  std::vector<Timer> timers(const std::string& id = "w") {
    return find(id, "Watch").value().bookkeeping.timers;
  }
  std::vector<TimerRow> rows() {
    std::string from_the_start;
    return await(store_.backend()->timers()->list(1000, std::move(from_the_start))).rows;
  }
  std::string letter() {
    const auto letters = transport_.peek("Watch.dlq");
    return letters.empty() ? "" : letters.back()->headers.at("x-saga-error-message");
  }

  TimePoint begin_{};
  Act on_begin_;
  std::map<std::string, Act> acts_;
  std::map<std::string, Act> on_hearing_;
  Act* hearing_ = nullptr;
  bool open_ = true;
  std::vector<std::chrono::milliseconds> heard_at_;
  SagaTimeoutExpired last_;
};

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

// What goes wrong on the way.

TEST_F(TimerTest, WhoseRowCouldNotBePutIsPutByTheRedelivery) {
  int failures = 3;
  store_faults_->before_put_timers = [&](const auto&) {
    if (failures-- > 0) throw TransientError("no answer");
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_LT(failures, 0);
  EXPECT_THAT(heard_at_, ElementsAre(1h));
}

TEST_F(TimerTest, WhoseRowWasPutTwiceComesOnce) {
  bool first = true;
  store_faults_->after_put_timers = [&](const auto&) {
    if (std::exchange(first, false)) throw TransientError("its answer was lost");
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_FALSE(first);
  EXPECT_THAT(heard_at_, ElementsAre(1h));
}

// Sent, and not erased: it is sent again, with the same id, long after the transport forgot it.
TEST_F(TimerTest, WhoseRowIsSentTwiceComesOnce) {
  int failures = 40;
  int sent = 0;
  store_faults_->before_erase_timers = [&] {
    if (failures-- > 0) throw TransientError("no answer");
  };
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    for (const auto& it : requests) sent += it.endpoint == "Watch" ? 1 : 0;
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_EQ(sent, 41);
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(TimerTest, ThatCannotBeSentIsTriedAgain) {
  int failures = 20;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    if (requests[0].endpoint == "Watch" && failures-- > 0) throw TransientError("no answer");
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
}

TEST_F(TimerTest, ThatTheTransportRefusesDoesNotStopTheOthers) {
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    for (const auto& it : requests) {
      if (it.endpoint == "Watch" &&
          from_value<SagaTimeoutExpired>(it.envelope->payload).timeoutName.value_or("") == "bad") {
        throw ValidationError("not that one");
      }
    }
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("bad", 1h);
    ctx.set_timeout("tea", 1h);
    ctx.set_timeout("nap", 2h);
  };
  await(begin().publish(Begin{"w"}));
  pass(1h);
  pass(1h);
  EXPECT_THAT(watcher().heard, ElementsAre("tea", "nap"));
  EXPECT_THAT(rows(), SizeIs(1));  // it is tried each hour
  transport_faults_->before_send = [](const auto&) {};
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea", "nap", "bad"));
}

TEST_F(TimerTest, ThatIsDueBeforeItsCommitEndsComesThen) {
  store_faults_->commit_takes = [this]() -> boost::asio::awaitable<void> {
    if (heard_at_.empty()) co_await clock_->sleep_for(30s);
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 10s); };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
  EXPECT_THAT(heard_at_, ElementsAre(30s));
}

// It is on its way while another step has its say.
TEST_F(TimerTest, OnItsWayIsStoppedByWhatThatStepSays) {
  struct Case {
    Act act;
    std::vector<std::string> heard;
    std::vector<std::chrono::milliseconds> at;
  };
  const std::map<std::string, Case> cases{
      {"cleared", {[](Watcher&, SagaContext& ctx) { ctx.clear_timeout("tea"); }, {}, {}}},
      {"moved",
       {[](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); }, {"tea"}, {1h + 60s}}},
      {"set anew",
       {[](Watcher&, SagaContext& ctx) {
          ctx.clear_timeout("tea");
          ctx.set_timeout("tea", 1h);
        },
        {"tea"},
        {1h + 60s}}},
      {"ended", {[](Watcher&, SagaContext& ctx) { ctx.complete(); }, {}, {}}},
  };
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  Bus& bus = begin();
  for (const auto& [name, it] : cases) {
    heard_at_.clear();
    begin_ = clock_->now();
    await(bus.publish(Begin{name}));
    run_now();
    store_faults_->commit_takes = [this]() -> boost::asio::awaitable<void> {
      co_await clock_->sleep_for(0ms);
    };
    clock_->advance(60s);           // it is due, and the step is before it in the queue
    send(bus, name, it.act, name);  // both run now
    run();
    EXPECT_EQ(watcher(name).heard, it.heard) << name;
    EXPECT_EQ(heard_at_, it.at) << name;
  }
}

// The instance ends, and its next life sets the same timeout, while that of the first is on its
// way.
TEST_F(TimerTest, OnItsWayToALifeThatEndsIsNotTheNextOnes) {
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run_now();
  clock_->advance(60s);
  send(bus, "end", [](Watcher&, SagaContext& ctx) { ctx.complete(); });
  await(bus.publish(Begin{"w"}));
  run();
  EXPECT_THAT(heard_at_, ElementsAre(120s));
}

TEST_F(TimerTest, WhoseInstanceHasExpiredComesToNothing) {
  store_ = memory::SagaStore({.ttl_days = 1, .ambient = ambient_});
  on_begin_ = [](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", std::chrono::days(3));
    ctx.schedule(Rung{"w", "late"}, std::chrono::days(3));
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  send(bus, "end", [](Watcher&, SagaContext& ctx) { ctx.complete(); });
  run();
  EXPECT_FALSE(find("w", "Watch"));
  EXPECT_THAT(heard_at_, IsEmpty());
  EXPECT_EQ(transport_.pending("Watch"), 0U);
  EXPECT_EQ(transport_.pending("Watch.dlq"), 0U);
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(TimerTest, WhoseStepFailsIsRetriedAndStaysSet) {
  int failures = 2;
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  on_hearing_["tea"] = [&](Watcher&, SagaContext&) {
    if (failures-- > 0) throw TransientError("try again");
  };
  await(begin().publish(Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
  EXPECT_THAT(heard_at_, SizeIs(3));
}

TEST_F(TimerTest, IsSetByTheLastRunOfAStepOnly) {
  int runs = 0;
  on_begin_ = nullptr;
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run();
  Bus& other = start(options({saga()}));
  bool raced = false;
  send(bus, "other", [](Watcher& s, SagaContext&) { s.heard.push_back("other"); });
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (raced || request.next->bookkeeping.timers.empty()) return;
    raced = true;
    Instance now = *find("w", "Watch");
    const std::uint64_t version = now.version;
    await(store_.update(std::move(now), version));
  };
  send(other, "set", [&](Watcher&, SagaContext& ctx) {
    ctx.set_timeout("tea", std::chrono::seconds(10 * ++runs));
  });
  run();
  EXPECT_TRUE(raced);
  EXPECT_EQ(runs, 2);
  EXPECT_THAT(watcher().heard, ElementsAre("other", "tea"));
  EXPECT_THAT(heard_at_, ElementsAre(20s));
}

// Its row was sent and is gone, and its message is buried: another row is needed.
TEST_F(TimerTest, ThatIsSetAgainAfterItWasBuriedComes) {
  bool broken = true;
  on_begin_ = [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); };
  on_hearing_["tea"] = [&](Watcher&, SagaContext&) {
    if (broken) throw ValidationError("not now");
  };
  Bus& bus = begin();
  await(bus.publish(Begin{"w"}));
  run();
  EXPECT_THAT(transport_.peek("Watch.dlq"), SizeIs(1));
  EXPECT_THAT(timers(), SizeIs(1));
  broken = false;
  send(bus, "again", [](Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 60s); });
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("tea"));
}

// Scheduled messages.

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

// Buses that come and go.

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
