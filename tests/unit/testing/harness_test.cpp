#include "sagabus/testing/harness.hpp"

#include <gmock/gmock.h>

#include <array>
#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
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

TEST(Harness, ShowsACommitWhoseAnswerWasLost) {
  Harness bus(trips());
  bus.fail_next(Fault::commit_answer_lost);
  bus.publish(Booked{"t"});
  ASSERT_THAT(bus.steps(), SizeIs(1));
  EXPECT_THAT(bus.steps()[0].error, HasSubstr("as the test asked"));
  ASSERT_TRUE(bus.steps()[0].after);
  EXPECT_EQ(bus.steps()[0].after->version, 1U);
  EXPECT_THAT(bus.explain(), AllOf(HasSubstr("committed, but failed: the store's answer was lost"),
                                   HasSubstr("sets timeout pay")));
  bus.advance(1min);
  EXPECT_EQ(bus.steps().back().outcome, StepOutcome::repeated);
}

TEST(Harness, ShowsNoCommitThatWasRefused) {
  Harness bus(trips());
  bus.fail_next(Fault::commit_refused);
  bus.publish(Booked{"t"});
  EXPECT_FALSE(bus.steps()[0].after);
  EXPECT_THAT(bus.find("t"), IsEmpty());
}

TEST(Harness, MakesARaceThatTheStepLoses) {
  Harness bus(trips());
  bus.fail_next(Fault::commit_raced);
  bus.publish(Booked{"t"});  // has nobody to race with
  EXPECT_THAT(bus.pending_faults(), ElementsAre("1 x commit_raced"));
  bus.publish(Charged{"t"});
  EXPECT_EQ(bus.instance("t").version, 3U);  // the other write has one as well
  EXPECT_THAT(bus.pending_faults(), IsEmpty());
}

TEST(Harness, LetsTheTestsMessagesThroughAndFailsTheBurialOfThem) {
  HarnessOptions options{.sagas = {trips()}};
  options.retry.max_attempts = 1;
  Harness bus(std::move(options));
  bus.publish(Booked{"t"});
  bus.fail_next<Charged>();
  bus.fail_next(Fault::send_refused);
  bus.publish(Charged{"t"});
  EXPECT_THAT(bus.dead_letters(), IsEmpty());
  EXPECT_THAT(bus.pending_faults(), IsEmpty());
}

TEST(Harness, FailsHandlersOnlyAndWithTheErrorThatIsAskedFor) {
  Harness bus(trips());
  bus.fail_next<Charged>(1, std::make_exception_ptr(ValidationError("out of range")));
  bus.publish(Charged{"nobody"});  // no handler
  EXPECT_THAT(bus.pending_faults(), ElementsAre("1 x Charged"));
  EXPECT_THAT(bus.explain(), HasSubstr("faults that are still to come\n  1 x Charged\n"));
  bus.publish(Booked{"t"});
  bus.publish(Charged{"t"});
  ASSERT_THAT(bus.dead_letters(), SizeIs(1));  // at once: it will fail again
  EXPECT_THAT(bus.dead_letters()[0].error, HasSubstr("out of range"));
  EXPECT_THROW(bus.fail_next<Released>(), std::invalid_argument);
  bus.fail_next_timeout("pay");
  bus.run_until_idle();
  EXPECT_TRUE(bus.is_completed("t"));
  EXPECT_EQ(bus.steps().back().attempt, 2U);
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
  +00:00:00.000       Booked {"trip":"t","seats":2}: committed
                      state {"trip":"t","status":"booked","charges":0}
                      publishes ChargeAsked {"trip":"t","amount":20}
                      schedules Reminded {"trip":"t"}, due +00:10:00.000
                      sets timeout pay, due +00:30:00.000
  +00:01:00.000       Charged {"trip":"t"}: failed: it fails, as the test asked
  +00:01:00)";
  const std::string end = R"(       Charged {"trip":"t"}: committed (attempt 2)
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
  bus.publish(Booked{"u"});
  bus.fail_next<Charged>(3);
  bus.publish(Charged{"t"});
  bus.advance(1min);
  EXPECT_THAT(bus.explain("t"), AllOf(HasSubstr("+00:30:00.000       timeout pay is due\n"),
                                      HasSubstr("dead letters\n  Trip: Charged: ")));
  EXPECT_THAT(bus.explain("u"), Not(HasSubstr("dead letters")));
  EXPECT_THAT(Harness(trips()).explain(), StrEq("no step was taken\n"));
}

