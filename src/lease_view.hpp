// What one worker knows of a lease, and what it does about it: pure decisions.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "sagabus/timer_store.hpp"

namespace sagabus::detail {

// A holder renews its lease this often.
inline constexpr std::chrono::seconds kRenewEvery(4);

// A lease whose counter stood still for so long, by the watcher's own monotonic clock, is free. So
// a dead holder is replaced within 2 * kRenewEvery + kLeaseTime at the latest.
inline constexpr std::chrono::seconds kLeaseTime(7);

class LeaseView {
 public:
  using Time = std::chrono::nanoseconds;  // monotonic

  // Under a name that nobody else bears.
  explicit LeaseView(std::string name) : name_(std::move(name)) {}

  // The lease as it was read, from `began` to `ended`. True where it should be taken, or renewed:
  // it is ours, also where we never heard that we got it; or is free.
  bool worth_taking(const Lease& found, Time began, Time ended) {
    if (is_ours_ && found.counter < seen_.counter) return true;  // a read that is not the latest
    if (found.holder == name_) {
      seen_ = found;
      return true;
    }
    if (is_ours_ || !watching_ || found != seen_) {
      is_ours_ = false;
      watching_ = true;
      seen_ = found;
      since_ = ended;
    }
    return found.holder.empty() || began - since_ >= kLeaseTime;
  }

  // It was taken as it was seen last; the request began at `at`.
  void taken(Time at) {
    seen_ = {name_, seen_.counter + 1};
    is_ours_ = true;
    since_ = at;
  }

  // Somebody else was faster.
  void lost() {
    is_ours_ = false;
    watching_ = false;
  }

  // Nobody who keeps to the rules holds it beside us.
  bool holds(Time now) const { return is_ours_ && now - since_ < kLeaseTime; }
  const Lease& seen() const { return seen_; }

 private:
  std::string name_;
  Lease seen_{};
  Time since_{};
  bool is_ours_ = false;
  bool watching_ = false;
};

}  // namespace sagabus::detail
