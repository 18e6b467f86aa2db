// Time, as an interface that can be replaced: sagabus asks no other clock, and waits on no other.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>

namespace sagabus {

// A moment in UTC, in milliseconds: what envelopes and stores hold.
using TimePoint = std::chrono::sys_time<std::chrono::milliseconds>;

// The moment `by` after `from`: the last or the first that there is, where it would lie beyond.
constexpr TimePoint later(TimePoint from, std::chrono::milliseconds by) {
  if (by.count() > 0) return from > TimePoint::max() - by ? TimePoint::max() : from + by;
  return from < TimePoint::min() - by ? TimePoint::min() : from + by;
}

// Safe to call from any thread.
class Clock {
 public:
  virtual ~Clock() = default;

  // The time of day. May jump, forwards and backwards.
  virtual TimePoint now() const = 0;

  // Time since some fixed moment. Never goes back, and goes on while the machine sleeps.
  virtual std::chrono::nanoseconds monotonic() const = 0;

  // Returns after at least `duration`; at once where it is zero or less. May be cancelled, and
  // then throws boost::system::system_error(operation_aborted).
  virtual boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) = 0;

  // The same, until monotonic() has reached `time`. What goes by between the reckoning of a time
  // and the call is not slept twice.
  virtual boost::asio::awaitable<void> sleep_until(std::chrono::nanoseconds time) {
    return sleep_for(time - monotonic());
  }
};

// The machine's own clock.
std::shared_ptr<Clock> system_clock();

}  // namespace sagabus
