#include "aws/retry.hpp"

#include <algorithm>

namespace sagabus::aws {

std::chrono::nanoseconds backoff(int attempt, std::chrono::nanoseconds base, double random) {
  std::chrono::nanoseconds ceiling = std::min<std::chrono::nanoseconds>(base, kMaxBackoff);
  for (int doubled = 1; doubled < attempt && ceiling < kMaxBackoff; ++doubled) {
    ceiling = std::min<std::chrono::nanoseconds>(2 * ceiling, kMaxBackoff);
  }
  return std::chrono::nanoseconds(
      static_cast<std::chrono::nanoseconds::rep>(random * static_cast<double>(ceiling.count())));
}

std::chrono::nanoseconds honour_retry_after(std::chrono::nanoseconds computed,
                                            std::optional<std::chrono::milliseconds> asked) {
  if (!asked) return computed;
  // Compared in milliseconds: what the service asks for may not fit nanoseconds.
  const auto most = computed + kRetryAfterSpan;
  if (*asked > std::chrono::ceil<std::chrono::milliseconds>(most)) return most;
  return std::clamp<std::chrono::nanoseconds>(*asked, computed, most);
}

bool RetryQuota::try_take(int tokens) {
  const std::lock_guard lock(mutex_);
  if (tokens_ < tokens) return false;
  tokens_ -= tokens;
  return true;
}

void RetryQuota::give_back(int tokens) {
  const std::lock_guard lock(mutex_);
  tokens_ = std::min(tokens_ + tokens, kCapacity);
}

int RetryQuota::available() const {
  const std::lock_guard lock(mutex_);
  return tokens_;
}

RetryDecision RetrySchedule::after_failure(int attempt, RetryCause cause,
                                           std::optional<std::chrono::milliseconds> retry_after) {
  if (attempt >= policy_.max_attempts) return {};
  const bool throttled = cause == RetryCause::throttled;
  const std::chrono::nanoseconds base = throttled ? kThrottledBaseDelay : policy_.base_delay;
  const int cost = throttled ? RetryQuota::kThrottledCost : RetryQuota::kTransientCost;
  const auto delay = honour_retry_after(backoff(attempt, base, uniform(random_)), retry_after);
  if (!quota_.try_take(cost)) {
    if (policy_.backs_off_without_quota) return {false, delay};
    return {};
  }
  taken_ = cost;
  return {true, delay};
}

void RetrySchedule::after_success() {
  quota_.give_back(taken_ == 0 ? RetryQuota::kFirstTryRefund : taken_);
}

}  // namespace sagabus::aws
