#include <gtest/gtest.h>

#include "sagabus/instance.hpp"
#include "unit/expect.hpp"

namespace sagabus {
namespace {

using test::error_of;

TimePoint at(std::int64_t milliseconds) {
  return TimePoint(std::chrono::milliseconds(milliseconds));
}

EnvelopePtr envelope(Headers headers = {}, std::string partition_key = {}) {
  Envelope e;
  e.id = "out \"1\"";
  e.type = "T";
  e.payload = Value(Object{{"n", Value(0.5)}});
  e.headers = std::move(headers);
  e.timestamp = at(1000);
  e.partition_key = std::move(partition_key);
  return std::make_shared<const Envelope>(std::move(e));
}

Bookkeeping round_trip(const Bookkeeping& b) {
  return read_bookkeeping(b.birth, write_bookkeeping(b, "s"), "s");
}

TEST(Bookkeeping, AnEmptyPartIsAnEmptyText) {
  Bookkeeping b;
  b.birth = "b";
  EXPECT_TRUE(write_bookkeeping(b, "s").inbox.empty());
  EXPECT_TRUE(write_bookkeeping(b, "s").outbox.empty());
  EXPECT_EQ(round_trip(b), b);
}

// Found by the fuzz target: the difference of the two times overflowed.
TEST(Bookkeeping, AnIdThatIsTwiceInTheInboxComesBack) {
  const BookkeepingText text{R"({"f":1,"m":[["m",-5],["m",9223372036854775807]]})",
                             R"({"f":1,"e":[[1,"w",1,[["i","T",0,null]]]]})"};
  const Bookkeeping read = read_bookkeeping("b", text, "s");
  EXPECT_EQ(read.outbox[0].messages[0].envelope->timestamp, TimePoint::max());
  EXPECT_EQ(round_trip(read), read);
}

TEST(Bookkeeping, HasItsFormToTheLetter) {
  Bookkeeping b;
  b.inbox = {{"m1", at(1)}, {"m2", at(2)}};
  b.outbox = {{"m2", "w", 3, {{envelope(), {}}}}};
  EXPECT_EQ(write_bookkeeping(b, "s").inbox, R"({"f":1,"m":[["m1",1],["m2",2]]})");
  EXPECT_EQ(write_bookkeeping(b, "s").outbox,
            R"({"f":1,"e":[[1,"w",3,[["out \"1\"","T",998,{"n":0.5}]]]]})");
  b.horizon = at(-5);
  EXPECT_EQ(write_bookkeeping(b, "s").inbox, R"({"f":1,"h":-5,"m":[["m1",1],["m2",2]]})");
  b.outbox[0].messages = {{envelope({{"h", "v"}}, "p"), at(9)}};
  EXPECT_EQ(write_bookkeeping(b, "s").outbox,
            R"({"f":1,"e":[[1,"w",3,[["out \"1\"","T",998,{"n":0.5},{"h":"v"},"p",9]]]]})");
  Envelope derived = *envelope();  // what a handler publishes without an id of its own
  derived.id = derive_message_id("m2", "s", 0);
  b.outbox[0].messages = {{std::make_shared<const Envelope>(derived), {}}};
  EXPECT_EQ(write_bookkeeping(b, "s").outbox, R"({"f":1,"e":[[1,"w",3,[[0,"T",998,{"n":0.5}]]]]})");
  EXPECT_EQ(round_trip(b), b);
  b.inbox.clear();  // an entry whose id is not in the inbox keeps it
  EXPECT_EQ(write_bookkeeping(b, "s").outbox,
            R"({"f":1,"e":[["m2","w",3,[[0,"T",1000,{"n":0.5}]]]]})");
  EXPECT_EQ(round_trip(b), b);
}

TEST(Bookkeeping, ComesBackWhateverItLeavesOut) {
  for (const bool with_headers : {false, true}) {
    for (const bool with_key : {false, true}) {
      for (const bool late : {false, true}) {
        Bookkeeping b;
        b.birth = "b";
        const EnvelopePtr e =
            envelope(with_headers ? Headers{{"ü", "\""}} : Headers{}, with_key ? "p" : "");
        b.outbox = {{"m", "w", 1, {{e, late ? at(5) : TimePoint{}}, {e, {}}}}, {"n", "w", 2, {}}};
        EXPECT_EQ(round_trip(b), b);
      }
    }
  }
  Bookkeeping only_horizon;
  only_horizon.horizon = at(1'795'367'045'123);
  EXPECT_EQ(round_trip(only_horizon), only_horizon);
}

TEST(Bookkeeping, HoldsWhatAMessageMayHold) {
  Value deepest(1);
  for (std::size_t i = 0; i < kMaxPayloadDepth; ++i) deepest = Value(Array{std::move(deepest)});
  Envelope e;
  e.id = "i";
  e.type = "T";
  e.payload = std::move(deepest);
  check(e);
  Bookkeeping b;
  b.outbox = {{"m", "w", 1, {{std::make_shared<const Envelope>(e), at(5)}}}};
  EXPECT_EQ(round_trip(b), b);
}

TEST(Bookkeeping, RefusesAnyOtherText) {
  for (const char* bad :
       {"x", "[]", "{}", R"({"f":2,"m":[]})", R"({"f":1})", R"({"f":1,"m":{}})",
        R"({"f":1,"m":[["a"]]})", R"({"f":1,"m":[[1,1]]})", R"({"f":1,"m":[["a","b"]]})",
        R"({"f":1,"h":"x","m":[]})", R"({"f":"1","m":[]})"}) {
    EXPECT_THROW(read_bookkeeping("b", {bad, ""}, "s"), ValidationError) << bad;
  }
  for (const char* bad :
       {"x", "{}", R"({"f":1})", R"({"f":1,"e":1})", R"({"f":1,"e":[["m","w",1]]})",
        R"({"f":1,"e":[["m","w",-1,[]]]})", R"({"f":1,"e":[["m","w",1,[["i","t",1]]]]})",
        R"({"f":1,"e":[["m","w",1,[["i","t","x",null]]]]})",
        R"({"f":1,"e":[["m","w",1,[["i","t",1,null,[]]]]]})", R"({"f":1,"e":[[1,"w",1,[]]]})",
        R"({"f":1,"e":[[-1,"w",1,[]]]})", R"({"f":1,"e":[[true,"w",1,[]]]})",
        R"({"f":1,"e":[[0,"w",1,[[1,"t",1,null]]]]})"}) {
    EXPECT_THROW(read_bookkeeping("b", {R"({"f":1,"m":[["m",1]]})", bad}, "s"), ValidationError)
        << bad;
  }
  EXPECT_EQ(error_of([] {
              read_bookkeeping("b", {R"({"f":2,"m":[]})", ""}, "s");
            }),
            "inbox: a format that this version does not know");
}

}  // namespace
}  // namespace sagabus
