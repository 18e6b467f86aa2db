#include "sqs/routes.hpp"

#include <gmock/gmock.h>

namespace sagabus::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Envelope envelope(std::string type) {
  Envelope out;
  out.id = "id-1";
  out.type = std::move(type);
  out.payload = Value(Object{{"orderId", Value("o-1")}, {"number", Value(7)}, {"none", Value()}});
  return out;
}

TEST(SqsRoutes, SubscribersAndRoutesTakeAType) {
  Routes routes({{.type = "T", .endpoint = "far"}, {.type = "U", .endpoint = "far"}});
  EXPECT_THAT(routes.takers("T"), ElementsAre("far"));
  EXPECT_THAT(routes.takers("V"), IsEmpty());
  routes.subscribe({.endpoint = "here", .types = {"T", "T", "V"}});
  EXPECT_THAT(routes.takers("T"), ElementsAre("far", "here"));
  EXPECT_THAT(routes.takers("V"), ElementsAre("here"));
  routes.subscribe({.endpoint = "here", .types = {"V"}});
  EXPECT_THAT(routes.takers("T"), ElementsAre("far"));
  routes.subscribe({.endpoint = "far", .types = {"V"}});
  EXPECT_THAT(routes.takers("T"), ElementsAre("far"));  // the route stays
  EXPECT_THAT(routes.takers("V"), ElementsAre("here", "far"));
}

TEST(SqsRoutes, TheReceiverSaysWhatKeepsItsOrder) {
  Routes routes({{.type = "T", .endpoint = "far", .group_by = "orderId"},
                 {.type = "U", .endpoint = "far", .group_by = "number"},
                 {.type = "V", .endpoint = "far", .group_by = "none"},
                 {.type = "W", .endpoint = "far"}});
  EXPECT_EQ(routes.order_key("far", envelope("T")), "o-1");
  EXPECT_EQ(routes.order_key("far", envelope("U")), "7");
  EXPECT_EQ(routes.order_key("far", envelope("V")), "id-1");
  EXPECT_EQ(routes.order_key("far", envelope("W")), "id-1");
  routes.subscribe({.endpoint = "here", .types = {"T"}, .order_by = [](const Envelope& e) {
                      return e.type == "T" ? std::string("by saga") : std::string();
                    }});
  Envelope keyed = envelope("T");
  keyed.partition_key = "customer";
  EXPECT_EQ(routes.order_key("here", keyed), "by saga");
  keyed.type = "X";
  EXPECT_EQ(routes.order_key("here", keyed), "customer");
  EXPECT_EQ(routes.order_key("nobody", keyed), "customer");
  EXPECT_EQ(routes.order_key("nobody", envelope("X")), "id-1");
}

// Its payload is no longer there to tell.
TEST(SqsRoutes, OfOneThatIsPackedItsHeadersSayWhatKeepsItsOrder) {
  Routes routes({{.type = "T", .endpoint = "far", .group_by = "orderId"},
                 {.type = "T", .endpoint = "loose"}});
  routes.subscribe({.endpoint = "here", .types = {"T"}, .order_by = [](const Envelope& e) {
                      return e.payload.is_null() ? std::string() : std::string("by saga");
                    }});
  const OrderKeys keys = routes.order_keys(envelope("T"));
  EXPECT_EQ(keys, (OrderKeys{{"far", "o-1"}, {"here", "by saga"}}));
  EXPECT_THAT(routes.order_keys(envelope("U")), IsEmpty());
  Envelope packed = with_claim(envelope("T"), {"key", 1}, keys);
  EXPECT_EQ(routes.order_key("far", packed), "o-1");
  EXPECT_EQ(routes.order_key("here", packed), "by saga");
  EXPECT_EQ(routes.order_key("loose", packed), "id-1");
  packed.partition_key = "customer";
  EXPECT_EQ(routes.order_key("nobody", packed), "customer");
  EXPECT_EQ(routes.order_key("far", packed), "o-1");
}

}  // namespace
}  // namespace sagabus::sqs
