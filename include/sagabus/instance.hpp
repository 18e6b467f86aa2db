// One instance of a saga, as stores keep it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sagabus/clock.hpp"
#include "sagabus/envelope.hpp"
#include "sagabus/timer.hpp"
#include "sagabus/value.hpp"

namespace sagabus {

// A message that was taken in, and when; or when it was sent, where its sender's clock was ahead.
struct InboxEntry {
  std::string message_id;
  TimePoint at{};
  friend bool operator==(const InboxEntry&, const InboxEntry&) = default;
};

// A message that must leave.
struct OutgoingMessage {
  EnvelopePtr envelope;
  TimePoint not_before{};  // not delivered earlier; zero: at once
};
bool operator==(const OutgoingMessage& a, const OutgoingMessage& b);

// What one step sends, kept with the state until it is known to have left.
struct OutboxEntry {
  std::string message_id;      // of the message that the step took in
  std::string worker;          // the incarnation of the worker that committed the step
  std::uint64_t sequence = 0;  // its running number there
  std::vector<OutgoingMessage> messages;
  std::vector<std::string> timers{};          // names of those whose rows must be put
  std::vector<ScheduledMessage> cancelled{};  // whose rows must go
  friend bool operator==(const OutboxEntry&, const OutboxEntry&) = default;
};

// What the bus keeps beside the state to make each step happen once.
struct Bookkeeping {
  std::string birth;  // random, made when the instance starts: tells two lives of one id apart
  std::vector<InboxEntry> inbox;  // in the order in which they were taken in
  TimePoint horizon{};            // the newest time that has left the inbox
  std::vector<OutboxEntry> outbox;
  std::vector<Timer> timers{};  // in the order in which they were set first
  friend bool operator==(const Bookkeeping&, const Bookkeeping&) = default;
};

// The text that stores keep it as, one short JSON value for each part; empty for an empty part. Its
// format is in docs/formats/bookkeeping.md. Reading throws ValidationError for any other text.
struct BookkeepingText {
  std::string inbox;  // with the horizon
  std::string outbox;
  std::string timers{};
};
// `saga_id` is the instance's: what follows from it is left out.
BookkeepingText write_bookkeeping(const Bookkeeping& bookkeeping, std::string_view saga_id);
Bookkeeping read_bookkeeping(std::string birth, const BookkeepingText& text,
                             std::string_view saga_id);

struct Instance {
  std::string saga_name;
  std::string
      saga_id;  // derived from name and correlation id, unless the caller of insert chose it
  std::string correlation_id;
  std::uint64_t version = 0;  // 1 for a new instance, and one more with every write
  bool completed = false;
  Value state;
  TimePoint created_at{};
  TimePoint updated_at{};
  std::optional<TimePoint> expires_at;  // set by the store on completed instances; in whole seconds
  Bookkeeping bookkeeping;
  friend bool operator==(const Instance&, const Instance&) = default;
};

// Instances that the bus and the stores hand to one another are shared and never changed.
using InstancePtr = std::shared_ptr<const Instance>;

// The id that name and correlation id have for ever: a UUID of version 5 (SHA-1, RFC 4122).
std::string derive_saga_id(std::string_view saga_name, std::string_view correlation_id);

// The id of the index-th message that a step sends: the same for every run of the step. A UUID of
// version 8 (XXH3, 128 bits).
std::string derive_message_id(std::string_view incoming_id, std::string_view saga_id,
                              std::size_t index);

}  // namespace sagabus
