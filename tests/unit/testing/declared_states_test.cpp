// What handlers declare of the states they run in and lead to holds.
#include <gmock/gmock.h>

#include "sagabus/saga.hpp"
#include "sagabus/testing/harness.hpp"
#include "sagabus/testing/matchers.hpp"

namespace declared {

struct Begun {
  std::string id;
};
SAGABUS_MESSAGE(Begun, id)
struct Pushed {
  std::string id;
};
SAGABUS_MESSAGE(Pushed, id)
struct Pulled {
  std::string id;
};
SAGABUS_MESSAGE(Pulled, id)

enum class Place { left, middle, right };
SAGABUS_DESCRIBE_ENUM(Place, left, middle, right)
struct Cart {
  Place place = Place::left;
  Place* before = nullptr;  // not described, and so not in the way
};
SAGABUS_DESCRIBE(Cart, place)

namespace {

using namespace sagabus;           // NOLINT(google-build-using-namespace)
using namespace sagabus::testing;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Pushed leads to `pushed_to`; Pulled, whose handler waits, to `pulled_to`.
SagaDefinition carts(Place pushed_to, Place pulled_to) {
  return saga<Cart>("Cart")
      .correlate_all([](const auto& m) { return m.id; })
      .initial([] { return Cart{}; })
      .on<Begun>(can_start)
      .handle([](const Begun&, Cart&) {})
      .on<Pushed>()
      .in(Place::left, Place::middle)
      .leads_to(Place::middle, Place::right)
      .handle([pushed_to](const Pushed&, Cart& s) { s.place = pushed_to; })
      .on<Pulled>()
      .leads_to(Place::left)
      .handle([pulled_to](const Pulled&, Cart& s) -> boost::asio::awaitable<void> {
        s.place = pulled_to;
        co_return;
      })
      .build();
}

TEST(DeclaredStates, AreGuards) {
  Harness bus(carts(Place::middle, Place::left));
  bus.publish(Begun{"c"});
  for (int i = 0; i < 2; ++i) {  // in both of its states
    bus.publish(Pushed{"c"});
    EXPECT_NE(bus.steps().back().outcome, StepOutcome::ignored);
  }
  EXPECT_EQ(bus.state_of<Cart>("c").place, Place::middle);
  Harness far(carts(Place::right, Place::left));
  far.publish(Begun{"c"});
  far.publish(Pushed{"c"});
  far.publish(Pushed{"c"});
  EXPECT_EQ(far.steps().back().outcome, StepOutcome::ignored);
  far.publish(Pulled{"c"});
  EXPECT_EQ(far.state_of<Cart>("c").place, Place::left);
}

TEST(DeclaredStates, OfTheEndAreLookedAt) {
  Harness bus(carts(Place::left, Place::right));
  bus.publish(Begun{"c"});
  bus.publish(Pushed{"c"});
  bus.advance(2min);
  ASSERT_THAT(bus.dead_letters(), SizeIs(1));
  EXPECT_THAT(bus.dead_letters()[0].error,
              HasSubstr("leads to middle or right, and ended in left"));
  bus.publish(Pulled{"c"});
  bus.advance(2min);
  ASSERT_THAT(bus.dead_letters(), SizeIs(2));
  EXPECT_THAT(bus.dead_letters()[1].error, HasSubstr("leads to left, and ended in right"));
  EXPECT_EQ(bus.state_of<Cart>("c").place, Place::left);
  EXPECT_EQ(bus.instance("c").version, 1U);
}

}  // namespace
}  // namespace declared
