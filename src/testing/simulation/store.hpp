// A store like DynamoDB's, as one worker sees it over the network: conditional writes that answer
// with what stands there, timers in shards with leases, nothing that tells of new rows.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory/timers.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/store_write.hpp"
#include "testing/simulation/network.hpp"

namespace sagabus::testing::simulation {

// A write of a saga's own, to another table: one is taken off a stock, unless it is empty, or that
// taker has one already.
class TakeOne final : public StoreWrite {
 public:
  TakeOne(std::string stock, std::string taker)
      : stock_(std::move(stock)), taker_(std::move(taker)) {}
  std::string describe() const override { return "simulation: TakeOne"; }
  const std::string& stock() const noexcept { return stock_; }
  const std::string& taker() const noexcept { return taker_; }

 private:
  const std::string stock_;
  const std::string taker_;
};

struct Stock {
  std::size_t size = 0;
  std::set<std::string> takers{};
  bool gives(const std::string& taker) const {
    return takers.size() < size && !takers.contains(taker);
  }
};

// The table's, but within a request that of whoever asks: what has expired, and what is to, is told
// by the clocks of the workers.
class AskersClock final : public Clock {
 public:
  explicit AskersClock(std::shared_ptr<Clock> inner) : inner_(std::move(inner)) {}

  TimePoint now() const override { return asked_at_.value_or(inner_->now()); }
  std::chrono::nanoseconds monotonic() const override { return inner_->monotonic(); }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    return inner_->sleep_for(duration);
  }

  // While it lives; nobody may wait meanwhile.
  class Asked {
   public:
    Asked(AskersClock& clock, TimePoint at) : clock_(clock) { clock_.asked_at_ = at; }
    Asked(const Asked&) = delete;
    Asked& operator=(const Asked&) = delete;
    ~Asked() { clock_.asked_at_.reset(); }

   private:
    AskersClock& clock_;
  };

 private:
  const std::shared_ptr<Clock> inner_;
  std::optional<TimePoint> asked_at_;
};

// What all workers share.
struct Table {
  // `ttl` zero: instances that have ended stay.
  Table(Ambient ambient, unsigned shards, std::chrono::minutes ttl = std::chrono::minutes(0));

  // Whether a transaction is at work on that item.
  bool is_locked(const std::string& item) const;
  void lock(const std::string& item);

  // Told of each write that was carried out, at that moment.
  std::function<void(const CommitRequest&)> committed = [](const CommitRequest&) {};

  const std::shared_ptr<AskersClock> clock;
  const Ambient ambient;
  const memory::SagaStore instances;
  std::vector<std::shared_ptr<memory::TimersInMemory>> timers;  // one for each shard
  std::map<std::string, Stock> stocks{};
  std::map<std::string, std::chrono::nanoseconds> locked{};  // items, until when
  std::uint64_t conflicts = 0;  // writes that were refused since their item was locked
};

// What one worker's steps have asked of the table, as the table counts it.
using Asked = std::shared_ptr<Cost>;

// `clock` is the worker's.
SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network,
                       std::shared_ptr<Clock> clock, Asked asked);

}  // namespace sagabus::testing::simulation
