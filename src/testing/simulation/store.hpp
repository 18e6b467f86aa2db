// A store like DynamoDB's, as one worker sees it over the network: conditional writes that answer
// with what stands there, timers in shards with leases, nothing that tells of new rows.
#pragma once

#include <map>
#include <memory>
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

// What all workers share.
struct Table {
  // `ttl` zero: instances that have ended stay.
  Table(Ambient ambient, unsigned shards, std::chrono::minutes ttl = std::chrono::minutes(0));

  // Told of each write that was carried out, at that moment.
  std::function<void(const CommitRequest&)> committed = [](const CommitRequest&) {};

  const Ambient ambient;
  const memory::SagaStore instances;
  std::vector<std::shared_ptr<memory::TimersInMemory>> timers;  // one for each shard
  std::map<std::string, Stock> stocks{};
};

// What one worker's steps have asked of the table, as the table counts it.
using Asked = std::shared_ptr<Cost>;

SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network, Asked asked);

}  // namespace sagabus::testing::simulation
