#include "sagabus/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "key_rules.hpp"
#include "message_size.hpp"
#include "sagabus/definition.hpp"
#include "sagabus/error.hpp"
#include "sagabus/random.hpp"
#include "sagabus/store.hpp"
#include "sagabus/time_text.hpp"
#include "sagabus/timer_store.hpp"
#include "sagabus/transport.hpp"
#include "timer_rules.hpp"

namespace sagabus {
namespace detail {
namespace {

void inherit_trace(const Headers& from, Headers& to) {
  for (const std::string_view name : {headers::kTraceParent, headers::kTraceState}) {
    const auto header = from.find(name);
    if (header != from.end()) to.try_emplace(header->first, header->second);
  }
}

std::vector<Timer>::iterator find(std::vector<Timer>& timers, std::string_view name) {
  return std::find_if(timers.begin(), timers.end(),
                      [&](const Timer& timer) { return timer.name == name; });
}

void add(std::vector<std::string>& names, std::string_view name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
}

std::string shown(std::string_view name) {
  return name.empty() ? std::string("without a name") : fmt::format("\"{}\"", name);
}

void check_timer(const StepRecord& step, std::string_view name, TimePoint due, TimePoint now) {
  if (!step.saga->find_timeout(name)) {
    throw std::invalid_argument(
        fmt::format("saga {}: set_timeout: it handles no timeout {}: add on_timeout(...) or "
                    "on<SagaTimeoutExpired>()",
                    *step.saga_name, shown(name)));
  }
  if (!step.store->timers()) {
    throw Unsupported(fmt::format("saga {}: its store, {}, keeps no timeouts", *step.saga_name,
                                  step.store->describe()));
  }
  const auto [least, most] = step.timer_limits;
  const auto ahead = due > now ? due - now : std::chrono::milliseconds::zero();
  if (ahead < least || ahead > most) {
    throw ValidationError(fmt::format("saga {}: timeout {}: {} ms from now, expected {} to {} ms",
                                      *step.saga_name, shown(name), ahead.count(), least.count(),
                                      most.count()));
  }
}

Timer& new_timer(StepRecord& step, std::string_view name) {
  const std::string problem = name.empty() ? std::string() : problem_of_id(name);
  if (!problem.empty() || name.size() > kMaxTimerName) {
    throw ValidationError(fmt::format("saga {}: the name of a timeout: {}", *step.saga_name,
                                      problem.empty() ? "too long" : problem));
  }
  if (step.timers.size() >= kMaxTimers) {
    throw ValidationError(fmt::format("saga {}: an instance has at most {} timeouts at once",
                                      *step.saga_name, kMaxTimers));
  }
  Timer& timer = step.timers.emplace_back();
  timer.name = name;
  timer.token = new_nonce(*step.random);
  return timer;
}

bool packs(const StepRecord& step) {
  return step.pack_above != TransportBackend::kNoLimit;
}

// Notes what has more bytes than may be committed as they are.
void note_size(StepRecord& step, const Envelope& envelope, std::size_t most_as_it_is) {
  if (fits(envelope, std::min(most_as_it_is, step.max_message_bytes))) return;
  check_size(envelope, step.max_message_bytes);
  step.to_pack.push_back(step.outgoing.size());
}

OutgoingMessage& add_outgoing(StepRecord& step, std::string_view type, Value payload,
                              PublishOptions options, TimePoint timestamp,
                              std::size_t most_as_it_is) {
  auto envelope = std::make_shared<Envelope>();
  envelope->id = options.id.empty()
                     ? derive_message_id(step.envelope->id, *step.sender_id, step.outgoing.size())
                     : std::move(options.id);
  envelope->type = type;
  envelope->payload = std::move(payload);
  envelope->headers = std::move(options.headers);
  inherit_trace(step.envelope->headers, envelope->headers);
  envelope->timestamp = timestamp;
  envelope->partition_key = std::move(options.partition_key);
  check(*envelope);  // while the handler can still be told: what is committed must be readable
  note_size(step, *envelope, most_as_it_is);
  return step.outgoing.emplace_back(OutgoingMessage{std::move(envelope)});
}

void drop_last(StepRecord& step) {
  step.outgoing.pop_back();
  if (!step.to_pack.empty() && step.to_pack.back() == step.outgoing.size()) step.to_pack.pop_back();
}

}  // namespace

void record(StepRecord& step, std::string_view type, Value payload, PublishOptions options) {
  add_outgoing(step, type, std::move(payload), std::move(options), step.now, step.pack_above);
}

ScheduledMessage record_scheduled(StepRecord& step, std::string_view type, Value payload,
                                  PublishOptions options, TimePoint at) {
  const TimePoint now = timer_now(step);
  const TimePoint timestamp = at > now ? std::min(at, kLatestText) : step.now;
  const std::size_t most_as_it_is =
      at > now && packs(step) ? std::min(step.pack_above, kMaxRowBytes) : step.pack_above;
  OutgoingMessage& message =
      add_outgoing(step, type, std::move(payload), std::move(options), timestamp, most_as_it_is);
  if (at <= now) return {message.envelope->id, now};
  try {
    check_scheduled(*message.envelope, at - now, step.timer_limits.most);
    if (!packs(step)) check_fits_row(*message.envelope);
  } catch (...) {
    drop_last(step);
    throw;
  }
  message.not_before = at;
  ScheduledMessage handle{message.envelope->id, at};
  std::erase(step.cancelled, handle);  // that was of one with the same id and time before it
  return handle;
}

void record_cancel(StepRecord& step, ScheduledMessage message) {
  if (message.id.empty()) throw std::invalid_argument("cancel: the message has no id");
  if (!step.store || !step.store->timers()) {
    throw Unsupported(fmt::format("cancel: {} cannot be cancelled: no store keeps it", message.id));
  }
  step.cancelled.push_back(std::move(message));
}

TimePoint timer_now(const StepRecord& step) {
  TimerBackend* const timers = step.store ? step.store->timers() : nullptr;
  return timers ? timers->now() : step.now;
}

// Such a one may have been sent, and its message be lost to the dead letters: no row is left then.
// Clocks may differ by that much.
constexpr std::chrono::minutes kMayBeSent(1);

// One that is moved keeps its token, and the row that it has: fired there, it is put where it
// belongs. Only where it comes nearer, or may have been sent, no row would fire it in time.
void set_timer(StepRecord& step, std::string_view name, TimePoint due, TimePoint now) {
  check_timer(step, name, due, now);
  const auto set = find(step.timers, name);
  const bool needs_row = set == step.timers.end() || due < set->due || set->due <= now + kMayBeSent;
  Timer& timer = set == step.timers.end() ? new_timer(step, name) : *set;
  timer.due = due;
  timer.set_at = now;
  if (needs_row) add(step.due_rows, name);
}

void clear_timer(StepRecord& step, std::string_view name) {
  const auto set = find(step.timers, name);
  if (set != step.timers.end()) step.timers.erase(set);
  std::erase(step.due_rows, name);
}

const Timer* find_timer(const StepRecord& step, std::string_view name) {
  const auto set = std::find_if(step.timers.begin(), step.timers.end(),
                                [&](const Timer& timer) { return timer.name == name; });
  return set == step.timers.end() ? nullptr : &*set;
}

void record_write(StepRecord& step, StoreWritePtr write) {
  if (!write) throw std::invalid_argument("transact: the write is null");
  if (!step.store->takes(*write)) {
    throw Unsupported(fmt::format("saga {}: its store, {}, cannot commit with a step: {}",
                                  *step.saga_name, step.store->describe(), write->describe()));
  }
  step.writes.push_back(std::move(write));
}

void refuse_closed_context() {
  throw std::logic_error("a context was used after its step had ended");
}

}  // namespace detail

std::string MessageContext::idempotency_key(std::string_view purpose) const {
  // No message has this index, so that no key is a message's id.
  constexpr auto kNoMessage = static_cast<std::size_t>(-1);
  std::string key = derive_message_id(step().envelope->id, *step().sender_id, kNoMessage);
  if (!purpose.empty()) key.append(1, '/').append(purpose);
  return key;
}

}  // namespace sagabus
