#include "sagabus/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "sagabus/error.hpp"

namespace sagabus {
namespace {

constexpr std::chrono::hours kLongestDelay(24 * 365);

}  // namespace

std::chrono::milliseconds retry_delay(const RetryPolicy& policy, unsigned failures, double random) {
  const double n = failures == 0 ? 0 : failures - 1;
  const double factor =
      policy.backoff == Backoff::exponential ? std::exp2(std::min(n, 62.0)) : n + 1;
  const double full = std::min(static_cast<double>(policy.base_delay.count()) * factor,
                               static_cast<double>(policy.max_delay.count()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(policy.jitter ? full * random : full));
}

void check(const RetryPolicy& policy) {
  if (policy.max_attempts < 1) {
    throw std::invalid_argument("retry.max_attempts: 0, expected 1 or more");
  }
  if (policy.base_delay.count() < 0) {
    throw std::invalid_argument(
        fmt::format("retry.base_delay: {} ms, expected 0 or more", policy.base_delay.count()));
  }
  if (policy.max_delay < policy.base_delay) {
    throw std::invalid_argument(
        fmt::format("retry.max_delay: {} ms, expected at least base_delay, which is {} ms",
                    policy.max_delay.count(), policy.base_delay.count()));
  }
  if (policy.max_delay > kLongestDelay) {
    throw std::invalid_argument(
        fmt::format("retry.max_delay: {} ms, expected at most 365 days", policy.max_delay.count()));
  }
}

ErrorDecision decide_by_type(const FailedStep& failed) {
  try {
    std::rethrow_exception(failed.error);
  } catch (const ValidationError&) {
    return ErrorDecision::dead_letter;
  } catch (const StateTooLarge&) {
    return ErrorDecision::dead_letter;
  } catch (const Unsupported&) {
    return ErrorDecision::dead_letter;
  } catch (...) {
    return ErrorDecision::retry;
  }
}

}  // namespace sagabus
