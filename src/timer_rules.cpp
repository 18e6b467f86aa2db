#include "timer_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "message_size.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus {
namespace detail {
namespace {

// What every store keeps in a row: a sort key of DynamoDB has 1,024 bytes, 25 of them for the due
// time, and an item 400 KB.
constexpr std::size_t kMaxIdBytes = 512;

std::string read_header(const Envelope& envelope, std::string_view name) {
  const auto header = envelope.headers.find(name);
  if (header == envelope.headers.end() || header->second.empty()) {
    throw ValidationError(fmt::format("a timeout without the header {}", name));
  }
  return header->second;
}

}  // namespace
}  // namespace detail

std::string to_text(const TimerKey& key) {
  return to_iso8601(key.due) + '#' + key.id;
}

TimerKey parse_timer_key(std::string_view text) {
  const std::size_t hash = text.find('#');
  if (hash == std::string_view::npos || hash + 1 == text.size()) {
    throw ValidationError("a timer's key: expected a time, # and an id");
  }
  const SplitTime due = parse_iso8601(text.substr(0, hash));
  return {due.seconds + std::chrono::floor<std::chrono::milliseconds>(due.fraction),
          std::string(text.substr(hash + 1))};
}

namespace detail {

void check_scheduled(const Envelope& envelope, std::chrono::milliseconds ahead,
                     std::chrono::milliseconds most) {
  if (ahead > most) {
    throw ValidationError(fmt::format("{} is scheduled {} ms ahead, expected at most {} ms",
                                      envelope.type, ahead.count(), most.count()));
  }
  if (envelope.id.size() > kMaxIdBytes) {
    throw ValidationError(fmt::format("{}: the id of a scheduled message: {} bytes, over {}",
                                      envelope.type, envelope.id.size(), kMaxIdBytes));
  }
}

void check_fits_row(const Envelope& envelope) {
  if (fits_row(envelope)) return;
  throw ValidationError(fmt::format("{}: a scheduled message of {} bytes, over {}", envelope.type,
                                    to_json(envelope).size(), kMaxRowBytes));
}

TimerRow scheduled_row(const OutgoingMessage& message) {
  return {{message.not_before, message.envelope->id}, {}, message.envelope};
}

std::uint64_t read_count(const Envelope& envelope, std::string_view header) {
  std::uint64_t count = 0;
  const auto found = envelope.headers.find(header);
  if (found == envelope.headers.end()) return count;
  const std::string& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

bool fits_row(const Envelope& envelope) {
  return fits(envelope, kMaxRowBytes);
}

std::string deduplication_key(const TimerRow& row) {
  return row.envelope->headers.contains(headers::kWaits) ? to_text(row.key) : std::string();
}

// The message's id follows from token and due time: fired twice it is one, and one that was moved,
// or set anew, is another.
TimerRow timeout_row(const Instance& instance, const Timer& timer) {
  SagaTimeoutExpired expired;
  expired.sagaId = instance.saga_id;
  expired.sagaName = instance.saga_name;
  expired.correlationId = instance.correlation_id;
  expired.timeoutMs = (timer.due - timer.set_at).count();
  expired.timeoutSetAt = timer.set_at;
  if (!timer.name.empty()) expired.timeoutName = timer.name;
  const auto due = timer.due.time_since_epoch().count();
  auto envelope = std::make_shared<Envelope>();
  envelope->id = derive_message_id(timer.token, instance.saga_id, static_cast<std::size_t>(due));
  envelope->type = message_name<SagaTimeoutExpired>();
  envelope->payload = to_value(expired);
  envelope->headers = {{std::string(headers::kTimeoutToken), timer.token},
                       {std::string(headers::kTimeoutDue), std::to_string(due)}};
  envelope->timestamp = timer.due;
  return {{timer.due, timer.token}, instance.saga_name, std::move(envelope)};
}

TimerRow moved_to(TimerRow row, TimePoint due) {
  row.key.due = due;
  if (row.envelope->headers.contains(headers::kWaits)) return row;
  auto envelope = std::make_shared<Envelope>(*row.envelope);
  envelope->timestamp = due;
  row.envelope = std::move(envelope);
  return row;
}

Firing read_firing(const Envelope& envelope) {
  Firing firing;
  firing.token = read_header(envelope, headers::kTimeoutToken);
  const std::string due = read_header(envelope, headers::kTimeoutDue);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(due.data(), due.data() + due.size(), count);
  if (error != std::errc() || end != due.data() + due.size()) {
    throw ValidationError(
        fmt::format("a timeout whose header {} is no time", headers::kTimeoutDue));
  }
  firing.due = TimePoint(std::chrono::milliseconds(count));
  return firing;
}

void add_timers(const OutboxEntry& entry, const Instance& instance, TimerEffects& out) {
  const auto& timers = instance.bookkeeping.timers;
  for (const std::string& name : entry.timers) {
    const auto timer = std::find_if(timers.begin(), timers.end(),
                                    [&](const Timer& it) { return it.name == name; });
    if (timer != timers.end()) out.rows.push_back(timeout_row(instance, *timer));
  }
  for (const ScheduledMessage& it : entry.cancelled) {
    const TimerKey key{it.due, it.id};
    std::erase_if(out.rows, [&](const TimerRow& row) { return row.key == key; });
    out.cancelled.push_back(key);
  }
}

}  // namespace detail
}  // namespace sagabus
