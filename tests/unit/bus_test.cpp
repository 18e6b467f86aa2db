#include "sagabus/bus.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "order_fixture.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/testing/virtual_clock.hpp"
#include "support/decorators.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::Closed;
using fixture::Paid;
using fixture::PaymentRequested;
using fixture::State;
using fixture::Status;
using fixture::Submitted;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

// Buses on one thread, in virtual time: nothing here waits for a wall clock.
class BusTest : public ::testing::Test {
 protected:
  ~BusTest() override {
    for (auto& bus : buses_) await(bus->stop());
  }

  BusOptions options(std::vector<SagaDefinition> sagas, std::vector<Service> services = {}) {
    BusOptions options;
    options.transport = Transport(
        std::make_shared<sagabus::testing::FaultyTransport>(transport_, transport_faults_));
    options.store =
        SagaStore(std::make_shared<sagabus::testing::FaultyStore>(store_, store_faults_));
    options.sagas = std::move(sagas);
    options.services = std::move(services);
    options.executor = io_.get_executor();
    options.ambient = ambient_;
    options.retry.jitter = false;
    return options;
  }

  Bus& start(BusOptions options) {
    Bus& bus = *buses_.emplace_back(std::make_unique<Bus>(std::move(options)));
    await(bus.start());
    return bus;
  }

  // Runs until nothing is left to do, going through all waits.
  void run() {
    do {
      io_.restart();
      while (io_.poll() != 0) {
      }
    } while (clock_->advance_to_next());
  }
  // Runs what can run now.
  void run_now() {
    io_.restart();
    while (io_.poll() != 0) {
    }
  }

  template <class T>
  T await(boost::asio::awaitable<T> operation) {
    auto result = boost::asio::co_spawn(io_, std::move(operation), boost::asio::use_future);
    while (result.wait_for(0s) != std::future_status::ready) {
      io_.restart();
      if (io_.poll() == 0) clock_->advance_to_next();
    }
    return result.get();
  }

  std::optional<Instance> find(const std::string& correlation_id,
                               const std::string& saga = "Orders") {
    return await(store_.get_by_correlation_id(saga, correlation_id));
  }
  State state(const std::string& correlation_id) {
    return from_value<State>(find(correlation_id).value().state);
  }

  // Takes what is published and nobody else reads.
  Service tap(std::vector<std::string>& ids) {
    return service("tap").on<PaymentRequested>(
        [&ids](const PaymentRequested&, MessageContext& ctx) { ids.push_back(ctx.envelope().id); });
  }

  boost::asio::io_context io_{1};
  std::shared_ptr<sagabus::testing::VirtualClock> clock_ =
      std::make_shared<sagabus::testing::VirtualClock>();
  Ambient ambient_{.clock = clock_, .random = seeded_random(1)};
  memory::Transport transport_{memory::TransportOptions{.ambient = ambient_}};
  memory::SagaStore store_{memory::StoreOptions{.ambient = ambient_}};
  std::shared_ptr<sagabus::testing::StoreFaults> store_faults_ =
      std::make_shared<sagabus::testing::StoreFaults>();
  std::shared_ptr<sagabus::testing::TransportFaults> transport_faults_ =
      std::make_shared<sagabus::testing::TransportFaults>();
  std::vector<std::unique_ptr<Bus>> buses_;
};

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

TEST_F(BusTest, StopLetsRunningStepsEndAndReturnsTheRest) {
  int ended = 0;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State& s, SagaContext&) -> boost::asio::awaitable<void> {
            co_await clock_->sleep_for(5s);
            ++s.steps;
            ++ended;
          })
          .build();
  Bus& bus = start(options({saga.with({.concurrency = 4})}));
  for (int i = 0; i < 20; ++i) await(bus.publish(Paid{std::to_string(i), "t"}));
  run_now();
  const TimePoint before = clock_->now();
  await(bus.stop());
  EXPECT_EQ(clock_->now() - before, 5s);
  EXPECT_EQ(ended, 4);
  EXPECT_THAT(transport_.peek("Orders"), SizeIs(16));  // visible at once to another worker
}

TEST_F(BusTest, StopCancelsWhatTakesTooLongAndItIsDeliveredAgain) {
  bool held = true;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State& s, SagaContext&) -> boost::asio::awaitable<void> {
            if (held) co_await clock_->sleep_for(1000h);
            ++s.steps;
          })
          .build();
  auto chosen = options({saga});
  chosen.shutdown_timeout = 30s;
  Bus& first = start(chosen);
  await(first.publish(Paid{"o", "t"}));
  run_now();
  const TimePoint before = clock_->now();
  await(first.stop());
  EXPECT_EQ(clock_->now() - before, 30s);
  EXPECT_FALSE(find("o"));
  held = false;
  start(chosen);
  run();
  EXPECT_EQ(state("o").steps, 1);
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

