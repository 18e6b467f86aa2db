// One step of a saga as pure decisions: what a message means for an instance, and what is to be
// written once its handler has run. No clock, no store, no transport.
#pragma once

#include <optional>
#include <string>

#include "sagabus/definition.hpp"
#include "sagabus/instance.hpp"
#include "sagabus/store.hpp"
#include "settlements.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {

// A message on its way into a saga.
struct Incoming {
  EnvelopePtr envelope;
  const SagaMessage* entry = nullptr;
  const void* message = nullptr;
  InstanceKey key;
  bool redelivered = false;        // or sent back as a letter: it may have been committed before
  TimePoint committed_after{};     // if so, not before this time
  std::optional<Firing> firing{};  // of a timeout
};

enum class Choice {
  run,        // the handler is to run on `state`
  repeated,   // it is in the inbox: committed before
  too_late,   // it may have been committed before: the inbox no longer tells
  ignored,    // the instance is completed, or no handler's guard holds
  not_found,  // there is no instance, and the message starts none
  moved,      // a timeout that comes later by now: its row must be put there
};

struct Plan {
  Choice choice = Choice::ignored;
  ErasedState state{};                   // for run: what the handler may change
  const SagaHandler* handler = nullptr;  // for run; null where a start has no handler
};

// `current` is what the store holds; null: nothing. Throws ValidationError where the stored state
// does not fit, and whatever a guard throws.
Plan choose(const SagaData& saga, const Incoming& incoming, const InstancePtr& current);

struct InboxLimits {
  std::chrono::milliseconds window{600000};
  std::size_t bytes = 1024;
};

// The timer that has come, where it is one of the instance's; null else.
const Timer* find_timer(const Instance& instance, const Incoming& incoming);

// The handler left the state as it was, asked for nothing, and the instance exists.
bool changes_nothing(const InstancePtr& current, const Value& state, const StepRecord& record);

// What a handler left behind, as the one write that makes it so.
struct StepEnd {
  Value state;
  std::vector<OutgoingMessage> outgoing;
  std::vector<Timer> timers{};
  std::vector<std::string> due_rows{};  // of these timers
  std::vector<ScheduledMessage> cancelled{};
  bool completed = false;
  TimePoint now{};
  std::uint64_t sequence = 0;  // the worker's number for this step; used where messages must leave
  std::string new_birth;       // used where the instance starts
  std::size_t together = 0;    // steps before this one in the same write
};
// Whether something must leave after the commit.
bool has_effects(const StepEnd& end);
CommitRequest make_commit(const Incoming& incoming, const InstancePtr& current, StepEnd end,
                          const InboxLimits& limits, const Settlements& settlements);

// The same instance at a new version, for a message without effect on it: what was planned on older
// ones comes too late from then on. It holds the message's id where there is room, but for a
// timeout's, whose time may be set again.
CommitRequest make_fence(const Incoming& incoming, const InstancePtr& current, TimePoint now,
                         const InboxLimits& limits, const Settlements& settlements);

// A step more in the same write: `more` was made on `request.next`.
void add_to(CommitRequest& request, CommitRequest more);

// What a message's id takes of the inbox.
std::size_t inbox_bytes(std::string_view message_id);

// The same instance without the entry of that message.
CommitRequest without_entry(const Instance& current, std::string_view message_id);

const OutboxEntry* find_entry(const Instance& instance, std::string_view message_id);
bool in_inbox(const Instance& instance, std::string_view message_id);

// The same version in the same life, or both nothing.
bool is_same(const InstancePtr& a, const InstancePtr& b);

// How a store is to recognise the instance that was loaded.
ExpectedInstance expect(const Instance& instance);

}  // namespace sagabus::detail
