// Messages that wait for one instance, taken in with one write.
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <map>
#include <set>

#include "bus_fixture.hpp"
#include "sagabus/watermark.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Add {
  std::string id;
  int number = 0;
};
SAGABUS_MESSAGE(Add, id, number)

struct Added {
  std::string id;
  int number = 0;
};
SAGABUS_MESSAGE(Added, id, number)

struct Wait {
  std::string id;
};
SAGABUS_MESSAGE(Wait, id)

struct Finish {
  std::string id;
};
SAGABUS_MESSAGE(Finish, id)

struct Sum {
  std::vector<int> taken{};
  int waits = 0;
};
SAGABUS_DESCRIBE(Sum, taken, waits)

constexpr int kBad = -1;      // its handler throws
constexpr int kUnwanted = 0;  // its guard does not hold

auto sums() {
  return saga<Sum>("Sums")
      .correlate<Add>(&Add::id, can_start)
      .correlate<Wait>(&Wait::id)
      .correlate<Finish>(&Finish::id)
      .initial([](const Add&) { return Sum{}; })
      .on<Add>()
      .when([](const Add& m, const Sum&) { return m.number != kUnwanted; })
      .handle([](const Add& m, Sum& s, SagaContext& ctx) {
        if (m.number == kBad) throw std::runtime_error("bad");
        s.taken.push_back(m.number);
        ctx.publish(Added{m.id, m.number});
      })
      .on<Wait>()
      .handle([](const Wait&, Sum& s, SagaContext&) -> boost::asio::awaitable<void> {
        ++s.waits;
        co_return;
      })
      .on<Finish>()
      .handle([](const Finish&, Sum&, SagaContext& ctx) { ctx.complete(); });
}

class CoalesceTest : public BusTest {
 protected:
  CoalesceTest() {
    store_faults_->after_commit = [this](const CommitRequest&, const CommitResult& result) {
      ++(result.committed ? writes_ : lost_);
    };
  }

  BusOptions together(unsigned most, SagaDefinition saga = sums().build()) {
    BusOptions chosen = options({std::move(saga)}, {tally()});
    chosen.max_coalesced_steps = most;
    chosen.inbox_bytes = 1 << 15;
    return chosen;
  }
  Service tally() {
    return service("tally").on<Added>(
        [this](const Added& m, MessageContext&) { told_.push_back(m.number); });
  }

  template <class M>
  Envelope envelope(const M& message, std::string id = {}) {
    Envelope out;
    out.id = id.empty() ? new_uuid(*ambient_.random) : std::move(id);
    out.type = message_name<M>();
    out.payload = to_value(message);
    out.timestamp = clock_->now();
    return out;
  }
  // All at once, so that they are received together.
  void send(std::vector<Envelope> envelopes) {
    std::vector<SendRequest> requests;
    for (Envelope& one : envelopes) {
      SendRequest& request = requests.emplace_back();
      request.deduplication_key = std::to_string(++sent_);  // the transport must not know repeats
      request.envelope = std::make_shared<const Envelope>(std::move(one));
    }
    await(transport_.backend()->send(std::move(requests)));
  }
  void send_numbers(const std::vector<int>& numbers) {
    std::vector<Envelope> envelopes;
    for (const int number : numbers) envelopes.push_back(envelope(Add{"a", number}));
    send(std::move(envelopes));
  }
  // What the worker that wrote last says at its end.
  Watermark told_by(Bus& bus) {
    const std::string worker = instance()->bookkeeping.outbox.at(0).worker;
    await(bus.stop());
    return read_watermark(await(store_.backend()->load_watermark(worker)));
  }
  std::optional<Instance> instance() { return find("a", "Sums"); }
  std::vector<int> taken() { return from_value<Sum>(instance().value().state).taken; }

  int writes_ = 0;
  int lost_ = 0;
  int sent_ = 0;
  std::vector<int> told_;
};

TEST_F(CoalesceTest, IsOffByDefault) {
  start(options({sums().build()}, {tally()}));
  send_numbers({1, 2, 3});
  run();
  EXPECT_EQ(writes_, 3);
  EXPECT_EQ(instance()->version, 3U);
}

