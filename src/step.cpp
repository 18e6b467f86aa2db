#include "step.hpp"

#include <algorithm>
#include <iterator>

#include "sagabus/error.hpp"

namespace sagabus::detail {
namespace {

// What an id costs in the inbox beside its own bytes: quotes, brackets, and a time.
constexpr std::size_t kInboxOverhead = 19;

ErasedState initial_state(const SagaData& saga, const Incoming& incoming) {
  return incoming.entry->initial ? incoming.entry->initial(incoming.message) : saga.initial();
}

const SagaHandler* first_open(const Incoming& incoming, const void* state) {
  for (const SagaHandler& handler : incoming.entry->handlers) {
    const bool open =
        std::all_of(handler.guards.begin(), handler.guards.end(),
                    [&](const auto& guard) { return guard(incoming.message, state); });
    if (open) return &handler;
  }
  return nullptr;
}

Plan plan_on(const Incoming& incoming, ErasedState state) {
  Plan plan;
  plan.handler = first_open(incoming, state.get());
  if (!plan.handler && !incoming.entry->handlers.empty()) return plan;  // ignored
  plan.choice = Choice::run;
  plan.state = std::move(state);
  return plan;
}

// The token tells whether it has come before, however late it is: no horizon is needed. One that no
// guard lets through is gone all the same, by a step without a handler.
Plan choose_timeout(const SagaData& saga, const Incoming& incoming, const Instance& current) {
  Plan plan;
  const Timer* const timer = find_timer(current, incoming);
  if (current.completed || !timer) return plan;
  plan.choice = timer->due > incoming.firing->due ? Choice::moved : Choice::run;
  if (plan.choice == Choice::moved) return plan;
  plan.state = saga.state.read(current.state);
  plan.handler = first_open(incoming, plan.state.get());
  return plan;
}

// Makes room for one more id. An id may leave when it is older than the window or the bytes are
// used up, but never before its outbox entry, nor in the write that brought it: nobody could tell
// then that its message was done. What leaves moves the horizon.
void trim_inbox(Bookkeeping& bookkeeping, const std::string& new_id, const StepEnd& end,
                const InboxLimits& limits) {
  std::size_t bytes = inbox_bytes(new_id);
  for (const InboxEntry& entry : bookkeeping.inbox) bytes += inbox_bytes(entry.message_id);
  const auto must_stay = [&](const InboxEntry& entry) {
    return std::any_of(bookkeeping.outbox.begin(), bookkeeping.outbox.end(),
                       [&](const OutboxEntry& out) { return out.message_id == entry.message_id; });
  };
  auto& inbox = bookkeeping.inbox;
  const auto old_end = inbox.end() - static_cast<std::ptrdiff_t>(end.together);
  const auto kept = std::remove_if(inbox.begin(), old_end, [&](const InboxEntry& entry) {
    const bool surplus = end.now - entry.at > limits.window || bytes > limits.bytes;
    if (!surplus || must_stay(entry)) return false;
    bytes -= inbox_bytes(entry.message_id);
    bookkeeping.horizon = std::max(bookkeeping.horizon, entry.at);
    return true;
  });
  inbox.erase(kept, old_end);
}

// What an earlier step cancelled, and perhaps has not erased yet, is not erased once it is
// scheduled anew.
void forget_cancels(Bookkeeping& bookkeeping, const std::vector<OutgoingMessage>& scheduled) {
  for (const OutgoingMessage& message : scheduled) {
    if (message.not_before == TimePoint{}) continue;
    const ScheduledMessage it{message.envelope->id, message.not_before};
    for (OutboxEntry& entry : bookkeeping.outbox) std::erase(entry.cancelled, it);
  }
}

// What an earlier step scheduled, and perhaps has not put into its row yet, is not put there again.
void forget_cancelled(Bookkeeping& bookkeeping, const std::vector<ScheduledMessage>& cancelled) {
  for (const ScheduledMessage& it : cancelled) {
    for (OutboxEntry& entry : bookkeeping.outbox) {
      std::erase_if(entry.messages, [&](const OutgoingMessage& message) {
        return message.not_before == it.due && message.envelope->id == it.id;
      });
    }
  }
}

// The horizon is compared with the time at which a message was sent, by its sender's clock. That
// clock may be ahead of ours; but a message from the far future must not push the horizon there.
TimePoint inbox_time(const Incoming& incoming, TimePoint now, const InboxLimits& limits) {
  return std::min(std::max(now, incoming.envelope->timestamp), now + limits.window);
}

void begin_instance(const Incoming& incoming, const StepEnd& end, Instance& next) {
  next.saga_name = incoming.key.saga_name;
  next.saga_id = incoming.key.saga_id;
  next.correlation_id = incoming.key.correlation_id;
  next.created_at = end.now;
  next.bookkeeping.birth = end.new_birth;
}

// All but the state, which is about to be replaced.
void copy_without_state(const Instance& current, Instance& next) {
  next.saga_name = current.saga_name;
  next.saga_id = current.saga_id;
  next.correlation_id = current.correlation_id;
  next.version = current.version;
  next.created_at = current.created_at;
  next.bookkeeping.birth = current.bookkeeping.birth;
  next.bookkeeping.horizon = current.bookkeeping.horizon;
}

}  // namespace

bool in_inbox(const Instance& instance, std::string_view message_id) {
  const auto& inbox = instance.bookkeeping.inbox;
  return std::any_of(inbox.begin(), inbox.end(),
                     [&](const InboxEntry& entry) { return entry.message_id == message_id; });
}

const OutboxEntry* find_entry(const Instance& instance, std::string_view message_id) {
  const auto& outbox = instance.bookkeeping.outbox;
  const auto entry = std::find_if(outbox.begin(), outbox.end(),
                                  [&](const OutboxEntry& e) { return e.message_id == message_id; });
  return entry == outbox.end() ? nullptr : &*entry;
}

bool is_same(const InstancePtr& a, const InstancePtr& b) {
  if (!a || !b) return a == b;
  return a->version == b->version && a->bookkeeping.birth == b->bookkeeping.birth &&
         a->created_at == b->created_at;
}

ExpectedInstance expect(const Instance& instance) {
  return {instance.version, instance.bookkeeping.birth, instance.created_at};
}

const Timer* find_timer(const Instance& instance, const Incoming& incoming) {
  if (!incoming.firing) return nullptr;
  const auto& timers = instance.bookkeeping.timers;
  const auto timer = std::find_if(timers.begin(), timers.end(), [&](const Timer& it) {
    return it.token == incoming.firing->token;
  });
  return timer == timers.end() ? nullptr : &*timer;
}

Plan choose(const SagaData& saga, const Incoming& incoming, const InstancePtr& current) {
  Plan plan;
  const bool starts = incoming.entry->can_start;
  if (!current) {
    if (incoming.firing) return plan;
    if (starts) return plan_on(incoming, initial_state(saga, incoming));
    plan.choice = Choice::not_found;
    return plan;
  }
  if (in_inbox(*current, incoming.envelope->id)) {
    plan.choice = Choice::repeated;
    return plan;
  }
  if (incoming.firing) return choose_timeout(saga, incoming, *current);
  const TimePoint horizon = current->bookkeeping.horizon;
  const TimePoint earliest = std::max(incoming.envelope->timestamp, incoming.committed_after);
  if (incoming.redelivered && horizon != TimePoint{} && earliest <= horizon) {
    plan.choice = Choice::too_late;
    return plan;
  }
  if (current->completed) {
    return starts && saga.restartable ? plan_on(incoming, initial_state(saga, incoming)) : plan;
  }
  return plan_on(incoming, saga.state.read(current->state));
}

bool changes_nothing(const InstancePtr& current, const Value& state, const StepRecord& record) {
  return current && !current->completed && !record.completed && record.outgoing.empty() &&
         record.writes.empty() && record.cancelled.empty() &&
         record.timers == current->bookkeeping.timers && state == current->state;
}

bool has_effects(const StepEnd& end) {
  return !end.outgoing.empty() || !end.due_rows.empty() || !end.cancelled.empty();
}

CommitRequest make_commit(const Incoming& incoming, const InstancePtr& current, StepEnd end,
                          const InboxLimits& limits, const Settlements& settlements) {
  const auto next = std::make_shared<Instance>();
  Bookkeeping& bookkeeping = next->bookkeeping;
  if (current) {
    copy_without_state(*current, *next);
    bookkeeping.outbox = settlements.unsettled(current->bookkeeping.outbox);
    bookkeeping.inbox.reserve(current->bookkeeping.inbox.size() + 1);
    bookkeeping.inbox = current->bookkeeping.inbox;
    trim_inbox(bookkeeping, incoming.envelope->id, end, limits);
  } else {
    begin_instance(incoming, end, *next);
  }
  if (end.together == 0) next->version += 1;
  next->completed = end.completed;
  next->state = std::move(end.state);
  next->updated_at = end.now;
  bookkeeping.inbox.push_back({incoming.envelope->id, inbox_time(incoming, end.now, limits)});
  if (!end.completed) bookkeeping.timers = std::move(end.timers);
  if (has_effects(end)) {
    forget_cancelled(bookkeeping, end.cancelled);
    forget_cancels(bookkeeping, end.outgoing);
    bookkeeping.outbox.push_back({incoming.envelope->id, settlements.worker(), end.sequence,
                                  std::move(end.outgoing), std::move(end.due_rows),
                                  std::move(end.cancelled)});
  }
  CommitRequest request;
  if (current) request.expected = expect(*current);
  request.next = next;
  return request;
}

// It pushes no id out of the inbox, which may be of a step: else messages that mean nothing could
// move the horizon over others that do. Where there is no room, the new version alone has to do.
CommitRequest make_fence(const Incoming& incoming, const InstancePtr& current, TimePoint now,
                         const InboxLimits& limits, const Settlements& settlements) {
  const auto next = std::make_shared<Instance>(*current);
  Bookkeeping& bookkeeping = next->bookkeeping;
  next->version += 1;
  bookkeeping.outbox = settlements.unsettled(current->bookkeeping.outbox);
  std::size_t bytes = inbox_bytes(incoming.envelope->id);
  for (const InboxEntry& entry : bookkeeping.inbox) bytes += inbox_bytes(entry.message_id);
  if (!incoming.firing && bytes <= limits.bytes) {
    bookkeeping.inbox.push_back({incoming.envelope->id, inbox_time(incoming, now, limits)});
  }
  CommitRequest request;
  request.expected = expect(*current);
  request.next = next;
  return request;
}

void add_to(CommitRequest& request, CommitRequest more) {
  request.next = std::move(more.next);
  std::move(more.writes.begin(), more.writes.end(), std::back_inserter(request.writes));
}

std::size_t inbox_bytes(std::string_view message_id) {
  return message_id.size() + kInboxOverhead;
}

CommitRequest without_entry(const Instance& current, std::string_view message_id) {
  Instance next = current;
  next.version += 1;
  std::erase_if(next.bookkeeping.outbox,
                [&](const OutboxEntry& entry) { return entry.message_id == message_id; });
  CommitRequest request;
  request.expected = expect(current);
  request.next = std::make_shared<const Instance>(std::move(next));
  return request;
}

}  // namespace sagabus::detail
