// What sagas and services share in sending what a handler asked for.
#pragma once

#include <atomic>
#include <vector>

#include "processor.hpp"
#include "sagabus/context.hpp"
#include "sagabus/random.hpp"
#include "sagabus/timer_store.hpp"
#include "sagabus/transport.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {

class TimerService;

// Closes a step's record when the handler ends, also by an exception: from then on nobody may use
// its context.
struct CloseRecord {
  StepRecord& record;
  ~CloseRecord() { record.open = false; }
};

// Where the store keeps no rows, what is scheduled is the transport's to hold. Throws Unsupported
// where that is further ahead than the transport can.
void check_delays(const StepRecord& record, const Transport& transport);

// What must leave once a step is committed.
struct Effects {
  std::vector<SendRequest> sends{};
  TimerEffects timers{};
  bool empty() const noexcept { return sends.empty() && timers.empty(); }
};

// The same messages give the same requests, deduplication keys included, and the same rows.
// `with_rows`: what is scheduled becomes a row, else a request that is held back.
void add_messages(const std::vector<OutgoingMessage>& messages, bool with_rows, Effects& out);
void add_entry(const OutboxEntry& entry, const Instance& instance, bool with_rows, Effects& out);

// Sends, puts rows, erases those that are cancelled; `service`, which may be null, is told of the
// rows. `timers` may be null where there are none. Repeating it is harmless.
boost::asio::awaitable<void> carry_out(Effects effects, TransportBackend& transport,
                                       TimerBackend* timers, TimerService* service, Cost* cost);

// How long messages that are not to blame wait: longer with `outages`, which counts how often in a
// row this happened.
std::chrono::milliseconds outage_delay(const RetryPolicy& policy, std::atomic<unsigned>& outages,
                                       RandomSource& random);

}  // namespace sagabus::detail
