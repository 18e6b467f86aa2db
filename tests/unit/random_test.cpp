#include "sagabus/random.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

namespace sagabus {
namespace {

TEST(Random, ASeedGivesTheSameNumbers) {
  const auto a = seeded_random(7);
  const auto b = seeded_random(7);
  const auto c = seeded_random(8);
  EXPECT_EQ(a->next(), b->next());
  EXPECT_NE(a->next(), c->next());
}

TEST(Random, UniformIsInItsRange) {
  const auto random = seeded_random(1);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double v = uniform(*random);
    ASSERT_GE(v, 0.0);
    ASSERT_LT(v, 1.0);
    sum += v;
  }
  EXPECT_NEAR(sum / 10'000, 0.5, 0.02);
}

TEST(Random, AUuidLooksLikeVersion4) {
  const std::regex form("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string uuid = new_uuid(*system_random());
    EXPECT_TRUE(std::regex_match(uuid, form)) << uuid;
    EXPECT_TRUE(seen.insert(uuid).second);
  }
}

TEST(Random, ANonceIsElevenCharactersAndNew) {
  const std::regex form("[A-Za-z0-9_-]{11}");
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string nonce = new_nonce(*system_random());
    EXPECT_TRUE(std::regex_match(nonce, form)) << nonce;
    EXPECT_TRUE(seen.insert(nonce).second);
  }
}

}  // namespace
}  // namespace sagabus