// The second step finds what the first one left, though one write holds both.
TEST(Harness, ExplainsStepsThatShareAWriteInTheirOrder) {
  HarnessOptions options{.sagas = {trips()}};
  options.configure = [](BusOptions& bus) { bus.max_coalesced_steps = 10; };
  Harness bus(std::move(options));
  bus.publish(Booked{"t"});
  bus.publish_together(Charged{"t"}, Charged{"t"}, Charged{"t"});
  const std::string text = bus.explain("t");
  const std::size_t first = text.find("charges: 0 -> 1\n");
  const std::size_t second = text.find("charges: 1 -> 2\n");
  const std::size_t third = text.find("charges: 2 -> 3\n");
  EXPECT_LT(first, second) << text;
  EXPECT_LT(second, third) << text;
  EXPECT_NE(third, std::string::npos) << text;
  EXPECT_EQ(text.find("clears timeout pay"), text.rfind("clears timeout pay")) << text;
}

TEST(Harness, ExplainsAWriteOfSeveralStepsWhoseAnswerWasLost) {
  HarnessOptions options{.sagas = {trips()}};
  options.configure = [](BusOptions& bus) { bus.max_coalesced_steps = 10; };
  Harness bus(std::move(options));
  bus.publish(Booked{"t"});
  bus.fail_next(Fault::commit_answer_lost, 2);
  bus.publish_together(Charged{"t"}, Charged{"t"}, Charged{"t"});
  bus.advance(1min);
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 3);
  const std::string text = bus.explain("t");
  for (const char* change : {"charges: 0 -> 1\n", "charges: 1 -> 2\n", "charges: 2 -> 3\n"}) {
    EXPECT_NE(text.find(change), std::string::npos) << change << text;
    EXPECT_EQ(text.find(change), text.rfind(change)) << change << text;
  }
}

TEST(Harness, ExplainsALifeAfterAnother) {
  const auto door = saga<Trip>("Again")
                        .correlate<Booked>(&Booked::trip, can_start)
                        .initial([] {
                          return Trip{"", "new"};
                        })
                        .on<Booked>()
                        .handle([](const Booked&, Trip& s, SagaContext& ctx) {
                          s.status = "done";
                          ctx.complete();
                        })
                        .restart_when_completed()
                        .build();
  Harness bus(door);
  bus.publish(Booked{"t"});
  bus.publish(Booked{"t"});
  const std::string text = bus.explain("t");
  const std::size_t again = text.find("begins afresh");
  ASSERT_NE(again, std::string::npos) << text;
  EXPECT_THAT(text.substr(again), AllOf(HasSubstr("state {"), HasSubstr("completes\n")));
}

TEST(Harness, KnowsWhatNoHandlerTook) {
  const auto shared = std::make_shared<Coverage>();
  {
    Harness bus({.sagas = {trips()}, .coverage = shared});
    bus.publish(Booked{"t"});
    bus.fail_next(Fault::commit_answer_lost);
    bus.publish(Charged{"t"});
    bus.run_until_idle();  // Reminded comes, and no guard holds
    EXPECT_THAT(bus.unexercised(), ElementsAre("Trip: Reminded", "Trip: timeout pay"));
  }
  Harness bus({.sagas = {trips()}, .coverage = shared});
  bus.publish(Booked{"t"});
  bus.run_until_idle();
  EXPECT_THAT(bus.unexercised(), ElementsAre("Trip: Charged"));
  EXPECT_THAT(shared->unexercised(), IsEmpty());
}

