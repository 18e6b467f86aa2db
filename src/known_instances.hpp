// What a worker knows of the instances that it wrote lately: as it committed or read them last. A
// guess, and no more: others may have written since.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <list>
#include <mutex>
#include <string_view>
#include <utility>

#include "sagabus/instance.hpp"

namespace sagabus::detail {

// For one saga; the least recently used one goes first. Safe from any thread.
class KnownInstances {
 public:
  explicit KnownInstances(std::size_t most) : most_(most) {}

  // Null where it is not known. `hash` is the correlation id's.
  InstancePtr find(std::uint64_t hash, std::string_view correlation_id) {
    if (most_ == 0) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(hash);
    if (found == places_.end()) return nullptr;
    used_.splice(used_.begin(), used_, found->second);
    const InstancePtr& instance = found->second->second;
    return instance->correlation_id == correlation_id ? instance : nullptr;
  }

  void remember(std::uint64_t hash, InstancePtr instance) {
    if (most_ == 0) return;
    InstancePtr last;  // outlives the lock
    const std::lock_guard lock(mutex_);
    if (const auto found = places_.find(hash); found != places_.end()) {
      last = std::exchange(found->second->second, std::move(instance));
      used_.splice(used_.begin(), used_, found->second);
      return;
    }
    if (used_.size() >= most_) {
      last = std::move(used_.back().second);
      places_.erase(used_.back().first);
      used_.pop_back();
    }
    used_.emplace_front(hash, std::move(instance));
    places_.emplace(hash, used_.begin());
  }

  void forget(std::uint64_t hash) {
    if (most_ == 0) return;
    const std::lock_guard lock(mutex_);
    const auto found = places_.find(hash);
    if (found == places_.end()) return;
    used_.erase(found->second);
    places_.erase(found);
  }

 private:
  using Entry = std::pair<std::uint64_t, InstancePtr>;
  const std::size_t most_;
  std::mutex mutex_;
  std::list<Entry> used_;  // the most recently used one first
  boost::unordered_flat_map<std::uint64_t, std::list<Entry>::iterator> places_;
};

// Where a write throws, its outcome is open, and the instance is not known.
class ForgetUnlessKnown {
 public:
  ForgetUnlessKnown(KnownInstances& known, std::uint64_t hash) : known_(known), hash_(hash) {}
  ForgetUnlessKnown(const ForgetUnlessKnown&) = delete;
  ForgetUnlessKnown& operator=(const ForgetUnlessKnown&) = delete;
  ~ForgetUnlessKnown() {
    if (!settled_) known_.forget(hash_);
  }
  void settled() noexcept { settled_ = true; }

 private:
  KnownInstances& known_;
  const std::uint64_t hash_;
  bool settled_ = false;
};

}  // namespace sagabus::detail
