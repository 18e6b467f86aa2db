#include "bus_fixture.hpp"

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
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST_F(BusTest, OneFailingSagaNeitherRerunsNorDelaysAnother) {
  int good_runs = 0;
  int bad_runs = 0;
  TimePoint good_at{};
  using Handler = std::function<void(const Submitted&, State&, SagaContext&)>;
  const auto saga_named = [](const char* name, Handler handler) {
    return sagabus::saga<State>(name)
        .correlate<Submitted>(&Submitted::orderId, can_start)
        .initial([] { return State{}; })
        .on<Submitted>()
        .handle(handler)
        .build();
  };
  const auto good = saga_named("Good", [&](const Submitted&, State& s, SagaContext& ctx) {
    ++good_runs;
    good_at = ctx.now();
    s.steps = 1;
  });
  const auto bad = saga_named("Bad", [&](const Submitted&, State&, SagaContext&) {
    ++bad_runs;
    throw std::runtime_error("out of order");
  });
  Bus& bus = start(options({bad, good}));
  const TimePoint sent = clock_->now();
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(good_runs, 1);
  EXPECT_EQ(good_at, sent);
  EXPECT_EQ(bad_runs, 3);
  EXPECT_THAT(transport_.peek("Bad.dlq"), SizeIs(1));
  EXPECT_THAT(transport_.peek("Good.dlq"), IsEmpty());
}

TEST_F(BusTest, RetriesWithBackoffThenBuries) {
  std::vector<TimePoint> tries;
  const auto saga = fixture::orders()
                        .on<PaymentRequested>()
                        .handle([&](const PaymentRequested&, State&, SagaContext& ctx) {
                          tries.push_back(ctx.now());
                          throw std::runtime_error("no luck");
                        })
                        .correlate<PaymentRequested>(&PaymentRequested::orderId)
                        .build();
  Bus& bus = start(options({saga}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  ASSERT_THAT(tries, SizeIs(3));
  EXPECT_EQ(tries[1] - tries[0], 1s);
  EXPECT_EQ(tries[2] - tries[1], 2s);
  const auto letters = transport_.peek("Orders.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  const Envelope& letter = *letters[0];
  const std::string saga_id = find("o")->saga_id;
  EXPECT_EQ(letter.type, "PaymentRequested");
  EXPECT_EQ(letter.timestamp, tries[0]);
  EXPECT_THAT(letter.headers, AllOf(Contains(Pair("x-saga-attempt", "3")),
                                    Contains(Pair("x-saga-original-endpoint", "Orders")),
                                    Contains(Pair("x-saga-error-type", "std::runtime_error")),
                                    Contains(Pair("x-saga-error-message", "no luck")),
                                    Contains(Pair("x-saga-first-seen", to_iso8601(tries[0])))));
  EXPECT_EQ(state("o").steps, 1);  // nothing of the failed step
}

TEST_F(BusTest, ASagaMayHaveItsOwnRetriesAndTheUserDecides) {
  int runs = 0;
  const auto saga = sagabus::saga<State>("S")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Submitted>()
                        .handle([&](const Submitted&, State&) {
                          ++runs;
                          throw std::runtime_error("x");
                        })
                        .build();
  auto chosen = options({saga.with({.retry = RetryPolicy{.max_attempts = 5}})});
  chosen.on_error = [](const FailedStep& failed) {
    return failed.attempt == 4 ? ErrorDecision::drop : ErrorDecision::retry;
  };
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(runs, 4);
  EXPECT_EQ(transport_.pending("S"), 0U);
  EXPECT_THAT(transport_.peek("S.dlq"), IsEmpty());
}

TEST_F(BusTest, DeadLettersGoWhereTheUserSays) {
  auto chosen = options({fixture::orders().build()});
  chosen.dead_letter_endpoint = [](const std::string& endpoint) { return "dead-" + endpoint; };
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"", 1}));
  run();
  EXPECT_THAT(transport_.peek("dead-Orders"), SizeIs(1));
}

