// A store like DynamoDB's, as one worker sees it over the network: conditional writes that answer
// with what stands there, timers in shards with leases, nothing that tells of new rows.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "memory/timers.hpp"
#include "sagabus/memory/store.hpp"
#include "testing/simulation/network.hpp"

namespace sagabus::testing::simulation {

// What all workers share.
struct Table {
  Table(Ambient ambient, unsigned shards);

  // Told of each write that was carried out, at that moment.
  std::function<void(const CommitRequest&)> committed = [](const CommitRequest&) {};

  const Ambient ambient;
  const memory::SagaStore instances;
  std::vector<std::shared_ptr<memory::TimersInMemory>> timers;  // one for each shard
};

SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network);

}  // namespace sagabus::testing::simulation
