#include "bus_fixture.hpp"
#include "sagabus/sync_wait.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Closed;
using fixture::Paid;
using fixture::PaymentRequested;
using fixture::State;
using fixture::Status;
using fixture::Submitted;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(BusTest, RunsASagaToItsEnd) {
  std::vector<std::string> taps;
  Bus& bus = start(options({fixture::orders().build()}, {tap(taps)}));
  EXPECT_TRUE(bus.is_running());
  await(bus.publish(Submitted{"o", 9.5}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(taps, SizeIs(1));
  await(bus.publish(Paid{"o", "t"}));
  await(bus.publish(Closed{"o"}));
  run();
  const Instance end = find("o").value();
  EXPECT_TRUE(end.completed);
  EXPECT_EQ(end.version, 3U);
  EXPECT_EQ(state("o").status, Status::closed);
  EXPECT_THAT(end.bookkeeping.outbox, IsEmpty());  // settled, so it left with a later step
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

TEST_F(BusTest, ChecksItsOptions) {
  const auto refusal = [](BusOptions bad) -> std::string {
    try {
      Bus bus(std::move(bad));
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "accepted";
  };
  const auto good = [&] { return options({fixture::orders().build()}); };
  BusOptions bad = good();
  bad.transport = {};
  EXPECT_THAT(refusal(bad), HasSubstr("transport: missing"));
  bad = good();
  bad.store = {};
  EXPECT_THAT(refusal(bad), HasSubstr("store: missing, and saga Orders has none"));
  bad = good();
  bad.sagas = {fixture::orders().build(), fixture::orders().build()};
  EXPECT_THAT(refusal(bad), HasSubstr("two bear the name Orders"));
  bad = good();
  bad.concurrency = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("concurrency: 0"));
  bad = good();
  bad.retry.max_attempts = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("retry.max_attempts"));
  bad = good();
  bad.services = {service("Orders").on<Closed>([](const Closed&) {})};
  EXPECT_THAT(refusal(bad), HasSubstr("the endpoint Orders is taken"));
  bad = good();
  bad.concurrency = 10'001;
  EXPECT_THAT(refusal(bad), HasSubstr("concurrency: 10001, expected at most 10000"));
  bad = good();
  bad.sagas = {fixture::orders().build().with({.concurrency = 4'000'000'000})};
  EXPECT_THAT(refusal(bad), HasSubstr("Orders: concurrency: 4000000000"));
  bad = good();
  bad.sagas = {fixture::orders().build().with({.store = SagaStore()})};
  EXPECT_THAT(refusal(bad), HasSubstr("store: missing"));
  bad = good();
  bad.dead_letter_endpoint = [](const std::string&) { return std::string(); };
  EXPECT_THAT(refusal(bad), HasSubstr("dead_letter_endpoint: it gives no name for Orders"));
  bad = good();
  bad.middleware = {Middleware()};
  EXPECT_THAT(refusal(bad), HasSubstr("middleware: one is empty"));
  bad = good();
  bad.shutdown_timeout = std::chrono::milliseconds::max();
  EXPECT_THAT(refusal(bad), HasSubstr("shutdown_timeout"));
  bad = good();
  bad.inbox_window = std::chrono::milliseconds::max();
  EXPECT_THAT(refusal(bad), HasSubstr("inbox_window"));
  bad = good();
  bad.inbox_bytes = 255;
  EXPECT_EQ(refusal(bad), "inbox_bytes: 255, expected 256 to 32768");
  bad.inbox_bytes = 32769;
  EXPECT_EQ(refusal(bad), "inbox_bytes: 32769, expected 256 to 32768");
  for (const std::size_t allowed : {256, 32768}) {
    bad.inbox_bytes = allowed;
    EXPECT_EQ(refusal(bad), "accepted");
  }
  EXPECT_THROW(ErrorHandler(std::function<ErrorDecision(const FailedStep&)>()),
               std::invalid_argument);
  bad = good();
  bad.services = {service("idle")};
  EXPECT_THAT(refusal(bad), HasSubstr("idle handles nothing"));
  EXPECT_EQ(refusal(good()), "accepted");
}

TEST_F(BusTest, IsStartedOnceAndPublishesOnlyThen) {
  Bus bus(options({fixture::orders().build()}));
  EXPECT_FALSE(bus.is_running());
  EXPECT_THROW(await(bus.publish(Submitted{"o", 1})), std::logic_error);
  await(bus.start());
  EXPECT_THROW(await(bus.start()), std::logic_error);
  await(bus.stop());
  await(bus.stop());
  EXPECT_FALSE(bus.is_running());
  EXPECT_THROW(await(bus.start()), std::logic_error);
}

TEST_F(BusTest, MessagesOfOneInstanceRunOneAfterTheOtherInTheirOrder) {
  std::vector<std::string> order;
  int at_once = 0;
  int most = 0;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid& m, State& s, SagaContext&) -> boost::asio::awaitable<void> {
            most = std::max(most, ++at_once);
            co_await clock_->sleep_for(10ms);
            order.push_back(m.transactionId);
            ++s.steps;
            --at_once;
          })
          .build();
  Bus& bus = start(options({saga}));
  for (int i = 0; i < 20; ++i) await(bus.publish(Paid{"o", std::to_string(i)}));
  run();
  EXPECT_EQ(most, 1);
  ASSERT_THAT(order, SizeIs(20));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_EQ(find("o")->version, 20U);
}

TEST_F(BusTest, DifferentInstancesRunAtOnceUpToTheConcurrency) {
  int at_once = 0;
  int most = 0;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State& s, SagaContext&) -> boost::asio::awaitable<void> {
            most = std::max(most, ++at_once);
            co_await clock_->sleep_for(10ms);
            ++s.steps;
            --at_once;
          })
          .build();
  Bus& bus = start(options({saga.with({.concurrency = 7})}));
  for (int i = 0; i < 50; ++i) await(bus.publish(Paid{std::to_string(i), "t"}));
  run();
  EXPECT_EQ(most, 7);
  EXPECT_EQ(await(store_.count_by_name("Orders")), 50U);
}

TEST_F(BusTest, AConflictIsPlannedAgainAndPublishesOnce) {
  std::vector<std::string> taps;
  const auto saga = fixture::orders().build();
  start(options({saga}, {tap(taps)}));
  int runs = 0;
  const auto racing = sagabus::saga<State>("Race")
                          .correlate<Submitted>(&Submitted::orderId, can_start)
                          .initial([] { return State{}; })
                          .on<Submitted>()
                          .handle([&](const Submitted& m, State& s, SagaContext& ctx) {
                            ++runs;
                            ++s.steps;
                            ctx.publish(PaymentRequested{m.orderId, 1.0 * s.steps});
                          })
                          .build();
  // Another worker is faster, three times.
  int rivals = 3;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (request.next->saga_name != "Race" || rivals-- <= 0) return;
    Instance rival = *request.next;
    rival.bookkeeping.inbox = {{"rival" + std::to_string(rivals), clock_->now()}};
    rival.bookkeeping.outbox.clear();
    CommitRequest first{std::make_shared<const Instance>(rival), request.expected};
    ASSERT_TRUE(sync_wait(store_.backend()->commit(std::move(first))).committed);
  };
  Bus& bus = start(options({racing}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(runs, 4);
  EXPECT_THAT(taps, SizeIs(2));  // one of each saga
  EXPECT_EQ(find("o", "Race")->version, 4U);
  EXPECT_EQ(from_value<State>(find("o", "Race")->state).steps, 4);
}

TEST_F(BusTest, AStepThatLosesEveryRaceIsTriedAgainLater) {
  constexpr int kRivals = 16;  // as many as a step bears
  int rivals = kRivals;
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (!request.expected || rivals == 0) return;
    --rivals;
    const Instance there = sync_wait(store_.get_by_correlation_id("Orders", "o")).value();
    sync_wait(store_.update(there, there.version));
  };
  std::vector<StepOutcome> outcomes;
  auto chosen = options({fixture::orders().build()});
  chosen.middleware = {[&](StepView& view, Next next) -> boost::asio::awaitable<void> {
    co_await next();
    outcomes.push_back(view.outcome);
  }};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_THAT(outcomes,
              ElementsAre(StepOutcome::committed, StepOutcome::outrun, StepOutcome::committed));
  EXPECT_EQ(find("o")->version, 2U + kRivals);
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
}

TEST_F(BusTest, ACommitWhoseAnswerWasLostTakesEffectOnce) {
  std::vector<std::string> taps;
  int lost = 1;
  store_faults_->after_commit = [&](const CommitRequest&, const CommitResult&) {
    if (lost-- > 0) throw TransientError("the answer was lost");
  };
  Bus& bus = start(options({fixture::orders().build()}, {tap(taps)}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  EXPECT_THAT(find("o")->bookkeeping.outbox, IsEmpty());  // its entry was sent, then removed
}

TEST_F(BusTest, WhatCouldNotBeSentIsSentOnRedeliveryAndIsWhatWasCommitted) {
  std::vector<std::string> taps;
  int refused = 4;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    if (requests[0].envelope->type == "PaymentRequested" && refused-- > 0) {
      throw TransientError("the transport is away");
    }
  };
  Bus& bus = start(options({fixture::orders().build()}, {tap(taps)}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());  // it is not a failed message
}

TEST_F(BusTest, AnAcknowledgementThatFailsDoesNotDoubleTheStep) {
  std::vector<std::string> taps;
  int refused = 2;
  transport_faults_->before_acknowledge = [&](const Delivery& delivery) {
    if (delivery.envelope->type == message_name<Submitted>() && refused-- > 0)
      throw TransientError("away");
  };
  Bus& bus = start(options({fixture::orders().build()}, {tap(taps)}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

TEST_F(BusTest, SchedulesMessagesAndRefusesWhatTheTransportCannotDelay) {
  TimePoint paid_at{};
  const auto saga = sagabus::saga<State>("S")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .correlate<Paid>(&Paid::orderId)
                        .initial([] { return State{}; })
                        .on<Submitted>()
                        .handle([](const Submitted& m, State& s, SagaContext& ctx) {
                          ++s.steps;
                          ctx.schedule(Paid{m.orderId, "t"}, m.total * 1h > 1h ? 100h : 1h);
                        })
                        .on<Paid>()
                        .handle([&](const Paid&, State& s, SagaContext& ctx) {
                          ++s.steps;
                          paid_at = ctx.now();
                        })
                        .build();
  store_faults_->hides_timers = true;  // the transport's to hold
  transport_faults_->max_delay = 2h;
  Bus& bus = start(options({saga}));
  const TimePoint begin = clock_->now();
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Submitted{"too late", 2}));
  run();
  EXPECT_EQ(paid_at - begin, 1h);
  EXPECT_FALSE(find("too late", "S"));
  ASSERT_THAT(transport_.peek("S.dlq"), SizeIs(1));
  EXPECT_THAT(transport_.peek("S.dlq")[0]->headers.at("x-saga-error-type"),
              HasSubstr("Unsupported"));
}

TEST_F(BusTest, NothingIsWrittenWhereAHandlerChangesNothing) {
  int commits = 0;
  const auto saga = fixture::orders()
                        .correlate<PaymentRequested>(&PaymentRequested::orderId)
                        .on<PaymentRequested>()
                        .handle([](const PaymentRequested&, State&) {})
                        .build();
  Bus& bus = start(options({saga}));
  store_faults_->before_commit = [&](const CommitRequest&) { ++commits; };
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(find("o")->version, 1U);
}

TEST_F(BusTest, AnotherWorkerFinishesWhatOneLeftBetweenCommitAndDispatch) {
  std::vector<std::string> taps;
  bool dying = true;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    if (dying && requests[0].envelope->type == "PaymentRequested") throw TransientError("dying");
  };
  Bus& first = start(options({fixture::orders().build()}, {tap(taps)}));
  await(first.publish(Submitted{"o", 1}));
  run_now();
  await(first.stop());
  EXPECT_EQ(find("o")->version, 1U);
  ASSERT_THAT(find("o")->bookkeeping.outbox, SizeIs(1));
  dying = false;
  start(options({fixture::orders().build()}, {tap(taps)}));
  run();
  EXPECT_THAT(taps, SizeIs(1));
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(find("o")->bookkeeping.outbox, IsEmpty());
}

TEST_F(BusTest, CompletedInstancesIgnoreMessagesOrStartAfresh) {
  Bus& bus = start(options({fixture::orders("Ends").build(),
                            fixture::orders("Again").restart_when_completed().build()}));
  for (int life = 0; life < 2; ++life) {
    await(bus.publish(Submitted{"o", 1}));
    await(bus.publish(Closed{"o"}));
    run();
  }
  EXPECT_EQ(find("o", "Ends")->version, 2U);
  EXPECT_EQ(find("o", "Again")->version, 4U);
  EXPECT_EQ(from_value<State>(find("o", "Again")->state).steps, 2);
}

}  // namespace
