#include <gtest/gtest.h>

#include "failure.hpp"
#include "sagabus/error.hpp"
#include "sagabus/policy.hpp"

namespace {

using namespace std::chrono_literals;
using sagabus::Backoff;
using sagabus::ErrorDecision;
using sagabus::RetryPolicy;
using sagabus::detail::Verdict;
using Action = sagabus::detail::Verdict::Action;

template <class E>
std::exception_ptr thrown(E error) {
  return std::make_exception_ptr(std::move(error));
}

TEST(RetryDelay, GrowsToItsLimit) {
  const RetryPolicy exponential{.base_delay = 1s, .max_delay = 30s, .jitter = false};
  EXPECT_EQ(retry_delay(exponential, 1, 0), 1s);
  EXPECT_EQ(retry_delay(exponential, 2, 0), 2s);
  EXPECT_EQ(retry_delay(exponential, 5, 0), 16s);
  EXPECT_EQ(retry_delay(exponential, 6, 0), 30s);
  EXPECT_EQ(retry_delay(exponential, 4'000'000'000U, 0), 30s);
  const RetryPolicy linear{
      .base_delay = 1s, .max_delay = 30s, .backoff = Backoff::linear, .jitter = false};
  EXPECT_EQ(retry_delay(linear, 1, 0), 1s);
  EXPECT_EQ(retry_delay(linear, 7, 0), 7s);
  EXPECT_EQ(retry_delay(linear, 1000, 0), 30s);
}

TEST(RetryDelay, IsFullJitter) {
  const RetryPolicy policy{.base_delay = 1s, .max_delay = 30s};
  EXPECT_EQ(retry_delay(policy, 3, 0.0), 0s);
  EXPECT_EQ(retry_delay(policy, 3, 0.5), 2s);
  EXPECT_LT(retry_delay(policy, 3, 0.999), 4s);
}

TEST(RetryPolicy, IsChecked) {
  EXPECT_NO_THROW(sagabus::check(RetryPolicy{}));
  EXPECT_THROW(sagabus::check(RetryPolicy{.max_attempts = 0}), std::invalid_argument);
  EXPECT_THROW(sagabus::check(RetryPolicy{.base_delay = -1ms}), std::invalid_argument);
  EXPECT_THROW(sagabus::check(RetryPolicy{.base_delay = 2s, .max_delay = 1s}),
               std::invalid_argument);
  EXPECT_NO_THROW(sagabus::check(RetryPolicy{.max_delay = 365 * 24h}));
  try {
    sagabus::check(RetryPolicy{.max_delay = std::chrono::milliseconds::max()});
    ADD_FAILURE() << "accepted";
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "retry.max_delay: 9223372036854775807 ms, expected at most 365 days");
  }
}

class AfterFailure : public ::testing::Test {
 protected:
  Verdict judge(unsigned failures, const std::exception_ptr& error,
                sagabus::ErrorHandler handler = sagabus::decide_by_type) {
    const sagabus::detail::FailureRules rules{
        "Orders", RetryPolicy{.max_attempts = 3, .jitter = false}, std::move(handler)};
    sagabus::Delivery delivery;
    delivery.failures = failures;
    return after_failure(rules, delivery, error, 0.5);
  }
};

TEST_F(AfterFailure, RetriesUntilTheLastAttempt) {
  const auto error = thrown(std::runtime_error("no luck"));
  for (unsigned failures : {0U, 1U}) {
    const Verdict verdict = judge(failures, error);
    EXPECT_EQ(verdict.action, Action::give_back);
    EXPECT_TRUE(verdict.how.failed);
    EXPECT_EQ(verdict.how.delay, 1000ms * (failures + 1));
  }
  const Verdict last = judge(2, error);
  EXPECT_EQ(last.action, Action::dead_letter);
  EXPECT_EQ(last.reason->type, "std::runtime_error");
  EXPECT_EQ(last.reason->message, "no luck");
}

TEST_F(AfterFailure, BuriesAtOnceWhatWillFailAgain) {
  EXPECT_EQ(judge(0, thrown(sagabus::ValidationError("x"))).action, Action::dead_letter);
  EXPECT_EQ(judge(0, thrown(sagabus::Unsupported("x"))).action, Action::dead_letter);
  EXPECT_EQ(judge(0, thrown(sagabus::StateTooLarge("s", 2, 1, {}))).action, Action::dead_letter);
  EXPECT_EQ(judge(0, thrown(sagabus::TransientError("x"))).action, Action::give_back);
}

TEST_F(AfterFailure, AsksTheUser) {
  const auto error = thrown(std::runtime_error("x"));
  EXPECT_EQ(judge(0, error, ErrorDecision::drop).action, Action::acknowledge);
  EXPECT_EQ(judge(0, error, ErrorDecision::dead_letter).action, Action::dead_letter);
  unsigned attempt = 0;
  judge(1, error, [&](const sagabus::FailedStep& failed) {
    attempt = failed.attempt;
    return ErrorDecision::retry;
  });
  EXPECT_EQ(attempt, 2U);
}

TEST(Describe, BoundsAndCleansTheText) {
  using sagabus::detail::describe;
  const auto text = describe(thrown(std::runtime_error(std::string(1023, 'x') + "äöü"))).message;
  EXPECT_EQ(text, std::string(1023, 'x'));  // not cut inside a character
  EXPECT_EQ(describe(thrown(std::runtime_error("a\xff"))).message, "a?");
  EXPECT_EQ(describe(std::make_exception_ptr(7)).type, "unknown");
}

}  // namespace
