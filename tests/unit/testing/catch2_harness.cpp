// The harness needs no GoogleTest.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <sagabus/saga.hpp>
#include <sagabus/testing/harness.hpp>
#include <string>

struct Visit {
  std::string guest;
};
SAGABUS_MESSAGE(Visit, guest)

struct Guest {
  int visits = 0;
};
SAGABUS_DESCRIBE(Guest, visits)

sagabus::SagaDefinition welcome() {
  return sagabus::saga<Guest>("Welcome")
      .correlate<Visit>(&Visit::guest, sagabus::can_start)
      .initial([] { return Guest{}; })
      .on<Visit>()
      .handle([](const Visit&, Guest& guest) { ++guest.visits; })
      .build();
}

// [test]
TEST_CASE("counts visits") {
  sagabus::testing::Harness bus(welcome());
  bus.publish(Visit{"ada"});
  bus.publish(Visit{"ada"});
  INFO(bus.explain("ada"));
  REQUIRE(bus.state_of<Guest>("ada").visits == 2);
}
// [test]
