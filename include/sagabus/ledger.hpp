// What a bus's sagas have done, and what it cost their stores: Bus::ledger().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sagabus/cost.hpp"

namespace sagabus {

// Of one saga and one message type, since the bus was made. A message that is delivered again is
// counted again, and what its tries cost with it, whatever came of them.
struct LedgerLine {
  std::string saga_name;
  std::string message_type;
  std::uint64_t deliveries = 0;
  std::uint64_t commits = 0;  // steps that were written
  Cost cost{};
};

// By saga, in the order of BusOptions::sagas, then by type, as their definitions name them. Types
// of which none was delivered are left out.
//
// What belongs to no message stands in no line: the watermarks that workers write and read, one
// small write in 5 seconds. dynamodb::SagaStore::usage() has them.
using Ledger = std::vector<LedgerLine>;

}  // namespace sagabus
