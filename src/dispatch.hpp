// What sagas and services share in sending what a handler asked for.
#pragma once

#include <atomic>
#include <vector>

#include "processor.hpp"
#include "sagabus/context.hpp"
#include "sagabus/random.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::detail {

// Closes a step's record when the handler ends, also by an exception: from then on nobody may use
// its context.
struct CloseRecord {
  StepRecord& record;
  ~CloseRecord() { record.open = false; }
};

// Throws Unsupported where a message is scheduled further ahead than the transport can.
void check_delays(const StepRecord& record, const Transport& transport);

// The same messages give the same requests, deduplication keys included.
std::vector<SendRequest> to_requests(const std::vector<OutgoingMessage>& messages);

// How long messages that are not to blame wait: longer with `outages`, which counts how often in a
// row this happened.
std::chrono::milliseconds outage_delay(const RetryPolicy& policy, std::atomic<unsigned>& outages,
                                       RandomSource& random);

}  // namespace sagabus::detail