TEST_F(BusTest, CorrelationFailuresFollowTheirPolicy) {
  const auto saga = fixture::orders().build();
  std::string problem;
  const auto ask = [&](const CorrelationFailure& failure) {
    problem = failure.problem;
    return CorrelationFailureDecision::drop;
  };
  Bus& bus = start(options({saga.with({.on_correlation_failure = ask})}));
  await(bus.publish(Submitted{"", 1}));
  run();
  EXPECT_THAT(problem, HasSubstr("no correlation id"));
  await(bus.publish(Submitted{std::string(1025, 'x'), 1}));
  run();
  EXPECT_THAT(problem, HasSubstr("1025 bytes"));
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

TEST_F(BusTest, SagasThatAreNotFoundFollowTheirPolicy) {
  const auto saga = fixture::orders().build();
  const auto outcome = [&](NotFoundPolicy policy) {
    Bus& bus = start(options({saga.with({.on_not_found = std::move(policy)})}));
    await(bus.publish(Paid{"nobody", "t"}));
    run();
    await(bus.stop());
    return transport_.drain("Orders.dlq").size();
  };
  EXPECT_EQ(outcome(NotFoundDecision::ignore), 0U);
  EXPECT_EQ(outcome(NotFoundDecision::dead_letter), 1U);
  std::vector<TimePoint> tries;
  EXPECT_EQ(outcome([&](const SagaNotFound&) {
              tries.push_back(clock_->now());
              return NotFoundDecision::retry_later;
            }),
            1U);
  ASSERT_THAT(tries, SizeIs(3));
  EXPECT_EQ(tries[1] - tries[0], 1s);
  EXPECT_EQ(tries[2] - tries[1], 2s);
  int asked = 0;
  EXPECT_EQ(outcome([&](const SagaNotFound& the_case) {
              ++asked;
              EXPECT_EQ(the_case.correlation_id, "nobody");
              return NotFoundDecision::ignore;
            }),
            0U);
  EXPECT_EQ(asked, 1);
}

TEST_F(BusTest, AMessageThatOvertookTheStartIsTriedLater) {
  const auto saga = fixture::orders().build();
  Bus& bus = start(options({saga.with({.on_not_found = NotFoundDecision::retry_later})}));
  await(bus.publish(Paid{"o", "t"}));
  run_now();
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").status, Status::paid);
}

TEST_F(BusTest, BadPayloadsAndUnknownTypesAreBuriedWithTheirReason) {
  Bus& bus = start(options({fixture::orders().build()}));
  const auto bury = [&](std::string type, Value payload) {
    Envelope envelope;
    envelope.id = "bad";
    envelope.type = std::move(type);
    envelope.payload = std::move(payload);
    std::vector<SendRequest> requests(1);
    requests[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
    requests[0].endpoint = "Orders";
    requests[0].deduplication_key = std::to_string(clock_->now().time_since_epoch().count());
    clock_->advance(1s);
    await(transport_.backend()->send(std::move(requests)));
    run();
    const auto letters = transport_.drain("Orders.dlq");
    return letters.empty() ? std::string("nothing")
                           : letters[0]->headers.at("x-saga-error-message");
  };
  EXPECT_EQ(bury("Submitted", Value(Object{{"orderId", Value("o")}, {"total", Value("9")}})),
            "total: expected number, found string");
  clock_->advance(6min);  // past the dead letters' deduplication
  EXPECT_EQ(bury("Submitted", Value(Object{{"orderId", Value("o")}})), "total: missing");
  clock_->advance(6min);
  EXPECT_THAT(bury("Nonsense", Value()), HasSubstr("does not handle this type"));
  EXPECT_FALSE(find("o"));
  await(bus.stop());
}

TEST_F(BusTest, AnOutageOfTheStoreCostsNoAttempts) {
  int away = 10;
  store_faults_->before_load = [&](const InstanceKey&) {
    if (away-- > 0) throw TransientError("the store is away");
  };
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
}

TEST_F(BusTest, AStepThatCannotBeSentHoldsUpNoOtherStepOfItsInstance) {
  std::vector<std::string> told;
  bool away = true;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    const bool is_told = requests[0].envelope->type == message_name<PaymentRequested>();
    if (away && is_told) throw TransientError("the transport is away");
  };
  Bus& bus = start(options({fixture::orders().build()}, {tap(told)}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  await(bus.publish(Closed{"o"}));
  run_now();
  EXPECT_EQ(state("o").steps, 3);
  EXPECT_TRUE(find("o")->completed);
  EXPECT_THAT(told, IsEmpty());
  EXPECT_EQ(transport_.pending("Orders"), 1U);
  away = false;
  run();
  EXPECT_THAT(told, SizeIs(1));
  EXPECT_EQ(state("o").steps, 3);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
}

TEST_F(BusTest, WhatTheStoreCannotHoldIsBuried) {
  store_faults_->before_commit = [](const CommitRequest&) {
    throw StateTooLarge("s", 500'000, 409'600, {{"items", 499'000}});
  };
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  const auto letters = transport_.peek("Orders.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_THAT(letters[0]->headers.at("x-saga-error-message"), HasSubstr("items (499000 bytes)"));
}

TEST_F(BusTest, AFailingReceiveIsTriedAgain) {
  int away = 3;
  transport_faults_->before_receive = [&] {
    if (away-- > 0) throw TransientError("the transport is away");
  };
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
}

TEST_F(BusTest, AHandlersOwnCancellationIsAFailure) {
  const auto abort = [](const auto&...) {
    throw boost::system::system_error(boost::asio::error::operation_aborted);
  };
  int runs = 0;
  const auto saga = sagabus::saga<State>("S")
                        .correlate<Submitted>(&Submitted::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Submitted>()
                        .handle([&](const Submitted& m, State& s) {
                          ++runs;
                          abort(m, s);
                        })
                        .build();
  Bus& bus = start(options({saga}, {service("pay").on<Submitted>([&](const Submitted& m) {
                             ++runs;
                             abort(m);
                           })}));
  await(bus.publish(Submitted{"o", 1}));
  for (int i = 0; i < 100; ++i) io_.poll();
  run();
  EXPECT_EQ(runs, 6);
  EXPECT_THAT(transport_.peek("S.dlq"), SizeIs(1));
  EXPECT_THAT(transport_.peek("pay.dlq"), SizeIs(1));
}

TEST_F(BusTest, ServicesRetryAndBuryToo) {
  int runs = 0;
  Bus& bus = start(options({}, {service("pay").on<PaymentRequested>([&](const PaymentRequested&) {
                             ++runs;
                             throw std::runtime_error("card reader on fire");
                           })}));
  await(bus.publish(PaymentRequested{"o", 1}));
  run();
  EXPECT_EQ(runs, 3);
  EXPECT_THAT(transport_.peek("pay.dlq"), SizeIs(1));
}

TEST_F(BusTest, AServicesAnswersKeepTheirIdsWhenItRunsAgain) {
  int lost = 1;
  transport_faults_->after_send = [&](const std::vector<SendRequest>& requests) {
    if (requests[0].envelope->type == "Paid" && lost-- > 0) throw TransientError("lost");
  };
  int runs = 0;
  auto pay = service("pay").on<PaymentRequested>(
      [&](const PaymentRequested& m, MessageContext& ctx) -> boost::asio::awaitable<void> {
        ++runs;
        ctx.publish(Paid{m.orderId, "t" + std::to_string(runs)});
        co_return;
      });
  Bus& bus = start(options({fixture::orders().build()}, {pay}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_EQ(find("o")->version, 2U);
}

TEST_F(BusTest, LettersOfTwoEndpointsMayShareAQueue) {
  const auto fails = [](const Paid&) { throw std::runtime_error("no"); };
  auto chosen = options({}, {service("a").on<Paid>(fails), service("b").on<Paid>(fails)});
  chosen.dead_letter_endpoint = [](const std::string&) { return "letters"; };
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_THAT(transport_.peek("letters"), SizeIs(2));
}

TEST_F(BusTest, ALetterThatIsSentBackAndFailsAgainIsBuriedAgain) {
  auto chosen = options({}, {service("a").on<Paid>([](const Paid&) { throw Unsupported("no"); })});
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Paid{"o", "t"}));
  for (const char* attempt : {"1", "2", "3"}) {
    run();
    const auto letters = transport_.drain("a.dlq");
    ASSERT_THAT(letters, SizeIs(1));
    EXPECT_EQ(letters[0]->headers.at("x-saga-attempt"), attempt);
    std::vector<SendRequest> back(1);
    back[0].envelope = letters[0];
    back[0].endpoint = "a";
    back[0].deduplication_key = std::string("redrive ") + attempt;
    await(transport_.backend()->send(std::move(back)));
  }
}

// A letter says whether its message may have taken effect.

TEST_F(BusTest, ALetterWhoseMessageSurelyDidNothingIsNotUncertain) {
  store_faults_->before_commit = [](const CommitRequest&) {
    throw StateTooLarge("s", 500'000, 409'600, {});
  };
  const auto fails = [](const Paid&) { throw Unsupported("no"); };
  Bus& bus = start(options({fixture::orders().build()}, {service("a").on<Paid>(fails)}));
  await(bus.publish(Submitted{"refused by the store", 1}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  for (const char* endpoint : {"Orders.dlq", "a.dlq"}) {
    const auto letters = transport_.peek(endpoint);
    ASSERT_THAT(letters, SizeIs(1)) << endpoint;
    EXPECT_FALSE(letters[0]->headers.contains("x-saga-uncertain")) << endpoint;
  }
}

TEST_F(BusTest, ALetterThatWasBuriedAfterItsCommitIsUncertain) {
  auto chosen = options({fixture::orders().build()});
  chosen.middleware = {[](StepView&, Next next) -> boost::asio::awaitable<void> {
    co_await next();
    throw Unsupported("after the commit");
  }};
  Bus& bus = start(std::move(chosen));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  const auto letters = transport_.peek("Orders.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_THAT(letters[0]->headers, Contains(Pair("x-saga-uncertain", "1")));
}

TEST_F(BusTest, ALetterOfARedeliveryIsUncertain) {
  int runs = 0;
  transport_faults_->before_acknowledge = [](const Delivery& delivery) {
    if (!delivery.redelivered) throw TransientError("lost on the way");
  };
  Bus& bus = start(options({}, {service("a").on<Paid>([&](const Paid&) {
                             if (++runs == 2) throw Unsupported("no second time");
                           })}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  const auto letters = transport_.peek("a.dlq");
  ASSERT_THAT(letters, SizeIs(1));
  EXPECT_THAT(letters[0]->headers, Contains(Pair("x-saga-uncertain", "1")));
}

TEST_F(BusTest, AnErrorHandlerThatThrowsHasTheMessageRetried) {
  int runs = 0;
  auto chosen = options({}, {service("a").on<Paid>([&](const Paid&) {
                          ++runs;
                          throw std::runtime_error("no");
                        })});
  chosen.on_error = [](const FailedStep&) -> ErrorDecision { throw std::runtime_error("nor I"); };
  Bus& bus = start(std::move(chosen));
  for (int i = 0; i < 3; ++i) await(bus.publish(Paid{std::to_string(i), "t"}));
  run();
  EXPECT_EQ(runs, 9);
  EXPECT_THAT(transport_.peek("a.dlq"), SizeIs(3));
}

TEST_F(BusTest, AServiceWhoseAnswersCannotBeSentIsAFailure) {
  int runs = 0;
  transport_faults_->before_send = [](const std::vector<SendRequest>& requests) {
    if (requests[0].envelope->type == message_name<Closed>())
      throw Error("larger than a queue takes");
  };
  Bus& bus = start(options({}, {service("a").on<Paid>([&](const Paid&, MessageContext& ctx) {
                             ++runs;
                             ctx.publish(Closed{"o"});
                           })}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(runs, 3);
  EXPECT_THAT(transport_.peek("a.dlq"), SizeIs(1));
}

// What the transport could not take is refused where it is published, and nothing is committed.

TEST_F(BusTest, AMessageThatIsTooLargeIsRefusedByTheBus) {
  transport_faults_->max_message_bytes = 1000;
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  const Paid large{"o", std::string(1000, 't')};
  try {
    await(bus.publish(large));
    ADD_FAILURE() << "accepted";
  } catch (const ValidationError& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("Paid"), HasSubstr("1000")));
  }
  EXPECT_THROW(await(bus.schedule(large, 1h)), ValidationError);
  EXPECT_THROW(await(bus.schedule(large, 0h)), ValidationError);
}

TEST_F(BusTest, AStepThatPublishesWhatIsTooLargeIsBuried) {
  transport_faults_->max_message_bytes = 1000;
  using Publish = std::function<void(const Paid&, SagaContext&)>;
  const auto publishes = [](const char* name, Publish publish) {
    return sagabus::saga<State>(name)
        .correlate<Submitted>(&Submitted::orderId, can_start)
        .initial([] { return State{}; })
        .on<Submitted>()
        .handle([publish](const Submitted& m, State&, SagaContext& ctx) {
          publish(Paid{m.orderId, std::string(1000, 't')}, ctx);
        })
        .build();
  };
  const auto now = publishes("Now", [](const Paid& m, SagaContext& ctx) { ctx.publish(m); });
  const auto later =
      publishes("Later", [](const Paid& m, SagaContext& ctx) { ctx.schedule(m, 1h); });
  const auto relay = service("relay").on<Submitted>([](const Submitted&, MessageContext& ctx) {
    ctx.publish(Paid{"o", std::string(1000, 't')});
  });
  Bus& bus = start(options({now, later}, {relay}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  for (const char* endpoint : {"Now", "Later", "relay"}) {
    const auto letters = transport_.peek(std::string(endpoint) + ".dlq");
    ASSERT_THAT(letters, SizeIs(1)) << endpoint;
    EXPECT_EQ(letters[0]->headers.at("x-saga-error-type"), "sagabus::ValidationError");
    EXPECT_EQ(letters[0]->headers.at("x-saga-attempt"), "1");
    EXPECT_FALSE(find("o", endpoint));
  }
}

TEST_F(BusTest, AnErrorOfTheCommitLeavesItsOutcomeInDoubt) {
  store_faults_->after_commit = [](const CommitRequest&, const CommitResult&) {
    throw std::runtime_error("of a store that knows no better");
  };
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run_now();
  await(bus.stop());
  clock_->advance(1h);
  const auto deliveries = await(transport_.backend()->receive("Orders", 1));
  EXPECT_TRUE(deliveries.at(0).redelivered);
}

}  // namespace
