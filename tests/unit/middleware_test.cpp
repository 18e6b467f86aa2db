#include "bus_fixture.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Paid;
using fixture::State;
using fixture::Submitted;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(BusTest, MiddlewareWrapsTheStepOutermostFirst) {
  std::vector<std::string> trail;
  const auto layer = [&](std::string name) -> Middleware {
    return [&trail, name](StepView& view, Next next) -> boost::asio::awaitable<void> {
      trail.push_back(name + " before");
      view.metadata["from"] += name;
      auto rest = next();
      co_await std::move(rest);
      trail.push_back(name + " after " + std::to_string(view.loaded ? view.loaded->version : 0) +
                      ">" + std::to_string(view.resulting ? view.resulting->version : 0));
    };
  };
  std::string seen;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Submitted>()
                        .handle([&](const Submitted&, State& s, SagaContext& ctx) {
                          seen = ctx.metadata()["from"];
                          ++s.steps;
                        })
                        .build();
  auto chosen = options({saga});
  chosen.middleware = {layer("a"), layer("b")};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_THAT(trail, ElementsAre("a before", "b before", "b after 0>1", "a after 0>1"));
  EXPECT_EQ(seen, "ab");
  trail.clear();
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_THAT(trail, ElementsAre("a before", "b before", "b after 1>2", "a after 1>2"));
}

TEST_F(BusTest, MiddlewareMaySkipOrFailAStep) {
  auto chosen = options({fixture::orders().build()});
  chosen.middleware = {[](StepView& view, Next next) -> boost::asio::awaitable<void> {
    if (view.correlation_id == "skipped") co_return;
    if (view.correlation_id == "refused") throw ValidationError("not this one");
    auto rest = next();
    co_await std::move(rest);
  }};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"skipped", 1}));
  await(bus.publish(Submitted{"refused", 1}));
  await(bus.publish(Submitted{"taken", 1}));
  run();
  EXPECT_FALSE(find("skipped"));
  EXPECT_FALSE(find("refused"));
  EXPECT_TRUE(find("taken"));
  EXPECT_THAT(transport_.peek("Orders.dlq"), SizeIs(1));
}

TEST_F(BusTest, MiddlewareThatFailsAfterTheCommitDoublesNothing) {
  std::vector<std::string> taps;
  int failures = 1;
  auto chosen = options({fixture::orders().build()}, {tap(taps)});
  chosen.middleware = {[&](StepView&, Next next) -> boost::asio::awaitable<void> {
    auto rest = next();
    co_await std::move(rest);
    if (failures-- > 0) throw std::runtime_error("the metrics are away");
  }};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

// Catches all that comes from inside, as middleware that logs may.
const Middleware kCatchesAll = [](StepView&, Next next) -> boost::asio::awaitable<void> {
  try {
    auto rest = next();
    co_await std::move(rest);
  } catch (...) {  // NOLINT(bugprone-empty-catch): that is the case
  }
};

TEST_F(BusTest, MiddlewareCannotHideAFailure) {
  int runs = 0;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State&) {
                          ++runs;
                          throw std::runtime_error("no");
                        })
                        .build();
  auto chosen = options({saga});
  chosen.middleware = {kCatchesAll, kCatchesAll};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(runs, 3);
  EXPECT_THAT(transport_.peek("Orders.dlq"), SizeIs(1));
}

TEST_F(BusTest, MiddlewareCannotHideThatNothingWasSent) {
  std::vector<std::string> taps;
  int failures = 1;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    if (requests[0].envelope->type == "PaymentRequested" && failures-- > 0) {
      throw TransientError("away");
    }
  };
  auto chosen = options({fixture::orders().build()}, {tap(taps)});
  chosen.middleware = {kCatchesAll};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_EQ(state("o").steps, 1);
}

TEST_F(BusTest, MiddlewareCannotHideACancellation) {
  store_faults_->commit_takes = [&] { return clock_->sleep_for(24h); };
  auto chosen = options({fixture::orders().build()});
  chosen.middleware = {kCatchesAll};
  chosen.shutdown_timeout = 1s;
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run_now();
  await(bus.stop());
  EXPECT_THAT(transport_.peek("Orders"), SizeIs(1));
}

TEST_F(BusTest, AStepThatMiddlewareFailedAfterTheCommitIsSettledAllTheSame) {
  auto chosen = options({fixture::orders().build()});
  chosen.on_error = ErrorDecision::dead_letter;
  int failures = 1;
  chosen.middleware = {[&](StepView&, Next next) -> boost::asio::awaitable<void> {
    auto rest = next();
    co_await std::move(rest);
    if (failures-- > 0) throw std::runtime_error("the metrics are away");
  }};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_THAT(find("o")->bookkeeping.outbox, SizeIs(1));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_THAT(find("o")->bookkeeping.outbox, IsEmpty());
}

// Its answer was lost, and middleware says something else: what became of it is open all the same.
TEST_F(BusTest, AnErrorThatMiddlewareMadeDoesNotSettleTheDoubt) {
  auto chosen = options({fixture::orders().build()});
  chosen.middleware = {[](StepView&, Next next) -> boost::asio::awaitable<void> {
    bool failed = false;
    try {
      auto rest = next();
      co_await std::move(rest);
    } catch (const TransientError&) {
      failed = true;
    }
    if (failed) throw ValidationError("not now");
  }};
  bool lost = false;
  store_faults_->after_commit = [&](const CommitRequest&, const CommitResult&) {
    if (!std::exchange(lost, true)) throw TransientError("no answer");
  };
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  const auto letters = transport_.peek("Orders.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_EQ(letters[0]->headers.at("x-saga-uncertain"), "1");
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_THAT(find("o")->bookkeeping.outbox, SizeIs(1));  // what was never sent is still there
}

}  // namespace
