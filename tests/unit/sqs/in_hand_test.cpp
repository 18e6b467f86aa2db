#include "sqs/in_hand.hpp"

#include <gmock/gmock.h>

namespace sagabus::sqs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::shared_ptr<Lease> lease(std::chrono::nanoseconds taken, std::chrono::nanoseconds most = 1h) {
  return std::make_shared<Lease>(nullptr, "receipt", "message", Lease::Terms{taken, 30s, most});
}

TEST(SqsLease, IsLetGoOfOnceAndInTime) {
  const auto it = lease(100s);
  EXPECT_TRUE(it->is_held());
  EXPECT_TRUE(it->end(129s));
  EXPECT_FALSE(it->end(129s));
  EXPECT_FALSE(it->is_held());
  EXPECT_FALSE(lease(100s)->end(130s));
}

TEST(SqsLease, IsRenewedAfterSeventyPercentOfItsTime) {
  const auto it = lease(100s);
  EXPECT_EQ(it->renew_at(), 121s);
  EXPECT_EQ(it->renewal(121s), 30s);
  it->renewed(122s, 30s);
  EXPECT_EQ(it->renew_at(), 143s);
  EXPECT_TRUE(it->end(151s));
}

TEST(SqsLease, IsRenewedUpToItsBoundAndNoFurther) {
  const auto it = lease(100s, 50s);
  EXPECT_EQ(it->renewal(121s), 29s);
  it->renewed(121s, 29s);
  EXPECT_EQ(it->renew_at(), std::chrono::nanoseconds::max());
  EXPECT_EQ(it->renewal(150s), 0s);
  EXPECT_EQ(it->renewal(200s), 0s);
  EXPECT_EQ(lease(100s, 30s)->renew_at(), std::chrono::nanoseconds::max());
}

TEST(SqsLease, ThatIsLostAcknowledgesNothing) {
  const auto it = lease(100s);
  it->lost();
  EXPECT_FALSE(it->end(101s));
}

TEST(SqsInHand, FindsWhatIsDueAndForgetsWhatIsGone) {
  int started = 0;
  InHand hand;
  hand.start([&] { ++started; });
  EXPECT_TRUE(hand.empty());
  auto dropped = lease(0s);
  const auto ended = lease(0s);
  const auto due = lease(0s);
  const auto later = lease(5s);
  for (const auto& it : {dropped, ended, due, later}) hand.add(it);
  EXPECT_EQ(started, 1);
  EXPECT_THAT(hand.due(20s), IsEmpty());
  dropped.reset();
  ended->end(20s);
  EXPECT_THAT(hand.due(21s), ElementsAre(due));
  due->renewing = true;
  EXPECT_THAT(hand.due(22s), IsEmpty());
  EXPECT_THAT(hand.due(26s), ElementsAre(later));
  due->end(26s);
  later->end(26s);
  EXPECT_THAT(hand.due(27s), IsEmpty());
  EXPECT_TRUE(hand.empty());
  hand.add(lease(0s));
  EXPECT_EQ(started, 2);
}

}  // namespace
}  // namespace sagabus::sqs
