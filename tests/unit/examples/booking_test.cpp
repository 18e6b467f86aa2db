// A saga and its tests, as docs/guide/testing.md shows them.

// [saga]
#include <sagabus/describe.hpp>
#include <sagabus/saga.hpp>
#include <string>

using namespace std::chrono_literals;

struct TableWanted {
  std::string booking;
  int guests = 0;
};
SAGABUS_MESSAGE(TableWanted, booking, guests)

struct DepositAsked {
  std::string booking;
  int euros = 0;
};
SAGABUS_MESSAGE(DepositAsked, booking, euros)

struct DepositPaid {
  std::string booking;
};
SAGABUS_MESSAGE(DepositPaid, booking)

struct TableReleased {
  std::string booking;
};
SAGABUS_MESSAGE(TableReleased, booking)

enum class BookingStatus { wanted, held, confirmed, released };
SAGABUS_DESCRIBE_ENUM(BookingStatus, wanted, held, confirmed, released)

struct Booking {
  BookingStatus status = BookingStatus::wanted;
  int guests = 0;
};
SAGABUS_DESCRIBE(Booking, status, guests)

sagabus::SagaDefinition booking_saga() {
  return sagabus::saga<Booking>("Booking")
      .correlate_all([](const auto& message) { return message.booking; })
      .initial([](const TableWanted& m) { return Booking{.guests = m.guests}; })
      .on<TableWanted>(sagabus::can_start)
      .in(BookingStatus::wanted)
      .leads_to(BookingStatus::held)
      .handle([](const TableWanted& m, Booking& s, sagabus::SagaContext& ctx) {
        s.status = BookingStatus::held;
        ctx.publish(DepositAsked{m.booking, 10 * m.guests});
        ctx.set_timeout("deposit", 15min);
      })
      .on<DepositPaid>()
      .in(BookingStatus::held)
      .leads_to(BookingStatus::confirmed)
      .handle([](const DepositPaid&, Booking& s, sagabus::SagaContext& ctx) {
        s.status = BookingStatus::confirmed;
        ctx.clear_timeout("deposit");
      })
      .on_timeout("deposit")
      .in(BookingStatus::held)
      .leads_to(BookingStatus::released)
      .handle([](Booking& s, sagabus::SagaContext& ctx) {
        s.status = BookingStatus::released;
        ctx.publish(TableReleased{ctx.correlation_id()});
        ctx.complete();
      })
      .build();
}
// [saga]

// [tests]
#include <gmock/gmock.h>
#include <sagabus/testing/matchers.hpp>

using sagabus::testing::Fault;
using sagabus::testing::Harness;
using sagabus::testing::HasCompleted;
using sagabus::testing::HasNoDeadLetters;
using sagabus::testing::HasPublished;
using sagabus::testing::HasState;
using sagabus::testing::HasTimeout;
using testing::Field;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

TEST(BookingSaga, HoldsTheTableUntilTheDepositIsPaid) {
  Harness bus(booking_saga());
  bus.publish(TableWanted{"b-1", 4});
  EXPECT_THAT(bus, HasPublished<DepositAsked>(Field(&DepositAsked::euros, 40)));
  EXPECT_THAT(bus, HasTimeout("b-1", "deposit"));
  bus.advance(14min);
  bus.publish(DepositPaid{"b-1"});
  EXPECT_THAT(bus, HasState<Booking>("b-1", Field(&Booking::status, BookingStatus::confirmed)));
  bus.run_until_idle();  // no timeout comes any more
  EXPECT_THAT(bus, Not(HasPublished<TableReleased>()));
}

TEST(BookingSaga, ReleasesTheTableAfterAQuarterOfAnHour) {
  Harness bus(booking_saga());
  bus.publish(TableWanted{"b-1", 2});
  bus.advance(15min);
  EXPECT_THAT(bus, HasPublished<TableReleased>());
  EXPECT_THAT(bus, HasCompleted("b-1"));
  bus.publish(DepositPaid{"b-1"});  // too late
  EXPECT_EQ(bus.steps().back().outcome, sagabus::StepOutcome::ignored);
}
// [tests]

// [faults]
TEST(BookingSaga, AsksForOneDepositWhateverFails) {
  Harness bus(booking_saga());
  bus.fail_next<TableWanted>();              // the handler throws,
  bus.fail_next(Fault::commit_answer_lost);  // then the store writes and does not answer,
  bus.fail_next(Fault::send_refused);        // then the queue is away
  bus.publish(TableWanted{"b-1", 2});
  bus.advance(2min);  // the retries
  EXPECT_THAT(bus.published<DepositAsked>(), SizeIs(1));
  EXPECT_THAT(bus, HasNoDeadLetters());
}
// [faults]

// [coverage]
TEST(BookingSaga, HandlesAllThatItDeclares) {
  Harness bus(booking_saga());
  bus.publish(TableWanted{"paid", 2});
  bus.publish(DepositPaid{"paid"});
  bus.publish(TableWanted{"late", 2});
  bus.run_until_idle();
  EXPECT_THAT(bus.unexercised(), IsEmpty());
}
// [coverage]

// What the guide shows of explain() and of the diagram.
#include <sagabus/diagram.hpp>

#include <fstream>
#include <sstream>

namespace {

// The fenced block that follows the heading.
std::string block_after(const std::string& heading) {
  std::ifstream file(SAGABUS_SOURCE_DIR "/docs/guide/testing.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const std::size_t at = all.find(heading);
  const std::size_t fence = at == std::string::npos ? at : all.find("```", at);
  if (fence == std::string::npos) return "there is no such block";
  const std::size_t begin = all.find('\n', fence) + 1;
  return all.substr(begin, all.find("```", begin) - begin);
}

TEST(TestingGuide, ShowsWhatExplainPrints) {
  Harness bus(booking_saga());
  bus.publish(TableWanted{"b-1", 2});
  bus.advance(5min);
  bus.publish(DepositPaid{"b-1"}, {.id = "p"});
  bus.publish(DepositPaid{"b-1"}, {.id = "p"});
  bus.publish(TableWanted{"b-2", 6});
  bus.advance(15min);
  bus.publish(TableWanted{"b-3", 1});
  EXPECT_EQ(bus.explain(), block_after("`explain()`"));
}

TEST(TestingGuide, ShowsTheDiagram) {
  EXPECT_EQ(sagabus::to_mermaid(booking_saga()), block_after("## Diagrams"));
}

}  // namespace
