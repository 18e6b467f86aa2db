#include "lease_view.hpp"

#include <gtest/gtest.h>

namespace {

using sagabus::Lease;
using sagabus::detail::kLeaseTime;
using sagabus::detail::LeaseView;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

TEST(LeaseView, TakesWhatNobodyHolds) {
  LeaseView view("me");
  EXPECT_TRUE(view.worth_taking(Lease{}, 100s, 100s));
  EXPECT_FALSE(view.holds(100s));
  view.taken(101s);
  EXPECT_TRUE(view.holds(101s));
  EXPECT_TRUE(view.holds(101s + kLeaseTime - 1ns));
  EXPECT_FALSE(view.holds(101s + kLeaseTime));
  EXPECT_EQ(view.seen(), (Lease{"me", 1}));
  const Lease given_up{"", 7};
  EXPECT_TRUE(LeaseView("me").worth_taking(given_up, 0s, 0s));
}

TEST(LeaseView, LeavesWhatIsRenewed) {
  LeaseView view("me");
  for (std::uint64_t i = 1; i < 100; ++i) {
    EXPECT_FALSE(view.worth_taking(Lease{"other", i}, i * 4s, i * 4s));
  }
}

TEST(LeaseView, TakesWhatStoodStillByItsOwnClock) {
  LeaseView view("me");
  const Lease held{"other", 5};
  EXPECT_FALSE(view.worth_taking(held, 10s, 10s));
  EXPECT_FALSE(view.worth_taking(held, 10s + kLeaseTime - 1ns, 10s + kLeaseTime - 1ns));
  EXPECT_TRUE(view.worth_taking(held, 10s + kLeaseTime, 10s + kLeaseTime));
  view.lost();
  EXPECT_FALSE(
      view.worth_taking(held, 10s + 2 * kLeaseTime, 10s + 2 * kLeaseTime));  // watched anew
}

// A counter that went on meanwhile was alive, whoever holds it by now.
TEST(LeaseView, WatchesAnewWhateverHasChanged) {
  LeaseView view("me");
  EXPECT_FALSE(view.worth_taking(Lease{"other", 5}, 0s, 0s));
  EXPECT_FALSE(view.worth_taking(Lease{"another", 5}, kLeaseTime, kLeaseTime));
  EXPECT_FALSE(view.worth_taking(Lease{"another", 6}, 2 * kLeaseTime, 2 * kLeaseTime));
  EXPECT_TRUE(view.worth_taking(Lease{"another", 6}, 3 * kLeaseTime, 3 * kLeaseTime));
}

TEST(LeaseView, RenewsItsOwnHoweverLate) {
  LeaseView view("me");
  EXPECT_TRUE(view.worth_taking(Lease{}, 0s, 0s));
  view.taken(0s);
  EXPECT_TRUE(view.worth_taking(Lease{"me", 1}, 1h, 1h));
  view.taken(1h);
  EXPECT_TRUE(view.holds(1h));
}

TEST(LeaseView, IsNotMisledByAnOldRead) {
  LeaseView view("me");
  EXPECT_TRUE(view.worth_taking(Lease{}, 0s, 0s));
  view.taken(0s);
  EXPECT_TRUE(view.worth_taking(Lease{"me", 1}, 4s, 4s));
  view.taken(4s);
  EXPECT_TRUE(view.worth_taking(Lease{"me", 1}, 8s, 8s));
  EXPECT_EQ(view.seen(), (Lease{"me", 2}));
  EXPECT_TRUE(view.holds(8s));
}

// Its renewal was carried out, and the answer lost.
TEST(LeaseView, KnowsItsOwnWhoseRenewalItNeverHeardOf) {
  LeaseView view("me");
  EXPECT_TRUE(view.worth_taking(Lease{}, 0s, 0s));
  view.taken(0s);
  EXPECT_TRUE(view.worth_taking(Lease{"me", 2}, 8s, 8s));
  EXPECT_FALSE(view.holds(8s));
  view.taken(8s);
  EXPECT_EQ(view.seen(), (Lease{"me", 3}));
  EXPECT_TRUE(view.holds(8s));
}

// What was read slowly may have been renewed since.
TEST(LeaseView, CountsFromTheEndOfAReadToTheBeginningOfTheNext) {
  LeaseView view("me");
  const Lease held{"other", 5};
  EXPECT_FALSE(view.worth_taking(held, 0s, 5s));
  EXPECT_FALSE(view.worth_taking(held, kLeaseTime, 5s + kLeaseTime));
  EXPECT_TRUE(view.worth_taking(held, 5s + kLeaseTime, 6s + kLeaseTime));
}

TEST(LeaseView, GivesWayToWhoeverTookItOver) {
  LeaseView view("me");
  EXPECT_TRUE(view.worth_taking(Lease{}, 0s, 0s));
  view.taken(0s);
  EXPECT_FALSE(view.worth_taking(Lease{"other", 2}, 4s, 4s));
  EXPECT_FALSE(view.holds(4s));
}

}  // namespace
