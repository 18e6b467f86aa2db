// Steps with writes of the user's own, on a store that refuses them when it is told to.
#include "bus_fixture.hpp"
#include "sagabus/watermark.hpp"

namespace {

using namespace sagabus;               // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using fixture::BusTest;
using fixture::Paid;
using fixture::PaymentRequested;
using fixture::State;
using fixture::Submitted;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class Note final : public StoreWrite {
 public:
  std::string describe() const override { return "a note"; }
};

class TransactTest : public BusTest {
 protected:
  TransactTest() {
    store_faults_->transaction = [this](const CommitRequest& request) { return answer(request); };
    store_faults_->before_load = [this](const InstanceKey&) { ++reads_; };
  }

  // Carries out what it does not refuse.
  std::optional<CommitResult> answer(const CommitRequest& request) {
    if (refusals_ == 0) {
      written_ += request.writes.size();
      return std::nullopt;
    }
    --refusals_;
    CommitResult result;
    result.refused.push_back({0, Value(Object{{"left", Value(refusals_)}})});
    result.may_still_land = may_still_land_;
    return result;
  }

  // Paid wants a note with it; told that it was refused, it does what `instead` says.
  SagaDefinition noted(std::function<void(SagaContext&)> instead) {
    return saga<State>("Orders")
        .correlate<Submitted>(&Submitted::orderId, can_start)
        .correlate<Paid>(&Paid::orderId)
        .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
        .on<Submitted>()
        .handle([](const Submitted&, State& s) { ++s.steps; })
        .on<Paid>()
        .handle([this, instead](const Paid& m, State& s, SagaContext& ctx) {
          ++runs_;
          ++s.steps;
          ctx.publish(PaymentRequested{m.orderId, 1});
          if (instead && !ctx.refused().empty()) return instead(ctx);
          ctx.transact(std::make_shared<Note>());
        })
        .build();
  }

  Watermark told_by(const std::string& worker) {
    return read_watermark(await(store_.backend()->load_watermark(worker)));
  }

  // Another worker's write.
  void change() {
    Instance rival = find("o").value();
    const std::uint64_t version = rival.version;
    await(store_.update(std::move(rival), version));
  }

