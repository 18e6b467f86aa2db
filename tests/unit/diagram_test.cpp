#include "sagabus/diagram.hpp"

#include <gmock/gmock.h>

#include "sagabus/saga.hpp"

namespace drawn {

struct Opened {
  std::string id;
};
SAGABUS_MESSAGE_AS(Opened, "doors.opened \"v1\"", id)
struct Closed {
  std::string id;
};
SAGABUS_MESSAGE(Closed, id)

enum class Stand { open, shut, locked };
SAGABUS_DESCRIBE_ENUM(Stand, open, shut, locked)
struct Door {
  Stand stand = Stand::open;
  int knocks = 0;
};
SAGABUS_DESCRIBE(Door, stand, knocks)

namespace {

using namespace sagabus;  // NOLINT(google-build-using-namespace)

SagaDefinition plain_door() {
  return saga<Door>("Door \"front\"")
      .correlate_all([](const auto& m) { return m.id; })
      .initial([] { return Door{}; })
      .on<Opened>(can_start)
      .handle([](const Opened&, Door&) {})
      .on<Closed>()
      .handle([](const Closed&, Door&) {})
      .on_timeout("lock")
      .handle([](Door&) {})
      .build();
}

SagaDefinition door() {
  return saga<Door>("Door")
      .correlate_all([](const auto& m) { return m.id; })
      .initial([] { return Door{}; })
      .on<Opened>(can_start)
      .leads_to(Stand::open)
      .handle([](const Opened&, Door&) {})
      .on<Closed>()
      .in(Stand::open)
      .leads_to(Stand::shut)
      .handle([](const Closed&, Door& s) { s.stand = Stand::shut; })
      .on<Closed>()
      .in(Stand::shut)
      .stays<Stand>()
      .handle([](const Closed&, Door& s) { ++s.knocks; })
      .on_timeout("lock")
      .in(Stand::open, Stand::shut)
      .leads_to(Stand::locked)
      .handle([](Door& s) { s.stand = Stand::locked; })
      .build();
}

TEST(Diagram, DrawsDeclaredStates) {
  EXPECT_EQ(to_mermaid(door()), R"(---
title: "Door"
---
stateDiagram-v2
  state "open" as s0
  state "shut" as s1
  state "locked" as s2
  [*] --> s0 : doors.opened #34;v1#34;
  s0 --> s1 : Closed
  s1 --> s1 : Closed
  s0 --> s2 : timeout lock
  s1 --> s2 : timeout lock
  s2 --> [*]
)");
  EXPECT_EQ(to_dot(door()), R"(digraph "Door" {
  rankdir=LR;
  begin [shape=point, label=""];
  s0 [label="open", shape=box, style=rounded];
  s1 [label="shut", shape=box, style=rounded];
  s2 [label="locked", shape=box, style=rounded, peripheries=2];
  begin -> s0 [label="doors.opened \"v1\""];
  s0 -> s1 [label="Closed"];
  s1 -> s1 [label="Closed"];
  s0 -> s2 [label="timeout lock"];
  s1 -> s2 [label="timeout lock"];
}
)");
}

TEST(Diagram, DrawsMessagesWhereNoStateIsDeclared) {
  EXPECT_EQ(to_mermaid(plain_door()), R"(flowchart LR
  saga["Door #34;front#34;"]
  m0(["doors.opened #34;v1#34;"]) -- starts --> saga
  m1(["Closed"]) --> saga
  m2(["timeout lock"]) --> saga
)");
  EXPECT_EQ(to_dot(plain_door()), R"(digraph "Door \"front\"" {
  rankdir=LR;
  saga [label="Door \"front\"", shape=box];
  m0 [label="doors.opened \"v1\"", shape=plaintext];
  m0 -> saga [label="starts"];
  m1 [label="Closed", shape=plaintext];
  m1 -> saga;
  m2 [label="timeout lock", shape=plaintext];
  m2 -> saga;
}
)");
}

TEST(Diagram, DrawsWhatDeclaresNoStateAtAnyState) {
  const auto half = saga<Door>("Door")
                        .correlate_all([](const auto& m) { return m.id; })
                        .initial([] { return Door{}; })
                        .on<Opened>(can_start)
                        .leads_to(Stand::open)
                        .handle([](const Opened&, Door&) {})
                        .on<Closed>()
                        .handle([](const Closed&, Door&) {})
                        .build();
  EXPECT_THAT(to_mermaid(half), ::testing::EndsWith(R"(  state "open" as s0
  state "any state" as s1
  [*] --> s0 : doors.opened #34;v1#34;
  s1 --> s1 : Closed
)"));
}

TEST(Diagram, DrawsAStartFromTheStatesThatItTakesOrdersInAsWell) {
  const auto again = saga<Door>("Door")
                         .correlate_all([](const auto& m) { return m.id; })
                         .initial([] { return Door{}; })
                         .on<Opened>(can_start)
                         .in(Stand::open, Stand::shut)
                         .leads_to(Stand::shut)
                         .handle([](const Opened&, Door& s) { s.stand = Stand::shut; })
                         .build();
  EXPECT_THAT(to_mermaid(again), ::testing::EndsWith(R"(  state "shut" as s0
  [*] --> s0 : doors.opened #34;v1#34;
  s0 --> s0 : doors.opened #34;v1#34;
)"));
}

TEST(Diagram, DrawsAStartWithoutAHandlerAndWhatDeclaresOnlyWhereItBegins) {
  const auto half = saga<Door>("Say \"it\"")
                        .correlate<Opened>(&Opened::id, can_start)
                        .correlate<Closed>(&Closed::id)
                        .initial([] { return Door{}; })
                        .on<Closed>()
                        .in(Stand::open)
                        .handle([](const Closed&, Door&) {})
                        .build();
  EXPECT_EQ(to_mermaid(half), R"(---
title: "Say \"it\""
---
stateDiagram-v2
  state "any state" as s0
  state "open" as s1
  [*] --> s0 : doors.opened #34;v1#34;
  s1 --> s0 : Closed
)");
}

TEST(Definition, RefusesStatesThatAreDeclaredTwice) {
  const auto begin = [] {
    return saga<Door>("Door").correlate_all([](const auto& m) { return m.id; });
  };
  auto door = begin();
  EXPECT_THROW(door.on<Closed>().in(Stand::open).in(Stand::shut), std::invalid_argument);
  EXPECT_THROW(door.on<Closed>().leads_to(Stand::open).leads_to(Stand::shut),
               std::invalid_argument);
}

}  // namespace
}  // namespace drawn