TEST(Harness, DoesNotTakeATimeoutThatNoGuardLetsThroughForExercised) {
  const auto deaf =
      saga<Trip>("Deaf")
          .correlate<Booked>(&Booked::trip, can_start)
          .initial([] { return Trip{}; })
          .on<Booked>()
          .handle([](const Booked&, Trip&, SagaContext& ctx) { ctx.set_timeout("pay", 1min); })
          .on_timeout("pay")
          .when([](const Trip&) { return false; })
          .handle([](Trip&) {})
          .build();
  Harness bus(deaf);
  bus.publish(Booked{"t"});
  bus.run_until_idle();
  EXPECT_THAT(bus.unexercised(), ElementsAre("Deaf: timeout pay"));
}

TEST(Harness, IsIdleThoughTheRowOfAClearedTimeoutIsLeft) {
  Harness bus(trips());
  bus.publish(Booked{"t"});
  bus.publish(Charged{"t"});
  EXPECT_EQ(bus.run_until_idle(), 10min);  // the reminder, and not the timeout
  const std::size_t steps = bus.steps().size();
  bus.advance(1h);
  EXPECT_THAT(bus.steps(), SizeIs(steps));
}

TEST(Harness, LetsAHeartbeatGoOn) {
  const auto heart =
      saga<Trip>("Heart")
          .correlate<Booked>(&Booked::trip, can_start)
          .initial([] { return Trip{}; })
          .on<Booked>()
          .handle([](const Booked&, Trip&, SagaContext& ctx) { ctx.set_timeout("beat", 1s); })
          .on_timeout("beat")
          .handle([](Trip& s, SagaContext& ctx) {
            ++s.charges;
            ctx.set_timeout("beat", 1s);
          })
          .build();
  Harness bus(heart);
  bus.publish(Booked{"t"});
  bus.advance(1h);
  EXPECT_EQ(bus.state_of<Trip>("t").charges, 3600);
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
  HarnessOptions options{.sagas = {trips()}};
  options.services = {service("ping").on<Charged>([](const Charged& m, MessageContext& ctx) {
                        ctx.publish(Reminded{m.trip});
                      }),
                      service("pong").on<Reminded>([](const Reminded& m, MessageContext& ctx) {
                        ctx.publish(Charged{m.trip});
                      })};
  Harness bus(std::move(options));
  try {
    bus.publish(Charged{"t"});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("no rest at one moment"), HasSubstr("Reminded, Charged")));
  }
  EXPECT_THROW(bus.advance(1s), std::runtime_error);
  EXPECT_THAT(bus.explain(), HasSubstr("Trip t\n"));  // which only looks
}

TEST(Harness, RefusesToGoBackOrForEver) {
  Harness bus(trips());
  EXPECT_THROW(bus.advance(-1ms), std::invalid_argument);
  EXPECT_THROW(bus.advance(std::chrono::milliseconds::max()), std::invalid_argument);
}

TEST(Harness, RunsOperationsOfTheTest) {
  Harness bus(trips());
  const ScheduledMessage booked = bus.run(bus.bus().schedule(Booked{"t"}, 1h));
  EXPECT_EQ(booked.due, bus.now() + 1h);
  EXPECT_TRUE(bus.run(bus.bus().cancel(booked)));
  bus.run_until_idle();
  EXPECT_THAT(bus.find("t"), IsEmpty());
}

boost::asio::awaitable<std::array<char, 512>> late_answer(std::shared_ptr<VirtualClock> clock) {
  co_await clock->sleep_for(1s);
  co_return std::array<char, 512>{};
}

TEST(Harness, CancelsWhatWaitsForAnotherMoment) {
  Harness bus(trips());
  EXPECT_THROW(bus.run(late_answer(bus.clock())), std::logic_error);
  EXPECT_EQ(bus.clock()->sleepers(), 0U);
  EXPECT_THAT(bus.timers(), IsEmpty());  // which goes on to work
  bus.advance(2s);
}