// What a handler's own timer reports when it is cancelled is a failure like any other: taken for
// the bus being stopped, its message would come back for ever.
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

// With threads and the wall clock.

TEST(BusThreads, RunsOnThreadsOfItsOwnAndLosesNoUpdate) {
  constexpr int kMessages = 2000;
  constexpr int kInstances = 10;
  std::atomic<int> handled{0};
  std::promise<void> all;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State& s) {
                          ++s.steps;
                          if (++handled == kMessages) all.set_value();
                        })
                        .build();
  memory::SagaStore store;
  memory::Transport transport;
  Bus bus({.transport = transport, .store = store, .sagas = {saga}, .threads = 4});
  sync_wait(bus.start());
  for (int i = 0; i < kMessages; ++i) {
    sync_wait(bus.publish(Paid{std::to_string(i % kInstances), "t"}));
  }
  all.get_future().wait();
  sync_wait(bus.stop());
  for (int i = 0; i < kInstances; ++i) {
    const auto found = sync_wait(store.get_by_correlation_id("Orders", std::to_string(i)));
    EXPECT_EQ(from_value<State>(found.value().state).steps, kMessages / kInstances);
    EXPECT_EQ(found->version, static_cast<std::uint64_t>(kMessages / kInstances));
  }
}

TEST(BusThreads, TwoBusesOnOneStoreLoseNoUpdate) {
  constexpr int kMessages = 500;
  std::atomic<int> committed{0};
  std::promise<void> all;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([](const Paid&, State& s) { ++s.steps; })
                        .build();
  const Middleware count = [&](StepView& view, Next next) -> boost::asio::awaitable<void> {
    auto rest = next();
    co_await std::move(rest);
    if (view.outcome == StepOutcome::committed && ++committed == kMessages) all.set_value();
  };
  memory::SagaStore store;
  memory::Transport transport;
  BusOptions options{.transport = transport, .store = store, .sagas = {saga}, .threads = 2};
  options.middleware = {count};
  Bus first(options);
  Bus second(options);
  sync_wait(first.start());
  sync_wait(second.start());
  for (int i = 0; i < kMessages; ++i) sync_wait(first.publish(Paid{"one", "t"}));
  all.get_future().wait();
  sync_wait(first.stop());
  sync_wait(second.stop());
  const auto found = sync_wait(store.get_by_correlation_id("Orders", "one"));
  EXPECT_EQ(from_value<State>(found.value().state).steps, kMessages);
}

TEST(BusThreads, ItsDestructorCancelsAndWaits) {
  std::promise<void> begun;
  std::atomic<bool> inside{false};
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State&, SagaContext&) -> boost::asio::awaitable<void> {
            struct Inside {
              std::atomic<bool>& flag;
              explicit Inside(std::atomic<bool>& f) : flag(f) { flag = true; }
              ~Inside() { flag = false; }
            } const mark(inside);
            begun.set_value();
            boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 24h);
            co_await timer.async_wait(boost::asio::use_awaitable);
          })
          .build();
  memory::SagaStore store;
  memory::Transport transport;
  {
    Bus bus({.transport = transport, .store = store, .sagas = {saga}});
    sync_wait(bus.start());
    sync_wait(bus.publish(Paid{"o", "t"}));
    begun.get_future().wait();
  }
  EXPECT_FALSE(inside);
  EXPECT_EQ(transport.pending("Orders"), 1U);
}

TEST(BusThreads, RunEndsWhenAnotherThreadStopsIt) {
  memory::SagaStore store;
  memory::Transport transport;
  Bus bus({.transport = transport, .store = store, .sagas = {fixture::orders().build()}});
  std::thread runner([&] { bus.run(); });
  while (!bus.is_running()) std::this_thread::yield();
  sync_wait(bus.stop());
  runner.join();
  EXPECT_FALSE(bus.is_running());
}

TEST(BusThreads, RunsOnAnExecutorOfTheUsers) {
  boost::asio::thread_pool pool(2);
  memory::SagaStore store;
  memory::Transport transport;
  std::promise<void> handled;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State&) { handled.set_value(); })
                        .build();
  Bus bus({.transport = transport,
           .store = store,
           .sagas = {saga},
           .executor = boost::asio::any_io_executor(pool.get_executor())});
  sync_wait(bus.start());
  sync_wait(bus.publish(Paid{"o", "t"}));
  handled.get_future().wait();
  sync_wait(bus.stop());
  pool.join();
}

}  // namespace
