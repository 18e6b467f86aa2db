#include "testing/timeline.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sagabus/json.hpp"

namespace sagabus::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostValueBytes = 200;  // of a value that is shown; longer ones are cut

constexpr std::string_view kIndent = "                    ";

std::string_view name_of(StepOutcome outcome) {
  switch (outcome) {
    case StepOutcome::pending:
      return "undecided";
    case StepOutcome::committed:
      return "committed";
    case StepOutcome::unchanged:
      return "nothing to write";
    case StepOutcome::repeated:
      return "taken before";
    case StepOutcome::ignored:
      return "ignored";
    case StepOutcome::not_found:
      return "no such instance";
    case StepOutcome::too_late:
      return "too late to tell whether it was taken before";
    case StepOutcome::outrun:
      return "outrun by other writes";
    case StepOutcome::postponed:
      return "put off to a turn of its own";
  }
  return "?";
}

std::string shown(const Value& value) {
  std::string text = to_json(value);
  if (text.size() <= kMostValueBytes) return text;
  std::size_t end = kMostValueBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string message_of(const Envelope& envelope) {
  if (envelope.type != message_name<SagaTimeoutExpired>()) return envelope.type;
  const Value* const name = envelope.payload.find("timeoutName");
  const std::string* const text = name ? name->if_string() : nullptr;
  return text ? "timeout " + *text : std::string("the timeout");
}

std::string timeout_text(const Timer& timer) {
  return timer.name.empty() ? std::string("the timeout") : "timeout " + timer.name;
}

const Timer* find(const std::vector<Timer>& timers, std::string_view name) {
  const auto found = std::ranges::find(timers, name, &Timer::name);
  return found == timers.end() ? nullptr : &*found;
}

std::string with_payload(const Envelope& envelope) {
  return envelope.type == message_name<SagaTimeoutExpired>()
             ? message_of(envelope)
             : envelope.type + ' ' + shown(envelope.payload);
}

// The instance that the step changed; null where it began one. One that had ended takes no message
// but one that begins it afresh.
const Instance* changed_by(const HarnessStep& step) {
  return step.before && !step.before->completed ? step.before.get() : nullptr;
}

void add_line(std::string& text, std::string_view line) {
  text += fmt::format("  {}{}\n", kIndent, line);
}

// The members that differ; the whole of what is new or no object.
void add_state(std::string& text, const Value* before, const Value& after) {
  const Object* const members = after.if_object();
  if (!before || !before->if_object() || !members) {
    if (!before || *before != after) add_line(text, "state " + shown(after));
    return;
  }
  for (const auto& [name, value] : *members) {
    const Value* const old = before->find(name);
    if (old && *old == value) continue;
    add_line(text, fmt::format("{}: {} -> {}", name, old ? shown(*old) : "none", shown(value)));
  }
  for (const auto& [name, value] : *before->if_object()) {
    if (!after.find(name)) add_line(text, fmt::format("{}: {} -> none", name, shown(value)));
  }
}

}  // namespace

std::string& Timeline::of(std::string_view saga_name, std::string_view correlation_id) {
  std::string title = fmt::format("{} {}", saga_name, correlation_id);
  for (auto& [known, text] : instances_) {
    if (known == title) return text;
  }
  return instances_.emplace_back(std::move(title), std::string()).second;
}

// Since the harness was made: "+00:30:00.000", "+14d 00:00:00.000".
std::string Timeline::time(TimePoint at) const {
  const milliseconds since = at - start_;
  const auto days = std::chrono::floor<std::chrono::days>(since);
  const std::chrono::hh_mm_ss rest(since - days);
  return fmt::format("{}{}{:02}:{:02}:{:02}.{:03}", days.count() < 0 ? "" : "+",
                     days.count() == 0 ? std::string() : fmt::format("{}d ", days.count()),
                     rest.hours().count(), rest.minutes().count(), rest.seconds().count(),
                     rest.subseconds().count());
}

