// A message that came before its saga, and is put aside for a while, so that those behind it need
// not wait: pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "sagabus/policy.hpp"
#include "sagabus/timer_store.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::detail {

// How often that has happened to it so far.
std::uint64_t waits(const Envelope& envelope);

// The row that brings it to `endpoint` again, once more than before: the same message, which keeps
// its id and its time, with the attempts behind it. Made again after a redelivery it has the same
// id, is due later, and its message says that it may be a second one.
TimerRow waiting_row(const Delivery& delivery, const std::string& endpoint,
                     const RetryPolicy& retry, TimePoint now);

}  // namespace sagabus::detail