TEST(Harness, MayBeLookedAtFromHandlersAndNotBeDriven) {
  Harness* harness = nullptr;
  std::vector<std::string> seen;
  const auto nosy = saga<Trip>("Nosy")
                        .correlate<Booked>(&Booked::trip, can_start)
                        .initial([] { return Trip{}; })
                        .on<Booked>()
                        .handle([&](const Booked& m, Trip&) {
                          seen.push_back(harness->explain());
                          EXPECT_THAT(harness->find(m.trip), IsEmpty());
                          EXPECT_THROW(harness->advance(1s), std::logic_error);
                        })
                        .build();
  Harness bus(nosy);
  harness = &bus;
  bus.publish(Booked{"t"});
  EXPECT_THAT(seen, ElementsAre(HasSubstr("its handler waits")));
}

TEST(Harness, CancelsAHandlerThatWaitsWhenItEnds) {
  const auto clock = std::make_shared<VirtualClock>();
  bool went_on = false;
  const auto waiting =
      saga<Trip>("Waiting")
          .correlate<Booked>(&Booked::trip, can_start)
          .initial([] { return Trip{}; })
          .on<Booked>()
          .handle([&, clock](const Booked&, Trip&) -> boost::asio::awaitable<void> {
            co_await clock->sleep_for(10s);
            went_on = true;
          })
          .build();
  {
    Harness bus({.sagas = {waiting}, .clock = clock});
    bus.publish(Booked{"t"});
    ASSERT_THAT(bus.steps(), SizeIs(1));
    EXPECT_FALSE(bus.steps()[0].ended);
  }
  EXPECT_FALSE(went_on);
  Harness bus({.sagas = {waiting}, .clock = clock});
  bus.publish(Booked{"t"});
  bus.advance(10s);
  EXPECT_TRUE(went_on);
}

TEST(Harness, HasSagasOnItsOwnStore) {
  SagaOptions elsewhere;
  elsewhere.store = memory::SagaStore();
  Harness bus(trips().with(elsewhere));
  bus.publish(Booked{"t"});
  EXPECT_EQ(bus.state_of<Trip>("t").status, "booked");
  EXPECT_THAT(bus.timers(), SizeIs(1));
}

TEST(Harness, LetsTheTestSetTheBusUp) {
  std::vector<std::string> lines;
  HarnessOptions options{.sagas = {trips()}, .max_message_bytes = 300};
  options.configure = [&](BusOptions& bus) {
    bus.retry.max_attempts = 1;
    bus.dead_letter_endpoint = [](const std::string& endpoint) { return "graves of " + endpoint; };
    bus.ambient.log = Logger([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  };
  Harness bus(std::move(options));
  bus.publish(Booked{"t"});
  bus.fail_next<Charged>();
  bus.publish(Charged{"t"});
  EXPECT_THAT(bus.dead_letters(), SizeIs(1));
  bus.fail_next(Fault::commit_refused);
  bus.publish(Charged{"t"});
  EXPECT_THAT(lines, ElementsAre(HasSubstr("the store is away")));
  EXPECT_THROW(bus.publish(Booked{std::string(400, 'x')}), ValidationError);
}

TEST(Harness, KeepsMessagesOfOneIdAndOfSeveralTypesApart) {
  Harness bus(trips());
  bus.publish(Booked{"t"}, {.id = "x"});
  bus.publish(Charged{"t"}, {.id = "x"});
  EXPECT_THAT(bus.published<Booked>(), SizeIs(1));
  EXPECT_THAT(bus.published<Charged>(), SizeIs(1));
  EXPECT_THAT(bus.steps_of("x"), SizeIs(2));
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
  ::testing::StringMatchResultListener other;  // as where it should not hold
  EXPECT_TRUE(::testing::ExplainMatchResult(HasTimeout("t", "pay"), bus, &other));
  EXPECT_THAT(other.str(), HasSubstr("what happened:\nTrip t\n"));
  bus.run_until_idle();
  EXPECT_THAT(bus, HasCompleted("t"));
  EXPECT_THAT(bus, Not(HasTimeout("t", "pay")));
}

}  // namespace
}  // namespace harnessed