TEST_F(CoalesceTest, WhatWaitsIsTakenInWithOneWrite) {
  Bus& bus = start(together(8));
  send_numbers({1, 2, 3, 4, 5});
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(instance()->version, 1U);
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(instance()->bookkeeping.inbox, SizeIs(5));
  EXPECT_THAT(instance()->bookkeeping.outbox, SizeIs(5));
  EXPECT_THAT(transport_.peek("Sums"), IsEmpty());
  const Ledger ledger = bus.ledger();
  ASSERT_THAT(ledger, SizeIs(1));
  EXPECT_EQ(ledger[0].deliveries, 5U);
  EXPECT_EQ(ledger[0].commits, 5U);

  // All five are settled: their entries leave with the next write.
  send_numbers({6, 7});
  run();
  EXPECT_EQ(writes_, 2);
  EXPECT_EQ(instance()->version, 2U);
  EXPECT_THAT(instance()->bookkeeping.outbox, SizeIs(2));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_F(CoalesceTest, NoMoreThanAreAllowed) {
  start(together(3));
  send_numbers({1, 2, 3, 4, 5, 6, 7});
  run();
  EXPECT_EQ(writes_, 3);
  EXPECT_EQ(instance()->version, 3U);
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3, 4, 5, 6, 7));
}

TEST_F(CoalesceTest, ASagaMayHaveItsOwnNumber) {
  SagaOptions own;
  own.max_coalesced_steps = 1;
  start(together(8, sums().build().with(own)));
  send_numbers({1, 2, 3});
  run();
  EXPECT_EQ(writes_, 3);
  EXPECT_THROW(Bus(together(1001)), std::invalid_argument);
  EXPECT_THROW(Bus(together(0)), std::invalid_argument);
  own.max_coalesced_steps = 1001;
  EXPECT_THROW(Bus(together(1, sums().build().with(own))), std::invalid_argument);
}

TEST_F(CoalesceTest, OtherInstancesAreNotKept) {
  start(together(8));
  send(
      {envelope(Add{"a", 1}), envelope(Add{"b", 1}), envelope(Add{"a", 2}), envelope(Add{"b", 2})});
  run();
  EXPECT_EQ(writes_, 2);
  EXPECT_THAT(taken(), ElementsAre(1, 2));
  EXPECT_EQ(find("b", "Sums")->version, 1U);
}

// One that fails harms none of those before it, and those after it do not overtake it.
TEST_F(CoalesceTest, AStepThatFailsHasItsOwnTurn) {
  BusOptions chosen = together(8);
  chosen.retry.max_attempts = 1;
  start(std::move(chosen));
  send_numbers({1, 2, kBad, 3, 4});
  run();
  EXPECT_EQ(writes_, 2);
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(transport_.peek("Sums.dlq"), SizeIs(1));
}

TEST_F(CoalesceTest, WhatWritesNothingOrWaitsHasItsOwnTurn) {
  start(together(8));
  send({envelope(Add{"a", 1}), envelope(Add{"a", kUnwanted}), envelope(Add{"a", 2}),
        envelope(Wait{"a"}), envelope(Add{"a", 3})});
  run();
  EXPECT_EQ(writes_, 3);  // 1; 2; the waiting one, and 3 with it
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3));
  EXPECT_EQ(from_value<Sum>(instance()->state).waits, 1);
  EXPECT_THAT(transport_.peek("Sums"), IsEmpty());
}

TEST_F(CoalesceTest, ARepeatIsTakenInOnce) {
  start(together(8));
  send({envelope(Add{"a", 1}, "m1"), envelope(Add{"a", 2}, "m2"), envelope(Add{"a", 1}, "m1"),
        envelope(Add{"a", 3}, "m3"), envelope(Add{"a", 2}, "m2")});
  run();
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3));
}

TEST_F(CoalesceTest, NothingFollowsTheEnd) {
  start(together(8));
  send({envelope(Add{"a", 1}), envelope(Finish{"a"}), envelope(Add{"a", 2})});
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_TRUE(instance()->completed);
  EXPECT_THAT(taken(), ElementsAre(1));
}

TEST_F(CoalesceTest, ARestartMayFollowTheEndInOneWrite) {
  start(together(8, sums().restart_when_completed().build()));
  send({envelope(Add{"a", 1}), envelope(Finish{"a"}), envelope(Add{"a", 2})});
  run();
  EXPECT_EQ(writes_, 1);
  EXPECT_FALSE(instance()->completed);
  EXPECT_THAT(taken(), ElementsAre(2));
  EXPECT_THAT(told_, ElementsAre(1, 2));
}

