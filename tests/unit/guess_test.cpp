// Steps that go by what the worker remembers, or by nothing, instead of a read.
#include "bus_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Closed;
using fixture::Paid;
using fixture::State;
using fixture::Status;
using fixture::Submitted;
using ::testing::AllOf;
using ::testing::Gt;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::SizeIs;

struct Step {
  std::string orderId;
  int number = 0;
};
SAGABUS_MESSAGE(Step, orderId, number)

class GuessTest : public BusTest {
 protected:
  GuessTest() {
    store_faults_->before_load = [this](const InstanceKey&) { ++reads_; };
    store_faults_->after_commit = [this](const CommitRequest&, const CommitResult& result) {
      ++(result.committed ? writes_ : lost_);
    };
  }
  void forget_counts() { reads_ = writes_ = lost_ = 0; }

  // What another worker does, behind this one's back.
  void change(const std::string& id, const std::function<void(State&)>& how) {
    Instance instance = find(id).value();
    auto state = from_value<State>(instance.state);
    how(state);
    instance.state = to_value(state);
    const std::uint64_t version = instance.version;
    await(store_.update(std::move(instance), version));
  }

  static constexpr int kMessages = 400;

  // How many writes are lost where another worker writes before each message.
  int lost_while_others_are_faster(Bus& bus) {
    await(bus.publish(Submitted{"o", 1}));
    run();
    forget_counts();
    for (int i = 0; i < kMessages; ++i) {
      change("o", [](State& s) { ++s.steps; });
      await(bus.publish(Submitted{"o", 1}));
      run();
    }
    EXPECT_EQ(writes_, kMessages);
    EXPECT_EQ(state("o").steps, 1 + 2 * kMessages);
    return lost_;
  }

  int reads_ = 0;
  int writes_ = 0;
  int lost_ = 0;
};

TEST_F(GuessTest, AStepOfTheWorkerThatWroteLastReadsNothing) {
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  await(bus.publish(Closed{"o"}));
  run();
  EXPECT_EQ(find("o")->version, 3U);
  EXPECT_EQ(reads_, 0);
  EXPECT_EQ(writes_, 3);
  EXPECT_EQ(lost_, 0);
}

TEST_F(GuessTest, AnotherWorkerReadsOnce) {
  Bus& first = start(options({fixture::orders().build()}));
  await(first.publish(Submitted{"o", 1}));
  run();
  await(first.stop());
  forget_counts();
  Bus& second = start(options({fixture::orders().build()}));
  await(second.publish(Paid{"o", "t"}));
  await(second.publish(Closed{"o"}));
  run();
  EXPECT_EQ(find("o")->version, 3U);
  EXPECT_EQ(reads_, 1);
  EXPECT_EQ(writes_, 2);
}

TEST_F(GuessTest, CanBeTurnedOff) {
  auto chosen = options({fixture::orders().build()});
  chosen.cached_instances = 0;
  chosen.speculative_starts = false;
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(reads_, 2);
  EXPECT_EQ(writes_, 2);
}

TEST_F(GuessTest, RemembersOnlySoMany) {
  auto chosen = options({fixture::orders().build()});
  chosen.cached_instances = 2;
  Bus& bus = start(std::move(chosen));
  for (const char* id : {"a", "b", "c"}) await(bus.publish(Submitted{id, 1}));
  run();
  for (const char* id : {"c", "b", "a"}) {
    await(bus.publish(Paid{id, "t"}));
    run();
  }
  EXPECT_EQ(reads_, 1);  // "a" had to go
}

TEST_F(GuessTest, AStartThatMeetsAnInstanceIsPlannedOnIt) {
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  await(bus.stop());
  forget_counts();
  Bus& second = start(options({fixture::orders().build()}));
  await(second.publish(Submitted{"o", 2}));
  run();
  EXPECT_EQ(find("o")->version, 2U);
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_EQ(lost_, 1);
  EXPECT_EQ(reads_, 0);  // the failed write brought what is there
}

TEST_F(GuessTest, AGuardThatDoesNotHoldIsAskedAgainOnWhatIsThere) {
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  change("o", [](State& s) { s.status = Status::pending; });
  await(bus.publish(Paid{"o", "t2"}));  // ignored by what the worker remembers
  run();
  EXPECT_EQ(state("o").steps, 3);
}

