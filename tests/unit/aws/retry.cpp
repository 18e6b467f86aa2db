#include "aws/retry.hpp"

#include <gtest/gtest.h>

namespace sagabus::aws {
namespace {

using namespace std::chrono_literals;

TEST(Backoff, DoublesUpToItsCeiling) {
  EXPECT_EQ(backoff(1, 25ms, 0.5), 12500us);
  EXPECT_EQ(backoff(2, 25ms, 0.5), 25ms);
  EXPECT_EQ(backoff(3, 25ms, 0.5), 50ms);
  EXPECT_EQ(backoff(5, 1s, 0.5), 8s);
  EXPECT_EQ(backoff(6, 1s, 0.5), 10s);
  EXPECT_EQ(backoff(1000, 1s, 0.5), 10s);
  EXPECT_EQ(backoff(7, 25ms, 0.0), 0ns);
  EXPECT_EQ(backoff(1, 1min, 0.5), 10s);
}

TEST(Backoff, HonoursTheServiceWithinFiveSeconds) {
  EXPECT_EQ(honour_retry_after(100ms, std::nullopt), 100ms);
  EXPECT_EQ(honour_retry_after(100ms, 1500ms), 1500ms);
  EXPECT_EQ(honour_retry_after(100ms, 20ms), 100ms);
  EXPECT_EQ(honour_retry_after(100ms, 1h), 5100ms);
  EXPECT_EQ(honour_retry_after(100ms, std::chrono::milliseconds::max()), 5100ms);
}

TEST(RetryQuota, NeverExceedsItsCapacityAndTakesAllOrNothing) {
  RetryQuota quota;
  quota.give_back(100);
  EXPECT_EQ(quota.available(), 500);
  EXPECT_TRUE(quota.try_take(495));
  EXPECT_FALSE(quota.try_take(14));
  EXPECT_EQ(quota.available(), 5);
  EXPECT_TRUE(quota.try_take(5));
}

class Schedule : public testing::Test {
 protected:
  RetrySchedule make(RetryPolicy policy) { return RetrySchedule(policy, quota_, *random_); }

  RetryQuota quota_;
  std::shared_ptr<RandomSource> random_ = seeded_random(7);
  RetryPolicy dynamodb_{.max_attempts = 4, .base_delay = 25ms, .backs_off_without_quota = false};
};

TEST_F(Schedule, EndsAfterTheAttemptsAllowed) {
  auto schedule = make(dynamodb_);
  const auto twin = seeded_random(7);
  for (int attempt = 1; attempt <= 3; ++attempt) {
    const auto decision = schedule.after_failure(attempt, RetryCause::transient, std::nullopt);
    EXPECT_TRUE(decision.retry);
    EXPECT_EQ(decision.delay, backoff(attempt, 25ms, uniform(*twin)));
  }
  EXPECT_FALSE(schedule.after_failure(4, RetryCause::transient, std::nullopt).retry);
}

TEST_F(Schedule, CountsTokens) {
  auto schedule = make(dynamodb_);
  schedule.after_failure(1, RetryCause::transient, std::nullopt);
  EXPECT_EQ(quota_.available(), 486);
  schedule.after_failure(2, RetryCause::throttled, std::nullopt);
  EXPECT_EQ(quota_.available(), 481);
  schedule.after_success();  // gives back what the last retry took
  EXPECT_EQ(quota_.available(), 486);
  make(dynamodb_).after_success();
  EXPECT_EQ(quota_.available(), 487);
}

TEST_F(Schedule, WaitsLongerWhenThrottled) {
  auto schedule = make(dynamodb_);
  const auto twin = seeded_random(7);
  const auto decision = schedule.after_failure(1, RetryCause::throttled, std::nullopt);
  EXPECT_EQ(decision.delay, backoff(1, 1s, uniform(*twin)));
  EXPECT_EQ(schedule.after_failure(2, RetryCause::throttled, 3s).delay, 3s);
}

TEST_F(Schedule, DoesNotRetryWithoutQuota) {
  ASSERT_TRUE(quota_.try_take(490));
  auto schedule = make(dynamodb_);
  const auto refused = schedule.after_failure(1, RetryCause::transient, std::nullopt);
  EXPECT_FALSE(refused.retry);
  EXPECT_EQ(refused.delay, 0ns);
  EXPECT_TRUE(schedule.after_failure(1, RetryCause::throttled, std::nullopt).retry);
}

TEST_F(Schedule, ALongPollBacksOffEvenWithoutQuota) {
  ASSERT_TRUE(quota_.try_take(500));
  auto schedule = make({.max_attempts = 3, .base_delay = 50ms, .backs_off_without_quota = true});
  const auto decision = schedule.after_failure(1, RetryCause::transient, std::nullopt);
  EXPECT_FALSE(decision.retry);
  EXPECT_GT(decision.delay, 0ns);
}

}  // namespace
}  // namespace sagabus::aws
