// When a failed request is sent again: the SDKs' standard retry mode of 2026, as functions and
// objects of values, without a clock or a socket.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "sagabus/random.hpp"

namespace sagabus::aws {

enum class RetryCause { transient, throttled };

inline constexpr std::chrono::seconds kMaxBackoff{20};
inline constexpr std::chrono::milliseconds kThrottledBaseDelay{1000};
inline constexpr std::chrono::seconds kRetryAfterSpan{5};

// The delay between attempt `attempt` (from 1) and the next:
// random * min(base * 2^(attempt - 1), 20 s), with `random` in [0, 1).
std::chrono::nanoseconds backoff(int attempt, std::chrono::nanoseconds base, double random);

// What the service asked for in x-amz-retry-after, but no less than `computed` and no more than
// 5 s longer.
std::chrono::nanoseconds honour_retry_after(std::chrono::nanoseconds computed,
                                            std::optional<std::chrono::milliseconds> asked);

// Stops a client from multiplying the load of a service that fails: each retry takes tokens, and
// only successes bring them back. Safe to call from any thread.
class RetryQuota {
 public:
  static constexpr int kCapacity = 500;
  static constexpr int kTransientCost = 14;
  static constexpr int kThrottledCost = 5;
  static constexpr int kFirstTryRefund = 1;

  bool try_take(int tokens);  // takes all or nothing
  void give_back(int tokens);
  int available() const;

 private:
  mutable std::mutex mutex_;
  int tokens_ = kCapacity;
};

struct RetryPolicy {
  int max_attempts = 3;
  std::chrono::nanoseconds base_delay = std::chrono::milliseconds(50);
  bool backs_off_without_quota = false;  // a long-polling call
};

struct RetryDecision {
  bool retry = false;
  std::chrono::nanoseconds delay{0};  // to wait first, also where there is no retry
};

// The retries of one call.
class RetrySchedule {
 public:
  RetrySchedule(const RetryPolicy& policy, RetryQuota& quota, RandomSource& random)
      : policy_(policy), quota_(quota), random_(random) {}

  // After attempt number `attempt` (from 1) failed in a way that may pass.
  RetryDecision after_failure(int attempt, RetryCause cause,
                              std::optional<std::chrono::milliseconds> retry_after);

  // After an attempt succeeded: gives back one token for a first try, else what the last retry
  // took.
  void after_success();

 private:
  RetryPolicy policy_;
  RetryQuota& quota_;
  RandomSource& random_;
  int taken_ = 0;  // by the last retry
};

}  // namespace sagabus::aws
