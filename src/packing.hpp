// Messages that are too large to be kept in a store: their payloads are put elsewhere before
// anything that names them is committed.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "sagabus/context.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::detail {

inline bool packs(const TransportBackend& transport) {
  return transport.pack_above() != TransportBackend::kNoLimit;
}

// Packs what the record says, one after the other. Repeating it, also after it has thrown, is safe.
// Both arguments outlive the call.
boost::asio::awaitable<void> pack_messages(StepRecord& record, TransportBackend& transport);

// The message as a timer's row may hold it: as it is where it fits, else packed. `transport`
// outlives the call.
boost::asio::awaitable<EnvelopePtr> pack_for_row(EnvelopePtr envelope, TransportBackend& transport);

}  // namespace sagabus::detail
