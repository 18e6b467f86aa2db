// What tools do to timeouts and scheduled messages, in virtual time, while buses run.
#include "sagabus/timer_tools.hpp"

#include <functional>
#include <map>

#include "bus_fixture.hpp"
#include "sagabus/sync_wait.hpp"

namespace {

using namespace sagabus;               // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Open {
  std::string id;
};
SAGABUS_MESSAGE(Open, id)

struct Act {
  std::string id;
  std::string what;
};
SAGABUS_MESSAGE(Act, id, what)

struct Bell {
  std::string id;
  std::string note;
};
SAGABUS_MESSAGE(Bell, id, note)

struct Door {
  std::string id{};
  std::vector<std::string> heard{};
};
SAGABUS_DESCRIBE(Door, id, heard)

class TimerTools : public fixture::BusTest {
 protected:
  using Step = std::function<void(Door&, SagaContext&)>;

  SagaDefinition saga() {
    return sagabus::saga<Door>("Doors")
        .correlate<Open>(&Open::id, can_start)
        .correlate<Act>(&Act::id)
        .correlate<Bell>(&Bell::id)
        .initial([](const Open& m) { return Door{m.id}; })
        .on<Open>()
        .handle([this](const Open&, Door& s, SagaContext& ctx) { on_open_(s, ctx); })
        .on<Act>()
        .handle([this](const Act& m, Door& s, SagaContext& ctx) { steps_.at(m.what)(s, ctx); })
        .on<Bell>()
        .handle([this](const Bell& m, Door& s) { hear(s, m.note); })
        .on<SagaTimeoutExpired>()
        .handle([this](const SagaTimeoutExpired& m, Door& s) {
          last_ = m;
          hear(s, m.timeoutName.value_or("any"));
        })
        .build();
  }

  // With the minute. A step may run on a guess, and then once more: only what is committed counts.
  void hear(Door& s, const std::string& what) {
    const auto at = std::chrono::floor<std::chrono::minutes>(clock_->now() - begin_);
    s.heard.push_back(what + "@" + std::to_string(at.count()));
    ++runs_;
  }

  // A bus, and one instance that has taken in Open.
  Bus& begin() {
    Bus& bus = start(options({saga()}));
    begin_ = clock_->now();
    const Open open{"d"};
    await(bus.publish(open));
    run_now();
    return bus;
  }

  void act(Bus& bus, const std::string& what, Step step) {
    steps_[what] = std::move(step);
    await(bus.publish(Act{"d", what}));
  }

  void pass(std::chrono::milliseconds time) {
    run_now();
    clock_->advance(time);
    run_now();
  }

  // The store as a tool has it: what it does goes by the faults too.
  SagaStore store() {
    return SagaStore(std::make_shared<sagabus::testing::FaultyStore>(store_, store_faults_));
  }
  TimerBackend& backend() { return *store_.backend()->timers(); }
  std::vector<TimerRow> rows() {
    std::string from_the_start;
    return sync_wait(backend().list(1000, std::move(from_the_start))).rows;
  }
  std::vector<std::string> keys() {
    std::vector<std::string> out;
    for (const TimerRow& row : rows()) out.push_back(to_text(row.key));
    return out;
  }
  std::string key(TimePoint due, const std::string& id) { return to_text({due, id}); }
  // The row of that timeout, or the message with that note.
  TimerRow row(const std::string& name) {
    for (const TimerRow& row : rows()) {
      const auto timeout = read_timeout(row);
      if (timeout ? timeout->name == name : read_message<Bell>(*row.envelope).note == name) {
        return row;
      }
    }
    throw std::runtime_error("no row of " + name);
  }
  TimerOutcome cancel(const TimerRow& row) { return sync_wait(cancel_timer(store(), row)); }
  TimerMove move(const TimerRow& row, TimePoint to) {
    return sync_wait(move_timer(store(), row, to));
  }
  TimerFinding examine(const TimerRow& row) { return sync_wait(examine_timer(store(), row)); }

  Instance door() { return sync_wait(store_.get_by_correlation_id("Doors", "d")).value(); }
  std::vector<std::string> heard() { return from_value<Door>(door().state).heard; }
  void write(const std::function<void(Instance&)>& change) {
    Instance instance = door();
    change(instance);
    const std::uint64_t version = instance.version;
    sync_wait(store_.update(std::move(instance), version));
  }