TEST_F(GuessTest, AnExceptionCountsOnlyOnWhatIsThere) {
  int runs = 0;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State& s) {
                          ++runs;
                          if (s.steps == 1) throw std::runtime_error("no second step");
                          ++s.steps;
                        })
                        .build();
  Bus& bus = start(options({saga}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  change("o", [](State& s) { s.steps = 7; });
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(state("o").steps, 8);
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  // Where the guess was right, the handler does not run twice for it.
  change("o", [](State& s) { s.steps = 1; });
  runs = 0;
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_THAT(transport_.peek("Orders.dlq"), SizeIs(1));
  EXPECT_EQ(runs, 4);  // three attempts, and one on the stale guess
}

TEST_F(GuessTest, HandlersThatWaitNeverRunOnAGuess) {
  std::vector<int> reads_before;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State& s) -> boost::asio::awaitable<void> {
                          reads_before.push_back(reads_);
                          ++s.steps;
                          co_return;
                        })
                        .build();
  Bus& bus = start(options({saga}));
  for (int i = 0; i < 3; ++i) {
    await(bus.publish(Paid{"o", "t"}));
    run();
  }
  EXPECT_THAT(reads_before, ::testing::ElementsAre(1, 2, 3));
  EXPECT_EQ(state("o").steps, 3);
}

// The same id, the same version, another life: only the birth tells.
TEST_F(GuessTest, ALaterLifeIsNotOverwritten) {
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  const std::string id = find("o")->saga_id;
  await(store_.erase("Orders", id));
  Instance other;
  other.saga_name = "Orders";
  other.correlation_id = "o";
  other.state = to_value(State{.orderId = "another life", .steps = 40});
  await(store_.insert(std::move(other)));
  ASSERT_EQ(find("o")->version, 1U);
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(state("o").orderId, "another life");
  EXPECT_EQ(state("o").steps, 41);
}

TEST_F(GuessTest, AnInstanceThatIsGoneIsNotWrittenAnew) {
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  await(store_.erase("Orders", find("o")->saga_id));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_FALSE(find("o"));
}

TEST_F(GuessTest, ARepeatOfTheLastStepIsKnownWithoutARead) {
  Bus& bus = start(options({fixture::orders().build()}));
  Envelope envelope;
  envelope.id = "m1";
  envelope.type = message_name<Submitted>();
  envelope.payload = to_value(Submitted{"o", 1});
  await(bus.publish(envelope));
  await(bus.publish(Paid{"o", "t"}));  // drops the entry of m1
  run();
  forget_counts();
  clock_->advance(1h);  // the transport no longer knows it
  await(bus.publish(envelope));
  run();
  EXPECT_EQ(find("o")->version, 2U);
  EXPECT_EQ(reads_ + writes_ + lost_, 0);
}

// Its messages have no guard, so that every stale guess ends in a write that fails.
TEST_F(GuessTest, GuessesThatMostlyFailStop) {
  Bus& bus = start(options({fixture::orders().build()}));
  EXPECT_THAT(lost_while_others_are_faster(bus), AllOf(Gt(0), Lt(kMessages / 10)));
}

// Nothing is remembered here: each message is taken for a start.
TEST_F(GuessTest, StartsThatMostlyMeetAnInstanceAreNoLongerGuessed) {
  auto chosen = options({fixture::orders().build()});
  chosen.cached_instances = 0;
  Bus& bus = start(std::move(chosen));
  EXPECT_THAT(lost_while_others_are_faster(bus), AllOf(Gt(0), Lt(kMessages / 10)));
}

// Each message is sent only once its predecessor is committed, and its handler only runs then: a
// worker that took a stale guess for the truth would ignore it, and the saga would stand still.
TEST_F(GuessTest, TwoWorkersLoseNothingThatComesInCausalOrder) {
  constexpr int kSagas = 5000;
  constexpr int kSteps = 4;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Step>(&Step::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Step>()
                        .when([](const Step& m, const State& s) { return m.number == s.steps; })
                        .handle([](const Step& m, State& s, SagaContext& ctx) {
                          if (++s.steps == kSteps) {
                            ctx.complete();
                          } else {
                            ctx.publish(Step{m.orderId, s.steps});
                          }
                        })
                        .build();
  auto chosen = options({saga});
  chosen.concurrency = 8;
  Bus& first = start(chosen);
  start(chosen);
  // Each commit takes a time of its own, so that messages change hands.
  const auto random = seeded_random(7);
  store_faults_->commit_takes = [&]() -> boost::asio::awaitable<void> {
    return clock_->sleep_for(std::chrono::milliseconds(1 + random->next() % 9));
  };
  for (int i = 0; i < kSagas; ++i) await(first.publish(Step{std::to_string(i), 0}));
  run();
  EXPECT_EQ(await(store_.count_by_name("Orders", true)), static_cast<std::uint64_t>(kSagas));
  EXPECT_EQ(writes_, kSagas * kSteps);
  EXPECT_GT(reads_, kSagas / 10);  // they did change hands
  EXPECT_LT(reads_ + writes_ + lost_, 8 * kSagas);
  RecordProperty("reads", reads_);
  RecordProperty("lost", lost_);
}

}  // namespace
