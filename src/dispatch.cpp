#include "dispatch.hpp"

#include <fmt/format.h>

#include "sagabus/error.hpp"
#include "sagabus/store.hpp"
#include "timer_service.hpp"

namespace sagabus::detail {

void check_delays(const StepRecord& record, const Transport& transport) {
  if (record.store && record.store->timers()) return;
  const auto most = transport.backend()->max_delay();
  for (const OutgoingMessage& message : record.outgoing) {
    const auto delay = message.not_before - record.now;
    if (delay > most) {
      throw Unsupported(
          fmt::format("{} is scheduled {} ms ahead; this transport delays by at most {} ms",
                      message.envelope->type, delay.count(), most.count()));
    }
  }
}

void add_messages(const std::vector<OutgoingMessage>& messages, bool with_rows, Effects& out) {
  out.sends.reserve(out.sends.size() + messages.size());
  for (const OutgoingMessage& message : messages) {
    if (with_rows && message.not_before != TimePoint{}) {
      TimerRow row = scheduled_row(message);
      std::erase(out.timers.cancelled, row.key);  // of one before it
      out.timers.rows.push_back(std::move(row));
      continue;
    }
    SendRequest& request = out.sends.emplace_back();
    request.envelope = message.envelope;
    request.not_before = message.not_before;
  }
}

void add_entry(const OutboxEntry& entry, const Instance& instance, bool with_rows, Effects& out) {
  add_messages(entry.messages, with_rows, out);
  add_timers(entry, instance, out.timers);
}

boost::asio::awaitable<void> carry_out(Effects effects, TransportBackend& transport,
                                       TimerBackend* timers, TimerService* service, Cost* cost) {
  if (!effects.sends.empty()) co_await transport.send(std::move(effects.sends));
  if (!effects.timers.rows.empty()) {
    const std::vector<TimerRow> rows = effects.timers.rows;
    co_await timers->put(std::move(effects.timers.rows), cost);
    if (service) service->written(rows);
  }
  if (!effects.timers.cancelled.empty()) {
    co_await timers->erase(std::move(effects.timers.cancelled), cost);
  }
}

std::chrono::milliseconds outage_delay(const RetryPolicy& policy, std::atomic<unsigned>& outages,
                                       RandomSource& random) {
  return retry_delay(policy, outages.fetch_add(1) + 1, uniform(random));
}

}  // namespace sagabus::detail
