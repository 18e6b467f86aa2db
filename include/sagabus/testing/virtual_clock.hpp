// A clock that goes when it is told to, so that a test of an hour takes a moment.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#include "sagabus/clock.hpp"

namespace sagabus::testing {

// Give it to everything under test as Ambient::clock. Safe to use from any thread; a sleep may
// outlive it, and then ends only by cancellation.
class VirtualClock final : public Clock {
 public:
  // 2026-01-01T00:00:00Z
  static constexpr TimePoint kDefaultStart{std::chrono::seconds(1'767'225'600)};

  explicit VirtualClock(TimePoint start = kDefaultStart);

  TimePoint now() const override;
  std::chrono::nanoseconds monotonic() const override;  // 0 at the start
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override;
  boost::asio::awaitable<void> sleep_until(std::chrono::nanoseconds time) override;

  // Both times go on by the duration, which must not be negative (std::invalid_argument). Sleepers
  // whose time has come are resumed in the order of that time, those of one time in the order in
  // which they fell asleep, each through its own executor: they do not run within this call, and
  // those of one single-threaded executor run in that order.
  void advance(std::chrono::nanoseconds duration);

  // Goes on to the moment when the next sleeper wakes, and resumes all that wake at that moment.
  // False, and nothing happens, where nobody sleeps.
  bool advance_to_next();

  // The time of day jumps, forwards or backwards. Sleepers and monotonic() do not notice.
  void set(TimePoint now);

  std::size_t sleepers() const;

  // How long until the next sleeper wakes; empty where nobody sleeps.
  std::optional<std::chrono::nanoseconds> until_next() const;

 private:
  struct State;

  static boost::asio::awaitable<void> sleep(std::shared_ptr<State> state,
                                            std::chrono::nanoseconds time);

  std::shared_ptr<State> state_;
};

}  // namespace sagabus::testing
