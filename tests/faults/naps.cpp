#include "faults/naps.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include "lease_view.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::faults {
namespace {

using namespace std::chrono_literals;

constexpr auto kAwake = 2s;
// By then another worker has taken over.
constexpr auto kAsleep = 2 * detail::kRenewEvery + detail::kLeaseTime + 3s;

// In which a worker that holds the file's lock is done with it.
constexpr auto kToFinish = 20ms;

}  // namespace

Naps::Naps(unsigned count, TimerBackend& timers, std::function<bool()> can_write)
    : count_(count), timers_(timers), can_write_(std::move(can_write)) {
  if (count_ > 0) next_ = std::chrono::steady_clock::now() + kAwake;
}

void Naps::turn(const Lives& lives, Time now) {
  if (!next_ || now < *next_) return;
  const Life& life = *lives.at((asleep_ ? begun_ - 1 : begun_) % lives.size());
  asleep_ ? end(life, now) : begin(life);
}

void Naps::begin(const Life& life) {
  life.stop();
  if (!can_write_()) {
    life.go_on();
    next_ = std::chrono::steady_clock::now() + kToFinish;
    return;
  }
  ++begun_;
  asleep_ = true;
  next_ = std::chrono::steady_clock::now() + kAsleep;
}

// Whoever is awake has all leases by now, and slept the last time.
void Naps::end(const Life& life, Time now) {
  const std::vector<std::string> keep = holders();
  if (keep.size() != 1 || keep == kept_by_) {
    problems_.push_back(fmt::format("after nap {} the leases are kept by {}, before it by {}",
                                    begun_, keep, kept_by_));
  }
  kept_by_ = keep;
  life.go_on();
  asleep_ = false;
  next_.reset();
  if (begun_ < count_) next_ = now + kAwake;
}

std::vector<std::string> Naps::holders() const {
  std::vector<std::string> names;
  for (const Lease& lease : sync_wait(timers_.leases())) {
    if (std::ranges::find(names, lease.holder) == names.end()) names.push_back(lease.holder);
  }
  return names;
}

}  // namespace sagabus::faults
