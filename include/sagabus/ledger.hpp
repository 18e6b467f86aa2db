// What a bus's sagas have done, and what it cost their stores: Bus::ledger().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sagabus/cost.hpp"

namespace sagabus {

// Of one saga and one message type, since the bus was made. A message that is delivered again is
// counted again, and what its tries cost with it, whatever came of them. One that cannot be read or
// has no correlation id never becomes a step, and is not counted.
struct LedgerLine {
  std::string saga_name;
  std::string message_type;
  std::uint64_t deliveries = 0;
  std::uint64_t commits = 0;  // steps that were seen to be written: not where the answer was lost
  Cost cost{};
};

// By saga, in the order of BusOptions::sagas, then by type, as their definitions name them. Types
// without a delivery are left out.
//
// What belongs to no message stands in no line: the watermarks that workers write and read, one
// small write in 5 seconds. dynamodb::SagaStore::usage() has them.
using Ledger = std::vector<LedgerLine>;

}  // namespace sagabus
