#include "put_aside.hpp"

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

#include "failure.hpp"
#include "sagabus/instance.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {
namespace {

// Uniform in [0, 1), from a row's id: whoever makes the row again must not make it due earlier.
double random_of(const std::string& id) {
  std::uint32_t digits = 0;
  std::from_chars(id.data(), id.data() + 8, digits, 16);
  return digits / 4294967296.0;
}

}  // namespace

std::uint64_t waits(const Envelope& envelope) {
  return read_count(envelope, headers::kWaits);
}

TimerRow waiting_row(const Delivery& delivery, const std::string& endpoint,
                     const RetryPolicy& retry, TimePoint now) {
  auto envelope = std::make_shared<Envelope>(*delivery.envelope);
  const auto wait = static_cast<unsigned>(waits(*envelope) + 1);
  const std::uint64_t attempt = attempts(delivery);
  const auto set = [&](std::string_view name, std::string value) {
    envelope->headers.insert_or_assign(std::string(name), std::move(value));
  };
  set(headers::kAttempt, std::to_string(attempt));
  set(headers::kWaits, std::to_string(wait));
  if (delivery.redelivered) set(headers::kUncertain, "1");
  // Whoever sends it may not know the saga, and by what it orders its messages.
  if (envelope->partition_key.empty()) envelope->partition_key = delivery.order_key;
  TimerRow row;
  row.key.id = derive_message_id(envelope->id, endpoint, attempt);
  row.key.due = later(now, retry_delay(retry, wait, random_of(row.key.id)));
  row.endpoint = endpoint;
  row.envelope = std::move(envelope);
  return row;
}

}  // namespace sagabus::detail
