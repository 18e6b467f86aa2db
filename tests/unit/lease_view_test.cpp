#include "lease_view.hpp"

#include <gtest/gtest.h>

namespace {

using sagabus::Lease;
using sagabus::detail::kLeaseTime;
using sagabus::detail::LeaseView;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

TEST(LeaseView, TakesWhatNobodyHolds) {
  LeaseView view;
  EXPECT_TRUE(view.worth_taking(Lease{}, 100s));
  EXPECT_FALSE(view.holds(100s));
  view.taken("me", 101s);
  EXPECT_TRUE(view.holds(101s));
  EXPECT_TRUE(view.holds(101s + kLeaseTime - 1ns));
  EXPECT_FALSE(view.holds(101s + kLeaseTime));
  EXPECT_EQ(view.seen(), (Lease{"me", 1}));
  const Lease given_up{"", 7};
  EXPECT_TRUE(LeaseView().worth_taking(given_up, 0s));
}

TEST(LeaseView, LeavesWhatIsRenewed) {
  LeaseView view;
  for (std::uint64_t i = 1; i < 100; ++i) {
    EXPECT_FALSE(view.worth_taking(Lease{"other", i}, i * 4s));
  }
}

TEST(LeaseView, TakesWhatStoodStillByItsOwnClock) {
  LeaseView view;
  const Lease held{"other", 5};
  EXPECT_FALSE(view.worth_taking(held, 10s));
  EXPECT_FALSE(view.worth_taking(held, 10s + kLeaseTime - 1ns));
  EXPECT_TRUE(view.worth_taking(held, 10s + kLeaseTime));
  view.lost();
  EXPECT_FALSE(view.worth_taking(held, 10s + 2 * kLeaseTime));  // watched anew
}

// A counter that went on meanwhile was alive, whoever holds it by now.
TEST(LeaseView, WatchesAnewWhateverHasChanged) {
  LeaseView view;
  EXPECT_FALSE(view.worth_taking(Lease{"other", 5}, 0s));
  EXPECT_FALSE(view.worth_taking(Lease{"another", 5}, kLeaseTime));
  EXPECT_FALSE(view.worth_taking(Lease{"another", 6}, 2 * kLeaseTime));
  EXPECT_TRUE(view.worth_taking(Lease{"another", 6}, 3 * kLeaseTime));
}

TEST(LeaseView, RenewsItsOwnHoweverLate) {
  LeaseView view;
  EXPECT_TRUE(view.worth_taking(Lease{}, 0s));
  view.taken("me", 0s);
  EXPECT_TRUE(view.worth_taking(Lease{"me", 1}, 1h));
  view.taken("me", 1h);
  EXPECT_TRUE(view.holds(1h));
}

TEST(LeaseView, GivesWayToWhoeverTookItOver) {
  LeaseView view;
  EXPECT_TRUE(view.worth_taking(Lease{}, 0s));
  view.taken("me", 0s);
  EXPECT_FALSE(view.worth_taking(Lease{"other", 2}, 4s));
  EXPECT_FALSE(view.holds(4s));
}

}  // namespace