  TimePoint begin_{};
  Step on_open_ = [](Door&, SagaContext& ctx) {
    ctx.set_timeout("tea", 1h);
    ctx.set_timeout("nap", 2h);
  };
  std::map<std::string, Step> steps_;
  int runs_ = 0;
  SagaTimeoutExpired last_;
};

// Reading rows.

TEST_F(TimerTools, TellTimeoutsFromMessages) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  const TimerRow tea = row("tea");
  EXPECT_EQ(read_timeout(tea),
            (Timeout{"Doors", door().saga_id, "d", "tea", door().bookkeeping.timers[0].token}));
  EXPECT_EQ(read_timeout(row("ding")), std::nullopt);
  TimerRow foreign = tea;
  Envelope envelope = *tea.envelope;
  envelope.headers.clear();
  foreign.envelope = std::make_shared<const Envelope>(envelope);
  EXPECT_EQ(read_timeout(foreign), std::nullopt);
  envelope = *tea.envelope;
  envelope.payload = Value(7);
  foreign.envelope = std::make_shared<const Envelope>(envelope);
  EXPECT_EQ(read_timeout(foreign), std::nullopt);
}

TEST_F(TimerTools, ListTheSoonestFirst) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 90min));
  const auto due = [&](const TimerQuery& query) {
    std::vector<std::chrono::minutes> out;
    const TimerList found = sync_wait(list_timers(store(), query));
    for (const TimerRow& row : found.rows) {
      out.push_back(std::chrono::duration_cast<std::chrono::minutes>(row.key.due - begin_));
    }
    if (found.more) out.push_back(0min);
    return out;
  };
  EXPECT_THAT(due({}), ElementsAre(60min, 90min, 120min));
  EXPECT_THAT(due({.endpoint = "Doors"}), ElementsAre(60min, 120min));
  EXPECT_THAT(due({.until = begin_ + 90min}), ElementsAre(60min, 90min));
  EXPECT_THAT(due({.limit = 2}), ElementsAre(60min, 90min, 0min));
  EXPECT_THAT(due({.limit = 3}), ElementsAre(60min, 90min, 120min));
  EXPECT_THAT(due({.endpoint = "nobody"}), IsEmpty());
}

TEST_F(TimerTools, ListTheSoonestOfAllShards) {
  begin();
  const TimerRow tea = row("tea");
  const TimerRow nap = row("nap");
  store_faults_->lists_timers = [&](const std::string& continuation) {
    return continuation.empty() ? TimerPage{{nap}, "more"} : TimerPage{{tea}, ""};
  };
  TimerQuery query;
  query.limit = 1;
  const TimerList found = sync_wait(list_timers(store(), query));
  ASSERT_THAT(found.rows, SizeIs(1));
  EXPECT_EQ(found.rows[0].key, tea.key);
  EXPECT_TRUE(found.more);
}

TEST_F(TimerTools, ListManyPages) {
  on_open_ = [](Door&, SagaContext&) {};
  Bus& bus = begin();
  for (int i = 0; i < 1200; ++i) await(bus.schedule(Bell{"d", "x"}, std::chrono::seconds(1 + i)));
  EXPECT_THAT(sync_wait(list_timers(store(), TimerQuery{.limit = 2000})).rows, SizeIs(1200));
  EXPECT_THAT(sync_wait(list_timers(store(), TimerQuery{.limit = 700})).rows, SizeIs(700));
}

TEST_F(TimerTools, FindByKeyAndById) {
  Bus& bus = begin();
  const auto found = [&](std::string text) {
    std::vector<TimerKey> out;
    for (const TimerRow& row : sync_wait(find_timers(store(), std::move(text))))
      out.push_back(row.key);
    return out;
  };
  const TimerKey tea = row("tea").key;
  EXPECT_THAT(found(to_text(tea)), ElementsAre(tea));
  EXPECT_THAT(found(tea.id), ElementsAre(tea));
  EXPECT_THAT(found("nobody"), IsEmpty());
  EXPECT_THAT(found(to_text({tea.due + 1ms, tea.id})), IsEmpty());
  // A nearer row of the same timeout.
  act(bus, "sooner", [](Door&, SagaContext& ctx) { ctx.set_timeout("tea", 10min); });
  run_now();
  const TimerKey sooner{begin_ + 10min, tea.id};
  EXPECT_THAT(found(tea.id), ElementsAre(sooner, tea));
  EXPECT_THAT(found(to_text(tea)), ElementsAre(tea));
}

