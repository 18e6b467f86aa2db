// The timers of one table: a few shards, each with its lease.
#pragma once

#include <memory>

#include "dynamodb/gateway.hpp"
#include "dynamodb/timer_rows.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::dynamodb {

class Timers final : public TimerBackend {
 public:
  explicit Timers(std::shared_ptr<Gateway> gateway) : gateway_(std::move(gateway)) {}

  unsigned shards() const noexcept override { return kTimerShards; }
  unsigned shard_of(std::string_view id) const noexcept override { return timer_shard(id); }
  TimePoint now() const override { return gateway_->client().aws().service_now(); }
  boost::asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) override;
  // A row whose erasure was carried out by a try whose answer was lost counts as absent.
  boost::asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) override;
  boost::asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                                    std::size_t most) override;
  boost::asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) override;
  boost::asio::awaitable<std::vector<Lease>> leases() override;
  boost::asio::awaitable<bool> take_lease(unsigned shard, Lease seen, std::string holder) override;

 private:
  const std::shared_ptr<Gateway> gateway_;  // outlives what a cancelled call has begun
};

}  // namespace sagabus::dynamodb
