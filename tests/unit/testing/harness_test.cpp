#include "sagabus/testing/harness.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/saga.hpp"
#include "sagabus/service.hpp"
#include "sagabus/testing/matchers.hpp"

namespace harnessed {

struct Booked {
  std::string trip;
  int seats = 1;
};
SAGABUS_MESSAGE(Booked, trip, seats)
struct ChargeAsked {
  std::string trip;
  int amount = 0;
};
SAGABUS_MESSAGE(ChargeAsked, trip, amount)
struct Charged {
  std::string trip;
};
SAGABUS_MESSAGE(Charged, trip)
struct Reminded {
  std::string trip;
};
SAGABUS_MESSAGE(Reminded, trip)
struct Released {
  std::string trip;
};
SAGABUS_MESSAGE(Released, trip)

struct Trip {
  std::string trip;
  std::string status{};
  int charges = 0;
};
SAGABUS_DESCRIBE(Trip, trip, status, charges)

namespace {

using namespace sagabus;           // NOLINT(google-build-using-namespace)
using namespace sagabus::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StrEq;

SagaDefinition trips() {
  return saga<Trip>("Trip")
      .correlate_all([](const auto& m) { return m.trip; })
      .initial([](const Booked& m) { return Trip{m.trip}; })
      .on<Booked>(can_start)
      .handle([](const Booked& m, Trip& s, SagaContext& ctx) {
        s.status = "booked";
        ctx.publish(ChargeAsked{m.trip, 10 * m.seats});
        ctx.schedule(Reminded{m.trip}, 10min);
        ctx.set_timeout("pay", 30min);
      })
      .on<Charged>()
      .handle([](const Charged&, Trip& s, SagaContext& ctx) {
        ++s.charges;
        s.status = "paid";
        ctx.clear_timeout("pay");
      })
      .on<Reminded>()
      .when([](const Trip& s) { return s.status == "booked"; })
      .handle([](const Reminded&, Trip& s) { s.status = "reminded"; })
      .on_timeout("pay")
      .handle([](Trip& s, SagaContext& ctx) {
        s.status = "released";
        ctx.publish(Released{s.trip});
        ctx.complete();
      })
      .build();
}

Service till() {
  return service("till").on<ChargeAsked>(
      [](const ChargeAsked& m, MessageContext& ctx) { ctx.publish(Charged{m.trip}); });
}

TEST(Harness, DoesWhatCanBeDoneAtThisMomentAndNoMore) {
  Harness bus(trips());
  bus.publish(Booked{"t", 3});
  EXPECT_EQ(bus.state_of<Trip>("t").status, "booked");
  EXPECT_EQ(bus.now(), VirtualClock::kDefaultStart);
  ASSERT_THAT(bus.timers(), SizeIs(1));
  EXPECT_EQ(bus.timers()[0].name, "pay");
  EXPECT_EQ(bus.timers()[0].due, bus.now() + 30min);
  ASSERT_THAT(bus.scheduled(), SizeIs(1));
  EXPECT_EQ(bus.scheduled()[0].not_before, bus.now() + 10min);
  ASSERT_THAT(bus.published<ChargeAsked>(), SizeIs(1));
  EXPECT_EQ(bus.published<ChargeAsked>()[0].amount, 30);
  EXPECT_THAT(bus.published<Reminded>(), IsEmpty());
}

TEST(Harness, BringsWhatIsDueAtThatMomentNotSoonerNotLater) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  bus.advance(10min - 1ms);
  EXPECT_EQ(bus.state_of<Trip>("t").status, "booked");
  bus.advance(1ms);
  EXPECT_EQ(bus.state_of<Trip>("t").status, "reminded");
  bus.advance(20min - 1ms);
  EXPECT_FALSE(bus.is_completed("t"));
  bus.advance(1ms);
  EXPECT_TRUE(bus.is_completed("t"));
  EXPECT_EQ(bus.steps().back().at, VirtualClock::kDefaultStart + 30min);
}

TEST(Harness, RunsThroughAllThatIsDue) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  EXPECT_EQ(bus.run_until_idle(), 30min);
  EXPECT_EQ(bus.state_of<Trip>("t").status, "released");
  EXPECT_EQ(bus.run_until_idle(), 0min);
}

TEST(Harness, RunsServicesToo) {
  Harness bus({.sagas = {trips()}, .services = {till()}});
  bus.publish(Booked{"t"});
  EXPECT_EQ(bus.state_of<Trip>("t").status, "paid");
  EXPECT_THAT(bus.take_published(), ElementsAre("ChargeAsked", "Charged"));
  EXPECT_THAT(bus.timers(), IsEmpty());
}

TEST(Harness, TellsOwnMessagesFromOthers) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  EXPECT_THAT(bus.published<Booked>(), SizeIs(1));
  EXPECT_THAT(bus.take_published(), ElementsAre("ChargeAsked"));
  EXPECT_THAT(bus.take_published(), IsEmpty());
}

TEST(Harness, DeliversAMessageOfOneIdTwice) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  bus.publish(Charged{"t"}, {.id = "c"});
  bus.publish(Charged{"t"}, {.id = "c"});
  EXPECT_EQ(bus.steps().back().outcome, StepOutcome::repeated);
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 1);
}

