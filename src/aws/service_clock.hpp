// The service's time, as its Date headers tell it.
#pragma once

#include <chrono>
#include <mutex>
#include <optional>

#include "sagabus/clock.hpp"

namespace sagabus::aws {

// From this much on, a Date header that differs from the local clock corrects it.
inline constexpr std::chrono::minutes kSkewLimit{4};

// Follows the service's clock and the error of the local one. Safe to call from any thread.
class ServiceClock {
 public:
  // Takes in the Date header of an answer that came when the local clocks said `local` and
  // `monotonic`.
  void observe(TimePoint date, TimePoint local, std::chrono::nanoseconds monotonic);

  // The Date headers seen so far, carried on by the monotonic clock; at most about a second and
  // the answer's way behind. `local`, corrected, before the first answer.
  TimePoint service_now(TimePoint local, std::chrono::nanoseconds monotonic) const;

  // What to sign with: `local` unless it was found to be wrong by kSkewLimit or more.
  TimePoint signing_time(TimePoint local) const;

  // Corrects the signing time by the last Date header, however small the difference. False where
  // there was no such header yet.
  bool correct(TimePoint local, std::chrono::nanoseconds monotonic);

 private:
  TimePoint extrapolated(std::chrono::nanoseconds monotonic) const;

  mutable std::mutex mutex_;
  bool seen_ = false;
  TimePoint reference_{};
  std::chrono::nanoseconds reference_monotonic_{};
  std::chrono::milliseconds skew_{0};  // service minus local
};

}  // namespace sagabus::aws