  int refusals_ = 0;
  bool may_still_land_ = false;
  std::size_t written_ = 0;
  int runs_ = 0;
  int reads_ = 0;
};

TEST_F(TransactTest, AStoreThatDoesNotKnowAWriteIsUnsupported) {
  store_faults_->transaction = nullptr;
  Bus& bus = start(options({noted({})}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  const auto letters = transport_.peek("Orders.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0]->headers.find(headers::kErrorType)->second, "sagabus::Unsupported");
  EXPECT_EQ(letters[0]->headers.find(headers::kErrorMessage)->second,
            "saga Orders: its store, memory:, cannot commit with a step: a note");
  EXPECT_EQ(find("o")->version, 1U);
}

TEST_F(TransactTest, ATableThatIsForbiddenKeepsNoLaneForIt) {
  transport_faults_->may_hold = 1h;
  int returned = 0;
  transport_faults_->before_give_back = [&](const Delivery&, const GiveBack& how) {
    EXPECT_FALSE(how.failed);
    ++returned;
  };
  int refusals = 3;
  store_faults_->transaction = [&](const CommitRequest& request) -> std::optional<CommitResult> {
    if (!request.writes.empty() && refusals-- > 0) throw AccessDenied("not that table");
    return std::nullopt;
  };
  BusOptions one = options({noted({})});
  one.concurrency = 1;
  Bus& bus = start(std::move(one));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  await(bus.publish(Submitted{"p", 1}));
  run_now();
  EXPECT_EQ(returned, 1);
  EXPECT_TRUE(find("p"));
  run();
  EXPECT_EQ(returned, 3);
  EXPECT_EQ(state("o").steps, 2);
}

TEST_F(TransactTest, NoWriteIsNoSagasWrite) {
  store_faults_->transaction = nullptr;
  std::string problem;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .initial([](const Submitted&) { return State{}; })
                        .on<Submitted>()
                        .handle([&](const Submitted&, State&, SagaContext& ctx) {
                          try {
                            ctx.transact(nullptr);
                          } catch (const std::invalid_argument& e) {
                            problem = e.what();
                          }
                        })
                        .build();
  await(start(options({saga})).publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(problem, "transact: the write is null");
}

// It changes nothing, sends nothing, and is committed all the same.
TEST_F(TransactTest, AWriteAloneIsSomethingToCommit) {
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .initial([](const Submitted&) { return State{}; })
                        .on<Submitted>()
                        .handle([&](const Submitted&, State&, SagaContext& ctx) {
                          ctx.transact(std::make_shared<Note>());
                        })
                        .build();
  Bus& bus = start(options({saga}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(find("o")->version, 2U);
  EXPECT_EQ(written_, 2U);
}

TEST_F(TransactTest, AHandlerThatAsksDoesSomethingElse) {
  std::vector<std::string> requested;
  std::vector<Value> found;
  Bus& bus = start(
      options({noted([&](SagaContext& ctx) { found.push_back(ctx.refused().front().found); })},
              {tap(requested)}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  reads_ = 0;
  refusals_ = 1;
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_THAT(found, ElementsAre(Value(Object{{"left", Value(0)}})));
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(reads_, 1);  // what it does now, it does on what is there
  EXPECT_EQ(written_, 0U);
  EXPECT_THAT(requested, SizeIs(1));
  EXPECT_EQ(state("o").steps, 2);
}

// It may want another write, and be refused again; but not for ever.
TEST_F(TransactTest, AHandlerThatAlwaysWantsAnotherFailsInTheEnd) {
  Bus& bus =
      start(options({noted([](SagaContext& ctx) { ctx.transact(std::make_shared<Note>()); })}));
  await(bus.publish(Submitted{"o", 1}));
  refusals_ = 3;
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(runs_, 4);
  EXPECT_EQ(written_, 1U);
  EXPECT_EQ(state("o").steps, 2);

  refusals_ = 1000;
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(runs_, 4 + 3 * 16);  // three attempts
  const auto letters = transport_.peek("Orders.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0]->headers.find(headers::kErrorType)->second, "sagabus::WriteRefused");
  EXPECT_THAT(letters[0]->headers.find(headers::kErrorMessage)->second, HasSubstr("a note"));
  EXPECT_EQ(state("o").steps, 2);
}

// Its number is free: the others' entries must not wait for it.
TEST_F(TransactTest, AFailedStepLeavesNoNumberBehind) {
  Bus& bus = start(options({noted({})}));
  await(bus.publish(Submitted{"o", 1}));
  refusals_ = 3;
  await(bus.publish(Paid{"o", "refused"}));
  run();
  ASSERT_THAT(transport_.peek("Orders.dlq"), SizeIs(1));
  await(bus.publish(Paid{"o", "t"}));
  run();
  const std::string worker = find("o")->bookkeeping.outbox.at(0).worker;
  await(bus.stop());
  EXPECT_THAT(told_by(worker).open, IsEmpty());
  EXPECT_EQ(runs_, 3 + 1);
}

// What was refused of another version is no news: the step is planned as at first.
TEST_F(TransactTest, ARefusalIsOfOneVersion) {
  int told = 0;
  Bus& bus = start(options({noted([&](SagaContext&) { ++told; })}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  refusals_ = 1;
  const auto refuse = store_faults_->transaction;
  store_faults_->transaction = [&, refuse](const CommitRequest& request) {
    auto answer = refuse(request);
    if (answer) change();  // before the read that follows
    return answer;
  };
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(told, 0);
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(written_, 1U);
  EXPECT_EQ(find("o")->version, 3U);
}

// Were it settled and landed later, nobody would send its messages. So it is not over: its message
// comes again, and may then find itself in the inbox.
TEST_F(TransactTest, AStepThatMayStillLandComesAgain) {
  may_still_land_ = true;
  Bus& bus = start(options({noted({})}));
  await(bus.publish(Submitted{"o", 1}));
  refusals_ = 1;
  await(bus.publish(Paid{"o", "t"}));
  run_now();
  EXPECT_EQ(runs_, 1);
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  run();
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(state("o").steps, 2);
  const std::string worker = find("o")->bookkeeping.outbox.at(0).worker;
  await(bus.stop());
  EXPECT_THAT(told_by(worker).open, IsEmpty());
}

// The instance is written in its place, so that it finds another version if it comes.
TEST_F(TransactTest, AStepThatMayStillLandCannotOnceItsHandlerWantsNothingMore) {
  may_still_land_ = true;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .correlate<Paid>(&Paid::orderId)
                        .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
                        .on<Submitted>()
                        .handle([](const Submitted&, State& s) { ++s.steps; })
                        .on<Paid>()
                        .handle([this](const Paid& m, State&, SagaContext& ctx) {
                          ++runs_;
                          if (!ctx.refused().empty()) return;
                          ctx.transact(std::make_shared<Note>());
                          ctx.publish(PaymentRequested{m.orderId, 1});
                        })
                        .build();
  std::vector<std::string> requested;
  std::string worker;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    for (const OutboxEntry& entry : request.next->bookkeeping.outbox) worker = entry.worker;
  };
  Bus& bus = start(options({saga}, {tap(requested)}));
  await(bus.publish(Submitted{"o", 1}));
  run_now();
  refusals_ = 1;
  await(bus.publish(Paid{"o", "t"}));
  run_now();
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(find("o")->version, 2U);
  EXPECT_THAT(transport_.peek("Orders"), IsEmpty());
  run();
  EXPECT_EQ(runs_, 2);
  EXPECT_EQ(written_, 0U);
  EXPECT_THAT(requested, IsEmpty());
  await(bus.stop());
  EXPECT_THAT(told_by(worker).open, IsEmpty());
}

// Once another writer came in between, the request that may land finds a version that is gone.
TEST_F(TransactTest, ALostRaceEndsTheDoubtThatARefusalLeft) {
  int races = 100;
  std::vector<std::string> requested;
  Bus& bus = start(options(
      {noted([](SagaContext& ctx) { ctx.transact(std::make_shared<Note>()); })}, {tap(requested)}));
  await(bus.publish(Submitted{"o", 1}));
  run_now();
  refusals_ = 1;
  may_still_land_ = true;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (!request.writes.empty() && refusals_ == 0 && races-- > 0) change();
  };
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_LT(races, 0);
  EXPECT_GT(runs_, 100);
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_THAT(requested, SizeIs(1));
  await(bus.stop());
  const std::string worker = find("o")->bookkeeping.outbox.at(0).worker;
  EXPECT_THAT(told_by(worker).open, IsEmpty());
}

// And then a step that comes to nothing is done with.
TEST_F(TransactTest, AfterALostRaceWhatARefusedStepComesToCounts) {
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .correlate<Paid>(&Paid::orderId)
                        .initial([](const Submitted& m) { return State{.orderId = m.orderId}; })
                        .on<Submitted>()
                        .handle([](const Submitted&, State& s) { ++s.steps; })
                        .on<Paid>()
                        .handle([this](const Paid& m, State&, SagaContext& ctx) {
                          (void)ctx.refused();
                          if (++runs_ == 3) return;
                          ctx.transact(std::make_shared<Note>());
                          ctx.publish(PaymentRequested{m.orderId, 1});
                        })
                        .build();
  Bus& bus = start(options({saga}));
  await(bus.publish(Submitted{"o", 1}));
  run_now();
  refusals_ = 1;
  may_still_land_ = true;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (!request.writes.empty() && refusals_ == 0) change();
  };
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(runs_, 3);  // it does not come again
}

}  // namespace