TEST(Harness, HasSeveralMessagesThereBeforeTheFirstIsHandled) {
  HarnessOptions options{.sagas = {trips()}};
  options.configure = [](BusOptions& bus) { bus.max_coalesced_steps = 10; };
  Harness bus(std::move(options));
  bus.publish(Booked{"t"});
  bus.publish_together(Charged{"t"}, Charged{"t"}, Charged{"t"});
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 3);
  EXPECT_LT(bus.instance("t").version, 4U);  // one write for several
}

TEST(Harness, FailsStepsAndBuriesThem) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  bus.fail_next<Charged>(2);
  bus.publish(Charged{"t"});
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 0);
  bus.advance(1min);
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 1);
  EXPECT_EQ(bus.steps().back().attempt, 3U);
  EXPECT_THAT(bus.dead_letters(), IsEmpty());
  bus.fail_next<Charged>(3);
  bus.publish(Charged{"t"});
  bus.advance(2min);
  ASSERT_THAT(bus.dead_letters(), SizeIs(1));
  EXPECT_EQ(bus.dead_letters()[0].endpoint, "Trip");
  EXPECT_THAT(bus.dead_letters()[0].error, HasSubstr("as the test asked"));
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 1);
}

class HarnessFault : public ::testing::TestWithParam<Fault> {};

TEST_P(HarnessFault, LeavesEveryEffectOnce) {
  Harness bus({.sagas = {trips()}, .services = {till()}});
  bus.publish(Booked{"t"});
  bus.fail_next(GetParam(), 2);
  bus.publish(Booked{"u"});
  bus.publish(Charged{"t"});
  bus.advance(5min);
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 2) << bus.explain();
  EXPECT_EQ(bus.state_of<Trip>("u").charges, 1) << bus.explain();
  EXPECT_THAT(bus.published<ChargeAsked>(), SizeIs(2));
  EXPECT_THAT(bus, HasNoDeadLetters());
}

INSTANTIATE_TEST_SUITE_P(All, HarnessFault,
                         ::testing::Values(Fault::commit_refused, Fault::commit_answer_lost,
                                           Fault::commit_raced, Fault::send_refused,
                                           Fault::send_answer_lost));

TEST(Harness, FaultsAreSeen) {
  for (const auto& [fault, outcome] :
       {std::pair(Fault::commit_refused, StepOutcome::pending),
        std::pair(Fault::commit_answer_lost, StepOutcome::pending)}) {
    Harness bus(trips());
    bus.fail_next(fault);
    bus.publish(Booked{"t"});
    EXPECT_EQ(bus.steps().back().outcome, outcome);
    EXPECT_THAT(bus.steps().back().error, HasSubstr("as the test asked"));
  }
  Harness bus(trips());
  bus.publish(Booked{"t"});
  bus.fail_next(Fault::commit_raced);
  bus.publish(Charged{"t"});
  EXPECT_EQ(bus.instance("t").version, 3U);  // the other write has one as well
}

TEST(Harness, SaysWhatDidHappenWhereAnInstanceIsMissing) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  try {
    bus.state_of<Trip>("u");
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("Trip has no instance u"), HasSubstr("Trip t\n")));
  }
}

TEST(Harness, ExplainsAnInstance) {
  Harness bus(trips());
  bus.publish(Booked{"other"});
  bus.publish(Booked{"t", 2});
  bus.fail_next<Charged>();
  bus.advance(1min);
  bus.publish(Charged{"t"});
  bus.advance(1min);
  const std::string text = bus.explain("t");
  // Full jitter: the second attempt comes somewhere in the second after the first.
  const std::string begin = R"(Trip t
  +00:00:00.000       Booked: committed
                      state {"trip":"t","status":"booked","charges":0}
                      publishes ChargeAsked
                      schedules Reminded, due +00:10:00.000
                      sets timeout pay, due +00:30:00.000
  +00:01:00.000       Charged: failed: the step fails, as the test asked
  +00:01:00)";
  const std::string end = R"(       Charged: committed (attempt 2)
                      status: "booked" -> "paid"
                      charges: 0 -> 1
                      clears timeout pay
)";
  EXPECT_THAT(text, ::testing::StartsWith(begin));
  EXPECT_THAT(text, ::testing::EndsWith(end));
  EXPECT_THAT(bus.explain(), AllOf(HasSubstr("Trip other\n"), HasSubstr(text)));
}

TEST(Harness, ExplainsWhatIsStillToComeAndWhatIsBuried) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  bus.fail_next<Charged>(3);
  bus.publish(Charged{"t"});
  bus.advance(1min);
  EXPECT_THAT(bus.explain("t"), AllOf(HasSubstr("+00:30:00.000       timeout pay is due\n"),
                                      HasSubstr("dead letters\n  Trip: Charged: ")));
  EXPECT_THAT(Harness(trips()).explain(), StrEq("no step was taken\n"));
}