TEST_F(CoalesceTest, ALostRaceIsPlannedAgainForAll) {
  Bus& bus = start(together(8));
  send_numbers({1});
  run();
  bool once = true;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (!std::exchange(once, false)) return;
    Instance rival = instance().value();
    auto sum = from_value<Sum>(rival.state);
    sum.taken.push_back(100);
    rival.state = to_value(sum);
    const std::uint64_t version = rival.version;
    await(store_.update(std::move(rival), version));
  };
  send_numbers({2, 3, 4});
  run();
  EXPECT_EQ(lost_, 1);
  EXPECT_EQ(writes_, 2);
  EXPECT_EQ(instance()->version, 3U);
  EXPECT_THAT(taken(), ElementsAre(1, 100, 2, 3, 4));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(told_by(bus).open, IsEmpty());  // also of the numbers that were drawn in vain
}

// Together they would not fit where each does alone.
TEST_F(CoalesceTest, WhatIsTooLargeTogetherIsCommittedApart) {
  store_faults_->before_commit = [](const CommitRequest& request) {
    if (request.next->bookkeeping.outbox.size() > 2) {
      throw StateTooLarge(request.next->saga_id, 3, 2, {});
    }
  };
  Bus& bus = start(together(8));
  send_numbers({1, 2, 3, 4, 5});
  run();
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3, 4, 5));
  EXPECT_THAT(transport_.peek("Sums.dlq"), IsEmpty());
  EXPECT_THAT(told_by(bus).open, IsEmpty());
}

// It was carried out; nobody heard of it.
TEST_F(CoalesceTest, AfterALostAnswerEachIsSentOnce) {
  bool once = true;
  store_faults_->after_commit = [&](const CommitRequest&, const CommitResult& result) {
    if (result.committed) ++writes_;
    if (std::exchange(once, false)) throw TransientError("the answer was lost");
  };
  Bus& bus = start(together(8));
  send_numbers({1, 2, 3});
  run();
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ::testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(transport_.peek("Sums"), IsEmpty());
  await(bus.stop());
}

// The worker dies after its commit, and another one finds what it has left.
TEST_F(CoalesceTest, AnotherWorkerSendsWhatWasLeftUnsent) {
  transport_faults_->before_send = [](const std::vector<SendRequest>&) {
    throw TransientError("down");
  };
  Bus& first = start(together(8));
  send_numbers({1, 2, 3});
  run_now();
  EXPECT_EQ(writes_, 1);
  EXPECT_THAT(told_, IsEmpty());
  await(first.stop());
  transport_faults_->before_send = [](const std::vector<SendRequest>&) {};
  start(together(8));
  run();
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ::testing::UnorderedElementsAre(1, 2, 3));
}

// An id that left the inbox with the write that brought it could not be told from a new one.
TEST_F(CoalesceTest, TheirIdsMustFitIntoTheInbox) {
  BusOptions chosen = together(100);
  chosen.inbox_bytes = 1024;
  start(std::move(chosen));
  std::vector<int> numbers(50);
  for (int i = 0; i < 50; ++i) numbers[i] = i + 1;
  send_numbers(numbers);
  run();
  EXPECT_EQ(taken(), numbers);
  EXPECT_EQ(told_, numbers);
  EXPECT_EQ(writes_, 3);  // 18, 18, 14
}

// An older entry that must stay takes room; what is of the same write stays all the same.
TEST_F(CoalesceTest, NoIdLeavesWithTheWriteThatBroughtIt) {
  transport_faults_->before_send = [](const std::vector<SendRequest>&) {
    throw TransientError("down");
  };
  BusOptions chosen = together(100);
  chosen.inbox_bytes = 400;  // seven ids
  start(std::move(chosen));
  send_numbers({1, 2, 3, 4, 5, 6, 7});
  run_now();
  send({envelope(Wait{"a"}, "w1"), envelope(Finish{"a"}, "f")});
  run_now();
  const std::vector<InboxEntry> inbox = instance()->bookkeeping.inbox;
  ASSERT_THAT(inbox, SizeIs(9));
  EXPECT_EQ(inbox.at(7).message_id, "w1");
  EXPECT_EQ(instance()->bookkeeping.horizon, TimePoint{});
}

