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

// For a message that is not to blame: it comes again after a wait that grows with `outages`, which
// counts how often in a row this happened.
Verdict give_back_later(const RetryPolicy& policy, std::atomic<unsigned>& outages,
                        RandomSource& random);

}  // namespace sagabus::detail