TEST(Harness, KnowsWhatWasNotExercised) {
  const auto shared = std::make_shared<Coverage>();
  {
    Harness bus({.sagas = {trips()}, .coverage = shared});
    bus.publish(Booked{"t"});
    bus.publish(Charged{"t"});
    bus.run_until_idle();  // Reminded is ignored: no handler runs
    EXPECT_THAT(bus.unexercised(), ElementsAre("Trip: Reminded", "Trip: timeout pay"));
  }
  Harness bus({.sagas = {trips()}, .coverage = shared});
  bus.publish(Booked{"t"});
  bus.run_until_idle();
  EXPECT_THAT(bus.unexercised(), ElementsAre("Trip: Charged"));
  EXPECT_THAT(shared->unexercised(), IsEmpty());
}

TEST(Harness, IsTheSameEachTime) {
  const auto run = [] {
    Harness bus({.sagas = {trips()}, .services = {till()}, .seed = 7});
    bus.fail_next(Fault::send_answer_lost, 2);
    bus.fail_next<Charged>();
    bus.publish(Booked{"t"});
    bus.run_until_idle();
    std::string ids = bus.explain();
    for (const SentMessage& sent : bus.published_messages()) ids += sent.envelope->id + '\n';
    return ids;
  };
  EXPECT_EQ(run(), run());
}

TEST(Harness, RunsTheMiddlewareOfTheTest) {
  std::vector<std::string> seen;
  HarnessOptions options{.sagas = {trips()}};
  options.middleware = {[&](StepView& step, Next next) -> boost::asio::awaitable<void> {
    seen.push_back(step.envelope->type);
    co_await next();
  }};
  Harness bus(std::move(options));
  bus.publish(Booked{"t"});
  EXPECT_THAT(seen, ElementsAre("Booked"));
}

TEST(Harness, GivesUpWhereTheBusFindsNoRest) {
  HarnessOptions options;
  options.services = {service("ping").on<Charged>([](const Charged& m, MessageContext& ctx) {
                        ctx.schedule(Reminded{m.trip}, 1s);
                      }),
                      service("pong").on<Reminded>([](const Reminded& m, MessageContext& ctx) {
                        ctx.publish(Charged{m.trip});
                      })};
  options.sagas = {trips()};
  Harness bus(std::move(options));
  bus.publish(Charged{"t"});
  EXPECT_THROW(bus.run_until_idle(), std::runtime_error);
}

TEST(Harness, RefusesToGoBack) {
  Harness bus(trips());
  EXPECT_THROW(bus.advance(-1ms), std::invalid_argument);
}

TEST(Harness, RunsOperationsOfTheTest) {
  Harness bus(trips());
  const ScheduledMessage booked = bus.run(bus.bus().schedule(Booked{"t"}, 1h));
  EXPECT_EQ(booked.due, bus.now() + 1h);
  EXPECT_TRUE(bus.run(bus.bus().cancel(booked)));
  bus.run_until_idle();
  EXPECT_THAT(bus.find("t"), IsEmpty());
  EXPECT_THROW(bus.run(bus.clock()->sleep_for(1s)), std::logic_error);
}

TEST(Harness, EndsThoughAHandlerWaits) {
  const auto clock = std::make_shared<VirtualClock>();
  const auto waiting = saga<Trip>("Waiting")
                           .correlate<Booked>(&Booked::trip, can_start)
                           .initial([] { return Trip{}; })
                           .on<Booked>()
                           .handle([clock](const Booked&, Trip&) -> boost::asio::awaitable<void> {
                             co_await clock->sleep_for(1h);  // which nobody moves
                           })
                           .build();
  Harness bus(waiting);
  bus.publish(Booked{"t"});
  EXPECT_THAT(bus.steps(), IsEmpty());
  EXPECT_THROW(bus.run_until_idle(), std::runtime_error);
}

TEST(HarnessMatchers, SayWhatHappened) {
  Harness bus(trips());
  bus.publish(Booked{"t", 2});
  EXPECT_THAT(bus, HasPublished<ChargeAsked>());
  EXPECT_THAT(bus, HasPublished<ChargeAsked>(Field(&ChargeAsked::amount, 20)));
  EXPECT_THAT(bus, Not(HasPublished<ChargeAsked>(Field(&ChargeAsked::amount, 21))));
  EXPECT_THAT(bus, HasState<Trip>("t", Field(&Trip::status, "booked")));
  EXPECT_THAT(bus, Not(HasState<Trip>("u", ::testing::_)));
  EXPECT_THAT(bus, HasTimeout("t", "pay"));
  EXPECT_THAT(bus, Not(HasTimeout("t", "other")));
  EXPECT_THAT(bus, Not(HasCompleted("t")));
  ::testing::StringMatchResultListener listener;
  EXPECT_FALSE(::testing::ExplainMatchResult(HasCompleted("t"), bus, &listener));
  EXPECT_THAT(listener.str(), HasSubstr("what happened:\nTrip t\n"));
  bus.run_until_idle();
  EXPECT_THAT(bus, HasCompleted("t"));
  EXPECT_THAT(bus, Not(HasTimeout("t", "pay")));
}

}  // namespace
}  // namespace harnessed