// Middleware around each step, one inside the other.

TEST_F(CoalesceTest, MiddlewareOfAllIsAroundTheCommit) {
  std::vector<std::string> seen;
  BusOptions chosen = together(8);
  chosen.middleware = {[&](StepView& step, Next next) -> boost::asio::awaitable<void> {
    const std::string id = step.envelope->id;
    seen.push_back("> " + id);
    co_await next();
    seen.push_back("< " + id);
    EXPECT_EQ(step.outcome, StepOutcome::committed);
    EXPECT_EQ(step.envelope->id, id);
    EXPECT_EQ(step.resulting->version, 1U);
  }};
  start(std::move(chosen));
  send({envelope(Add{"a", 1}, "m1"), envelope(Add{"a", 2}, "m2"), envelope(Add{"a", 3}, "m3")});
  run();
  EXPECT_THAT(seen, ElementsAre("> m1", "> m2", "> m3", "< m3", "< m2", "< m1"));
  EXPECT_EQ(writes_, 1);
  EXPECT_THAT(told_, ElementsAre(1, 2, 3));
}

TEST_F(CoalesceTest, MiddlewareMaySkipOrFailOneOfThem) {
  std::map<std::string, std::vector<StepOutcome>> outcomes;
  BusOptions chosen = together(8);
  chosen.retry.max_attempts = 1;
  chosen.middleware = {[&](StepView& step, Next next) -> boost::asio::awaitable<void> {
    const std::string id = step.envelope->id;
    if (id == "skipped") co_return;
    if (id == "refused") throw std::runtime_error("not here");
    co_await next();
    outcomes[id].push_back(step.outcome);
    if (id == "late") throw std::runtime_error("after all");
  }};
  start(std::move(chosen));
  send({envelope(Add{"a", 1}, "m1"), envelope(Add{"a", 2}, "skipped"), envelope(Add{"a", 3}, "m3"),
        envelope(Add{"a", 4}, "refused"), envelope(Add{"a", 5}, "m5"),
        envelope(Add{"a", 6}, "late"), envelope(Add{"a", kBad}, "bad"),
        envelope(Add{"a", 7}, "m7")});
  run();
  EXPECT_THAT(taken(), ElementsAre(1, 3, 5, 6, 7));
  EXPECT_THAT(told_, ElementsAre(1, 3, 5, 6, 7));
  std::set<std::string> letters;
  for (const EnvelopePtr& letter : transport_.peek("Sums.dlq")) letters.insert(letter->id);
  EXPECT_THAT(letters, ElementsAre("bad", "late", "refused"));
  EXPECT_THAT(outcomes["m5"], ElementsAre(StepOutcome::committed));
  EXPECT_THAT(outcomes["bad"], ElementsAre(StepOutcome::postponed));  // then it threw
}

// What fails the commit fails it for all, also where the middleware of one hides it.
TEST_F(CoalesceTest, AnOutageIsEachStepsOutage) {
  int outages = 2;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (outages-- > 0) throw TransientError("down");
  };
  BusOptions chosen = together(8);
  chosen.middleware = {[](StepView&, Next next) -> boost::asio::awaitable<void> {
    try {
      co_await next();
    } catch (const std::exception&) {
    }
  }};
  start(std::move(chosen));
  send_numbers({1, 2, 3});
  run();
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ::testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(transport_.peek("Sums.dlq"), IsEmpty());
}

// Stopped while it commits: nothing is lost, and nothing is done twice.
TEST_F(CoalesceTest, ABusThatIsStoppedMeanwhileLosesNothing) {
  store_faults_->commit_takes = [this]() -> boost::asio::awaitable<void> {
    co_await clock_->sleep_for(1h);
  };
  BusOptions chosen = together(8);
  chosen.shutdown_timeout = 1ms;
  Bus& bus = start(std::move(chosen));
  send_numbers({1, 2, 3});
  run_now();
  await(bus.stop());
  EXPECT_EQ(writes_, 0);
  store_faults_->commit_takes = nullptr;
  start(together(8));
  run();
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ::testing::UnorderedElementsAre(1, 2, 3));
}

class Note final : public StoreWrite {
 public:
  std::string describe() const override { return "a note"; }
};