void Timeline::add(const HarnessStep& step) {
  std::string& text = of(step.saga_name, step.correlation_id);
  std::string how(step.ended ? name_of(step.outcome) : "its handler waits");
  if (!step.error.empty() && step.outcome == StepOutcome::pending) {
    how = (step.after ? "committed, but failed: " : "failed: ") + step.error;
  } else if (!step.error.empty()) {
    how += ", then failed: " + step.error;
  }
  if (step.attempt > 1) how += fmt::format(" (attempt {})", step.attempt);
  text += fmt::format("  {:<20}{}: {}\n", time(step.at), with_payload(*step.envelope), how);
  const bool wrote = step.outcome == StepOutcome::committed || step.outcome == StepOutcome::pending;
  if (step.after && wrote) add_changes(text, step);
}

void Timeline::add_changes(std::string& text, const HarnessStep& step) const {
  const Instance& after = *step.after;
  const Instance* const before = changed_by(step);
  if (step.before && !before) add_line(text, "begins afresh");
  add_state(text, before ? &before->state : nullptr, after.state);
  for (const OutboxEntry& entry : after.bookkeeping.outbox) {
    if (entry.message_id == step.envelope->id) add_messages(text, entry);
  }
  add_timeouts(text, step);
  if (after.completed) add_line(text, "completes");
}

void Timeline::add_messages(std::string& text, const OutboxEntry& entry) const {
  for (const OutgoingMessage& message : entry.messages) {
    const std::string what = with_payload(*message.envelope);
    if (message.not_before == TimePoint{}) {
      add_line(text, "publishes " + what);
    } else {
      add_line(text, fmt::format("schedules {}, due {}", what, time(message.not_before)));
    }
  }
  for (const ScheduledMessage& it : entry.cancelled) {
    add_line(text, fmt::format("cancels what is due {}", time(it.due)));
  }
}

void Timeline::add_timeouts(std::string& text, const HarnessStep& step) const {
  const Instance* const found = changed_by(step);
  const std::vector<Timer> before = found ? found->bookkeeping.timers : std::vector<Timer>();
  const std::vector<Timer>& after = step.after->bookkeeping.timers;
  for (const Timer& timer : after) {
    const Timer* const old = find(before, timer.name);
    if (old && *old == timer) continue;
    const char* const verb = old && old->token == timer.token ? "moves" : "sets";
    add_line(text, fmt::format("{} {}, due {}", verb, timeout_text(timer), time(timer.due)));
  }
  if (step.after->completed) return;
  const auto token = step.envelope->headers.find(headers::kTimeoutToken);
  for (const Timer& timer : before) {
    const bool came = token != step.envelope->headers.end() && token->second == timer.token;
    if (!came && !find(after, timer.name)) add_line(text, "clears " + timeout_text(timer));
  }
}

void Timeline::add(const WaitingTimeout& timeout) {
  of(timeout.saga_name, timeout.correlation_id) +=
      fmt::format("  {:<20}{}\n", time(timeout.due),
                  timeout.name.empty() ? std::string("the timeout is due")
                                       : fmt::format("timeout {} is due", timeout.name));
}

void Timeline::add(const DeadLetter& letter) {
  letters_ += fmt::format("  {}: {}: {}\n", letter.endpoint,
                          letter.envelope ? message_of(*letter.envelope) : "?", letter.error);
}

void Timeline::add_pending_fault(std::string_view text) {
  faults_ += fmt::format("  {}\n", text);
}

std::string Timeline::text() const {
  std::string all;
  for (const auto& [title, text] : instances_) all += title + '\n' + text;
  if (instances_.empty()) all += "no step was taken\n";
  if (!letters_.empty()) all += "dead letters\n" + letters_;
  if (!faults_.empty()) all += "faults that are still to come\n" + faults_;
  return all;
}

}  // namespace sagabus::testing
