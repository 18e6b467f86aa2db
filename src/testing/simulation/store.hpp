// A store like DynamoDB's, as one worker sees it over the network: conditional writes that answer
// with what stands there, timers in shards with leases, nothing that tells of new rows.
#pragma once

#include <memory>

#include "testing/simulation/network.hpp"
#include "testing/simulation/table.hpp"

namespace sagabus::testing::simulation {

// What one worker's steps have asked of the table, as the table counts it.
using Asked = std::shared_ptr<Cost>;

// `clock` is the worker's: it says what has expired.
SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network,
                       std::shared_ptr<Clock> clock, Asked asked);

}  // namespace sagabus::testing::simulation
