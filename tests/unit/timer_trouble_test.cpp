// Timeouts where something goes wrong on the way, or happens meanwhile.
#include "timer_fixture.hpp"

namespace fixture {
namespace {

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

}  // namespace
}  // namespace fixture
