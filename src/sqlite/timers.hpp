// The timers of one open file: one shard, one lease.
#pragma once

#include <memory>

#include "sagabus/timer_store.hpp"
#include "sqlite/database.hpp"
#include "sqlite/timer_rows.hpp"

namespace sagabus::sqlite {

class Timers final : public TimerBackend {
 public:
  explicit Timers(std::shared_ptr<Database> database) : database_(std::move(database)) {}

  unsigned shards() const noexcept override { return 1; }
  unsigned shard_of(std::string_view /*id*/) const noexcept override { return 0; }
  TimePoint now() const override { return database_->ambient().clock->now(); }
  boost::asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) override;
  boost::asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) override;
  boost::asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                                    std::size_t most) override;
  boost::asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) override;
  boost::asio::awaitable<std::vector<Lease>> leases() override;
  boost::asio::awaitable<bool> take_lease(unsigned shard, Lease seen, std::string holder) override;

 private:
  boost::asio::awaitable<std::vector<StoredTimer>> read(TimerKey after, std::int64_t through,
                                                        std::size_t most) const;

  const std::shared_ptr<Database> database_;
};

}  // namespace sagabus::sqlite