TEST_F(TimerTools, ShowWhatTheInstanceSays) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  const TimerRow tea = row("tea");
  EXPECT_EQ(examine(row("ding")), TimerFinding{});
  EXPECT_EQ(examine(tea), (TimerFinding{TimerState::current, door().bookkeeping.timers[0]}));
  write([](Instance& i) { i.bookkeeping.timers[0].due -= 1ms; });
  EXPECT_EQ(examine(tea).state, TimerState::current);
  write([](Instance& i) { i.bookkeeping.timers[0].due += 2ms; });
  EXPECT_EQ(examine(tea), (TimerFinding{TimerState::moved, door().bookkeeping.timers[0]}));
  const Instance now = door();
  write([](Instance& i) { i.completed = true; });
  EXPECT_EQ(examine(tea), (TimerFinding{TimerState::stale, {}}));
  write([](Instance& i) {
    i.completed = false;
    i.bookkeeping.timers[0].token = "another";
  });
  EXPECT_EQ(examine(tea).state, TimerState::stale);
  sync_wait(store_.erase("Doors", now.saga_id));
  EXPECT_EQ(examine(tea).state, TimerState::stale);
}

TEST_F(TimerTools, RefuseAStoreThatKeepsNone) {
  begin();
  const TimerRow tea = row("tea");
  store_faults_->hides_timers = true;
  EXPECT_THROW(sync_wait(list_timers(store(), TimerQuery{})), Unsupported);
  EXPECT_THROW(sync_wait(find_timers(store(), "x")), Unsupported);
  EXPECT_THROW(examine(tea), Unsupported);
  EXPECT_THROW(cancel(tea), Unsupported);
  EXPECT_THROW(move(tea, begin_), Unsupported);
}

// Cancelling.

TEST_F(TimerTools, ACancelledTimeoutDoesNotCome) {
  Bus& bus = begin();
  const Instance before = door();
  EXPECT_EQ(cancel(row("tea")), TimerOutcome::done);
  Instance expected = before;
  expected.version += 1;
  expected.bookkeeping.timers.erase(expected.bookkeeping.timers.begin());
  EXPECT_EQ(door(), expected);  // inbox, outbox, birth and state are as they were
  ASSERT_THAT(rows(), SizeIs(1));
  // The bus remembers the instance as it wrote it, and must not bring the timeout back.
  act(bus, "count", [](Door& s, SagaContext& ctx) {
    s.heard.push_back(ctx.timeout_remaining("tea") ? "tea is set" : "no tea");
  });
  run();
  EXPECT_THAT(heard(), ElementsAre("no tea", "nap@120"));
  EXPECT_THAT(rows(), IsEmpty());
}

TEST_F(TimerTools, ATimeoutOnItsWayIsStoppedByACancellation) {
  begin();
  const TimerRow tea = row("tea");
  bool cancelled = false;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (cancelled || clock_->now() < begin_ + 1h || request.next->bookkeeping.timers.size() != 1) {
      return;
    }
    cancelled = true;
    EXPECT_EQ(cancel(tea), TimerOutcome::done);
  };
  run();
  EXPECT_TRUE(cancelled);
  EXPECT_GE(runs_, 2);  // its handler ran, and was not committed
  EXPECT_THAT(heard(), ElementsAre("nap@120"));
}

TEST_F(TimerTools, BothRowsOfAMovedTimeoutGoWithIt) {
  Bus& bus = begin();
  const TimerRow old = row("tea");
  act(bus, "sooner", [](Door&, SagaContext& ctx) { ctx.set_timeout("tea", 10min); });
  run_now();
  ASSERT_THAT(rows(), SizeIs(3));
  EXPECT_EQ(cancel(old), TimerOutcome::done);
  EXPECT_THAT(keys(), ElementsAre(to_text(row("nap").key)));
}

TEST_F(TimerTools, AStaleRowIsErasedAndNothingElse) {
  begin();
  const TimerRow tea = row("tea");
  write([](Instance& i) { i.bookkeeping.timers.erase(i.bookkeeping.timers.begin()); });
  const Instance before = door();
  EXPECT_EQ(move(tea, begin_ + 5h).outcome, TimerOutcome::stale);
  EXPECT_THAT(rows(), SizeIs(2));
  EXPECT_EQ(cancel(tea), TimerOutcome::stale);
  EXPECT_THAT(keys(), ElementsAre(to_text(row("nap").key)));
  EXPECT_EQ(door(), before);
}

