#include "aws/service_clock.hpp"

namespace sagabus::aws {

void ServiceClock::observe(TimePoint date, TimePoint local, std::chrono::nanoseconds monotonic) {
  const std::lock_guard lock(mutex_);
  // A Date header is cut to the second, so each is a lower bound of the true time, and the highest
  // bound is the best. One far below it says that the reference is wrong.
  const TimePoint expected = extrapolated(monotonic);
  if (!seen_ || date > expected || date + std::chrono::seconds(2) < expected) {
    reference_ = date;
    reference_monotonic_ = monotonic;
    seen_ = true;
  }
  const auto difference = date - (local + skew_);
  if (difference >= kSkewLimit || difference <= -kSkewLimit) skew_ = date - local;
}

TimePoint ServiceClock::service_now(TimePoint local, std::chrono::nanoseconds monotonic) const {
  const std::lock_guard lock(mutex_);
  return seen_ ? extrapolated(monotonic) : local + skew_;
}

TimePoint ServiceClock::signing_time(TimePoint local) const {
  const std::lock_guard lock(mutex_);
  return local + skew_;
}

bool ServiceClock::correct(TimePoint local, std::chrono::nanoseconds monotonic) {
  const std::lock_guard lock(mutex_);
  if (seen_) skew_ = extrapolated(monotonic) - local;
  return seen_;
}

TimePoint ServiceClock::extrapolated(std::chrono::nanoseconds monotonic) const {
  return reference_ +
         std::chrono::floor<std::chrono::milliseconds>(monotonic - reference_monotonic_);
}

}  // namespace sagabus::aws