// Two of them might be for one item.
TEST_F(CoalesceTest, AStepWithWritesOfItsOwnIsCommittedByItself) {
  std::vector<std::size_t> writes;
  store_faults_->transaction = [](const CommitRequest&) { return std::nullopt; };
  store_faults_->before_commit = [&](const CommitRequest& request) {
    writes.push_back(request.writes.size());
  };
  const auto saga = sagabus::saga<Sum>("Sums")
                        .correlate<Add>(&Add::id, can_start)
                        .initial([](const Add&) { return Sum{}; })
                        .on<Add>()
                        .handle([](const Add& m, Sum& s, SagaContext& ctx) {
                          s.taken.push_back(m.number);
                          if (m.number >= 10) ctx.transact(std::make_shared<Note>());
                          ctx.publish(Added{m.id, m.number});
                        })
                        .build();
  Bus& bus = start(together(8, saga));
  send_numbers({1, 2, 10, 11, 3, 4});
  run();
  EXPECT_THAT(writes, ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(taken(), ElementsAre(1, 2, 10, 11, 3, 4));
  EXPECT_THAT(told_by(bus).open, IsEmpty());
}

// An outage is nobody's fault: the store must not be asked more often for it.
TEST_F(CoalesceTest, AThrottledBatchIsNotBrokenUp) {
  int asked = 0;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (++asked > 1) return;
    ServiceInfo service;
    service.not_applied = true;
    throw Throttled("slow down", service);
  };
  start(together(8));
  send_numbers({1, 2, 3});
  run_now();
  EXPECT_EQ(asked, 1);
  run();
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre(1, 2, 3));
}

// Each is settled by its own acknowledgement, where that of all fails.
TEST_F(CoalesceTest, OneThatCannotBeAcknowledgedIsOneAlone) {
  transport_faults_->before_acknowledge = [](const Delivery& delivery) {
    if (delivery.envelope->id == "m2") throw TransientError("down");
  };
  Bus& bus = start(together(8));
  send({envelope(Add{"a", 1}, "m1"), envelope(Add{"a", 2}, "m2"), envelope(Add{"a", 3}, "m3")});
  run_now();
  EXPECT_EQ(writes_, 1);
  EXPECT_EQ(transport_.pending("Sums"), 1U);
  transport_faults_->before_acknowledge = [](const Delivery&) {};
  run();  // its time runs out, and it is found in the inbox
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ElementsAre(1, 2, 3));
  EXPECT_EQ(transport_.pending("Sums"), 0U);
  send_numbers({4});
  run();
  EXPECT_THAT(told_by(bus).open, IsEmpty());
}

// The second one has joined, and its middleware does not wait for what comes after it.
TEST_F(CoalesceTest, AStepThatIsGivenUpIsNotCommittedByTheFirst) {
  using namespace boost::asio::experimental::awaitable_operators;  // NOLINT
  bool once = true;
  BusOptions chosen = together(8);
  chosen.middleware = {[&](StepView& step, Next next) -> boost::asio::awaitable<void> {
    if (step.envelope->id == "m2" && std::exchange(once, false)) {
      auto rest = next();
      auto late = clock_->sleep_for(1s);
      co_await (std::move(rest) || std::move(late));
    } else if (step.envelope->id == "m3") {
      auto slow = clock_->sleep_for(5s);
      co_await std::move(slow);
      co_await next();
    } else {
      co_await next();
    }
  }};
  Bus& bus = start(std::move(chosen));
  send({envelope(Add{"a", 1}, "m1"), envelope(Add{"a", 2}, "m2"), envelope(Add{"a", 3}, "m3")});
  run();
  EXPECT_THAT(taken(), ::testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(told_, ::testing::UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(told_by(bus).open, IsEmpty());
}

// One write that did not go through is one outage, and changes no order.
TEST_F(CoalesceTest, ABatchThatWasThrottledComesAgainTogether) {
  int outages = 1;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (outages-- <= 0) return;
    ServiceInfo service;
    service.not_applied = true;
    throw Throttled("slow down", service);
  };
  const TimePoint begin = clock_->now();
  BusOptions chosen = together(8);
  const auto first_wait = chosen.retry.base_delay;
  start(std::move(chosen));
  send_numbers({1, 2, 3, 4, 5, 6, 7, 8});
  run();
  EXPECT_THAT(taken(), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
  EXPECT_EQ(find("a", "Sums")->updated_at - begin, first_wait);
}

}  // namespace
