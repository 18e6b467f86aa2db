#include "sagabus/instance.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "unit/expect.hpp"

namespace sagabus {
namespace {

// Regression values, computed once by this very code: stored instances stand on them, so they must
// never change.
TEST(Instance, SagaIdsNeverChange) {
  EXPECT_EQ(derive_saga_id("OrderSaga", "order-1"), "f6ff6bbd-1afa-501e-9695-42f458490029");
  EXPECT_EQ(derive_saga_id("OrderSaga", "Grüße 世界"), "7448d3cb-586e-5765-8896-25a41a2010d7");
  EXPECT_EQ(derive_saga_id("", ""), "b3749958-50d5-5945-86ea-19de43240ea2");
}

TEST(Instance, MessageIdsNeverChange) {
  EXPECT_EQ(derive_message_id("m-1", "s-1", 0), "ec5738f3-e8d7-83cc-9179-0ff6beb36f33");
  EXPECT_EQ(derive_message_id("m-1", "s-1", 1), "14c99fb4-44d1-8e07-aff5-a79f4557b257");
  EXPECT_EQ(derive_message_id("9f1c6f0e-3f7b-4c57-9c49-0c1d4e9a7a10",
                              "6b1f0e52-9d3c-4f6a-a807-2e5d91c473b8", 7),
            "84171c83-f2e5-82d6-93e5-e7dc812caffe");
}

TEST(Instance, IdsHaveTheFormOfUuids) {
  constexpr std::string_view five = "xxxxxxxx-xxxx-5xxx-vxxx-xxxxxxxxxxxx";
  constexpr std::string_view eight = "xxxxxxxx-xxxx-8xxx-vxxx-xxxxxxxxxxxx";
  for (int i = 0; i < 100; ++i) {
    const std::string id = std::to_string(i);
    EXPECT_TRUE(test::has_form(derive_saga_id("S", id), five));
    EXPECT_TRUE(test::has_form(derive_message_id(id, "s", 0), eight));
  }
}

TEST(Instance, PartsAreToldApart) {
  std::set<std::string> ids;
  EXPECT_TRUE(ids.insert(derive_saga_id("ab", "c")).second);
  EXPECT_TRUE(ids.insert(derive_saga_id("a", "bc")).second);
  EXPECT_TRUE(ids.insert(derive_saga_id("abc", "")).second);
  EXPECT_TRUE(ids.insert(derive_saga_id("", "abc")).second);
  EXPECT_TRUE(ids.insert(derive_saga_id("a", "1:bc")).second);
  EXPECT_TRUE(ids.insert(derive_saga_id("1:a", "bc")).second);
  EXPECT_TRUE(ids.insert(derive_message_id("ab", "c", 0)).second);
  EXPECT_TRUE(ids.insert(derive_message_id("a", "bc", 0)).second);
  for (std::size_t index = 1; index < 1000; ++index) {
    EXPECT_TRUE(ids.insert(derive_message_id("ab", "c", index)).second);
    EXPECT_TRUE(ids.insert(derive_message_id("ab", fmt::format("d{}", index), 0)).second);
    EXPECT_TRUE(ids.insert(derive_message_id(fmt::format("x{}", index), "c", 0)).second);
  }
}

TEST(Instance, OutgoingMessagesAreComparedByTheirEnvelopes) {
  Envelope e;
  e.id = "m";
  const OutgoingMessage a{std::make_shared<const Envelope>(e), {}};
  const OutgoingMessage b{std::make_shared<const Envelope>(e), {}};
  EXPECT_EQ(a, b);
  e.id.push_back('n');
  EXPECT_NE(a, (OutgoingMessage{std::make_shared<const Envelope>(e), {}}));
  EXPECT_NE(a, (OutgoingMessage{a.envelope, TimePoint(std::chrono::milliseconds(1))}));
  EXPECT_NE(a, OutgoingMessage{});
  EXPECT_EQ(OutgoingMessage{}, OutgoingMessage{});
}

}  // namespace
}  // namespace sagabus