TEST_F(TimerTools, ACancelledMessageDoesNotCome) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  const TimerRow ding = row("ding");
  EXPECT_EQ(cancel(ding), TimerOutcome::done);
  EXPECT_EQ(cancel(ding), TimerOutcome::gone);
  run();
  EXPECT_THAT(heard(), ElementsAre("tea@60", "nap@120"));
}

// Moving.

TEST_F(TimerTools, AMovedTimeoutComesAtTheNewTimeAlone) {
  Bus& bus = begin();
  pass(10min);
  const Instance before = door();
  const TimerMove later = move(row("tea"), begin_ + 5h);
  EXPECT_EQ(later.outcome, TimerOutcome::done);
  EXPECT_EQ(later.key, row("tea").key);
  EXPECT_EQ(later.key.due, begin_ + 5h);
  Instance expected = before;
  expected.version += 1;
  expected.bookkeeping.timers[0].due = begin_ + 5h;
  expected.bookkeeping.timers[0].set_at = begin_ + 10min;
  EXPECT_EQ(door(), expected);
  move(row("nap"), begin_ + 30min);
  EXPECT_THAT(rows(), SizeIs(2));
  act(bus, "any", [](Door& s, SagaContext&) { s.heard.emplace_back("any step"); });
  run();
  EXPECT_THAT(heard(), ElementsAre("any step", "nap@30", "tea@300"));
  EXPECT_EQ(last_.timeoutSetAt, begin_ + 10min);
  EXPECT_EQ(last_.timeoutMs, std::chrono::milliseconds(290min).count());
}

TEST_F(TimerTools, ATimeoutThatIsMovedWhileItIsOnItsWayComesLater) {
  begin();
  const TimerRow tea = row("tea");
  bool moved = false;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (moved || clock_->now() < begin_ + 1h || request.next->bookkeeping.timers.size() != 1) {
      return;
    }
    moved = true;
    move(tea, begin_ + 7h);
  };
  run();
  EXPECT_GE(runs_, 3);
  EXPECT_THAT(heard(), ElementsAre("nap@120", "tea@420"));
}

TEST_F(TimerTools, ATimeoutIsMovedToNowWhereTheTimeHasPassed) {
  begin();
  pass(10min);
  EXPECT_EQ(move(row("tea"), begin_).key.due, begin_ + 10min);
  run_now();
  EXPECT_THAT(heard(), ElementsAre("tea@10"));
  EXPECT_EQ(last_.timeoutMs, 0);
}

TEST_F(TimerTools, ATimeoutMovedToItsOwnTimeKeepsItsRow) {
  begin();
  const TimerRow tea = row("tea");
  EXPECT_EQ(move(tea, tea.key.due).key, tea.key);
  EXPECT_THAT(rows(), SizeIs(2));
  run();
  EXPECT_THAT(heard(), ElementsAre("tea@60", "nap@120"));
}

// The step's row has the key of the one that is erased.
TEST_F(TimerTools, AStepThatMovesItBackMeanwhileWins) {
  Bus& bus = begin();
  const TimerRow tea = row("tea");
  bool back = false;
  store_faults_->before_erase_timers = [&] {
    if (std::exchange(back, true)) return;
    act(bus, "back", [&](Door&, SagaContext& ctx) { ctx.set_timeout("tea", begin_ + 1h); });
    run_now();
  };
  move(tea, begin_ + 5h);
  ASSERT_TRUE(back);
  EXPECT_EQ(door().bookkeeping.timers[0].due, begin_ + 1h);
  run();
  EXPECT_THAT(heard(), ElementsAre("tea@60", "nap@120"));
}

