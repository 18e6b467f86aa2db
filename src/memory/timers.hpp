// Timers in memory: one shard, one lease.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "sagabus/ambient.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::memory {

// Safe to use from any thread.
class TimersInMemory final : public TimerBackend {
 public:
  explicit TimersInMemory(std::shared_ptr<Clock> clock) : clock_(std::move(clock)) {}

  unsigned shards() const noexcept override { return 1; }
  unsigned shard_of(std::string_view /*id*/) const noexcept override { return 0; }
  TimePoint now() const override { return clock_->now(); }
  boost::asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) override;
  boost::asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) override;
  boost::asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                                    std::size_t most) override;
  boost::asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) override;
  std::shared_ptr<void> watch(std::function<void(TimePoint due)> call) override;
  boost::asio::awaitable<std::vector<Lease>> leases() override;
  boost::asio::awaitable<bool> take_lease(unsigned shard, Lease seen, std::string holder) override;

 private:
  const std::shared_ptr<Clock> clock_;
  std::mutex mutex_;  // guards what follows
  std::map<TimerKey, TimerRow> rows_;
  std::vector<std::weak_ptr<std::function<void(TimePoint)>>> watchers_;
  Lease lease_;
};

}  // namespace sagabus::memory
