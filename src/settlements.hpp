// What this worker knows of its own steps: which of them are settled, that is, dispatched and
// acknowledged, so that their outbox entries may leave.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/instance.hpp"

namespace sagabus::detail {

// Safe from any thread.
class Settlements {
 public:
  // `worker` names this incarnation: no other, before or after, may bear the name.
  explicit Settlements(std::string worker) : worker_(std::move(worker)) {}

  const std::string& worker() const noexcept { return worker_; }

  // The number of a step that is about to be committed. It stays open until it is settled.
  std::uint64_t begin() {
    const std::lock_guard lock(mutex_);
    open_.insert(++last_);
    return last_;
  }

  // The step is dispatched and acknowledged, or was never committed under this number.
  void settle(std::uint64_t sequence) {
    const std::lock_guard lock(mutex_);
    open_.erase(sequence);
  }

  // Those that must stay.
  std::vector<OutboxEntry> unsettled(const std::vector<OutboxEntry>& entries) const {
    std::vector<OutboxEntry> kept;
    if (entries.empty()) return kept;
    const std::lock_guard lock(mutex_);
    for (const OutboxEntry& entry : entries) {
      if (!settled(entry)) kept.push_back(entry);
    }
    return kept;
  }

 private:
  bool settled(const OutboxEntry& entry) const {  // with the mutex held
    if (entry.worker != worker_) return false;
    return entry.sequence <= last_ && !open_.contains(entry.sequence);
  }

  const std::string worker_;
  mutable std::mutex mutex_;
  std::uint64_t last_ = 0;
  boost::unordered_flat_set<std::uint64_t> open_;
};

}  // namespace sagabus::detail