TEST_F(TimerTools, AMovedMessageComesAtTheNewTimeAlone) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  await(bus.schedule(Bell{"d", "dong"}, 3h));
  const TimerRow ding = row("ding");
  const TimerMove moved = move(ding, begin_ + 30min);
  EXPECT_EQ(moved.outcome, TimerOutcome::done);
  EXPECT_EQ(to_text(moved.key), key(begin_ + 30min, ding.key.id));
  EXPECT_EQ(row("ding").envelope->id, ding.envelope->id);
  EXPECT_EQ(move(row("dong"), begin_ + 3h).outcome, TimerOutcome::done);
  EXPECT_THAT(rows(), SizeIs(4));
  run();
  EXPECT_THAT(heard(), ElementsAre("ding@30", "tea@60", "nap@120", "dong@180"));
}

TEST_F(TimerTools, AMessageWhoseRowHasGoneIsToldSo) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  const TimerRow ding = row("ding");
  cancel(ding);
  EXPECT_EQ(move(ding, begin_ + 4h).outcome, TimerOutcome::gone);
  run();
  EXPECT_THAT(heard(), ElementsAre("tea@60", "nap@120", "ding@240"));
}

TEST_F(TimerTools, RefuseTimesThatHaveNoText) {
  begin();
  EXPECT_THROW(move(row("tea"), kLatestText + 1ms), ValidationError);
  EXPECT_THROW(move(row("tea"), kEarliestText - 1ms), ValidationError);
}

// What goes wrong.

TEST_F(TimerTools, NothingIsLostWhereARowCannotBePut) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  store_faults_->before_put_timers = [](const auto&) { throw TransientError("no answer"); };
  EXPECT_THROW(move(row("ding"), begin_ + 30min), TransientError);
  EXPECT_THROW(move(row("tea"), begin_ + 30min), TransientError);
  EXPECT_THAT(rows(), SizeIs(3));
  store_faults_->before_put_timers = [](const auto&) {};
  run();
  EXPECT_THAT(heard(), ElementsAre("tea@60", "nap@120", "ding@180"));
}

TEST_F(TimerTools, RepeatingAMoveThatFailedHalfwayMakesItWhole) {
  Bus& bus = begin();
  await(bus.schedule(Bell{"d", "ding"}, 3h));
  const TimerRow ding = row("ding");
  const TimerRow tea = row("tea");
  store_faults_->before_erase_timers = [] { throw TransientError("no answer"); };
  EXPECT_THROW(move(ding, begin_ + 30min), TransientError);
  EXPECT_THROW(move(tea, begin_ + 40min), TransientError);
  EXPECT_THAT(rows(), SizeIs(5));
  store_faults_->before_erase_timers = [] {};
  move(ding, begin_ + 30min);
  move(tea, begin_ + 40min);
  EXPECT_THAT(rows(), SizeIs(3));
  run();
  EXPECT_THAT(heard(), ElementsAre("ding@30", "tea@40", "nap@120"));
}

TEST_F(TimerTools, LookAgainAfterALostRace) {
  begin();
  int rivals = 0;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (rivals++ > 0) return;
    write([](Instance& i) { i.state = to_value(Door{"d", {"rival"}}); });
  };
  const std::uint64_t version = door().version;
  cancel(row("tea"));
  EXPECT_EQ(door().version, version + 2);
  rivals = 0;
  move(row("nap"), begin_ + 3h);
  EXPECT_EQ(door().version, version + 4);
  run();
  EXPECT_THAT(heard(), ElementsAre("rival", "nap@180"));
}

TEST_F(TimerTools, ARivalThatClearsTheTimeoutWins) {
  begin();
  int rivals = 0;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (rivals++ > 0) return;
    write([](Instance& i) { i.bookkeeping.timers.clear(); });
  };
  EXPECT_EQ(move(row("tea"), begin_ + 3h).outcome, TimerOutcome::stale);
  EXPECT_THAT(door().bookkeeping.timers, IsEmpty());
  run();
  EXPECT_THAT(heard(), IsEmpty());
}

TEST_F(TimerTools, GiveUpWhereTheyAlwaysLose) {
  await(begin().stop());
  int commits = 0;
  store_faults_->before_commit = [&](const CommitRequest&) {
    ++commits;
    write([](Instance&) {});
  };
  EXPECT_THROW(cancel(row("tea")), TransientError);
  EXPECT_EQ(commits, 64);
  EXPECT_THROW(move(row("tea"), begin_ + 3h), TransientError);
  EXPECT_THAT(rows(), SizeIs(2));
  EXPECT_THAT(door().bookkeeping.timers, SizeIs(2));
  store_faults_->before_commit = [](const CommitRequest&) {};
}

}  // namespace
