// A virtual clock as one process sees it, which may end: then nobody waits on it any more.
#pragma once

#include <algorithm>
#include <memory>

#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus::testing {

// To be used by one thread.
class MortalClock final : public Clock {
 public:
  // The time of day differs by `offset`.
  explicit MortalClock(std::shared_ptr<VirtualClock> inner,
                       std::chrono::milliseconds offset = std::chrono::milliseconds::zero())
      : inner_(std::move(inner)), offset_(offset) {}

  TimePoint now() const override { return later(inner_->now(), offset_); }
  std::chrono::nanoseconds monotonic() const override { return inner_->monotonic(); }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    return inner_->sleep_for(dead_ ? std::chrono::nanoseconds::zero() : duration);
  }
  boost::asio::awaitable<void> sleep_until(std::chrono::nanoseconds time) override {
    return inner_->sleep_until(dead_ ? std::chrono::nanoseconds::zero() : time);
  }

  void jump(std::chrono::milliseconds offset) { offset_ = offset; }
  // A bus that is destroyed after this gives its last waits up at once.
  void die() { dead_ = true; }

 private:
  const std::shared_ptr<VirtualClock> inner_;
  std::chrono::milliseconds offset_;
  bool dead_ = false;
};

}  // namespace sagabus::testing
