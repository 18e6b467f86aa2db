// The text of inbox, outbox and timers. docs/formats/bookkeeping.md is its specification.
#include <algorithm>

#include "sagabus/codec.hpp"
#include "sagabus/error.hpp"
#include "sagabus/instance.hpp"
#include "sagabus/json.hpp"

namespace sagabus {
namespace {

constexpr std::int64_t kFormat = 1;

// A payload lies in a message, in a list, in an entry, in the list of entries, in the text.
constexpr JsonLimits kLimits{.max_depth = kMaxPayloadDepth + 5};

Value milliseconds(TimePoint time) {
  return Value(std::int64_t{time.time_since_epoch().count()});
}

TimePoint read_milliseconds(const Value& value, const FieldPath& path) {
  std::int64_t count = 0;
  Codec<std::int64_t>::read(value, count, path);
  return TimePoint(std::chrono::milliseconds(count));
}

// The step that a message comes from: most of what names the message follows from it.
struct Origin {
  std::string_view incoming_id;
  std::string_view saga_id;
  TimePoint at{};  // that message timestamps are counted from
};

// [id, type, timestamp, payload, headers?, partition key?, not before?]: a list, since names would
// cost more than what they name. An id that is derived from the step stands as 0.
Value write_message(const OutgoingMessage& message, const Origin& origin, std::size_t index) {
  const Envelope& e = *message.envelope;
  const bool derived = e.id == derive_message_id(origin.incoming_id, origin.saga_id, index);
  Array out{derived ? Value(0) : Value(e.id), Value(e.type),
            Value(std::int64_t{(e.timestamp - origin.at).count()}), e.payload};
  const bool late = message.not_before != TimePoint{};
  if (!e.headers.empty() || !e.partition_key.empty() || late) {
    out.push_back(to_value(std::map<std::string, std::string>(e.headers.begin(), e.headers.end())));
  }
  if (!e.partition_key.empty() || late) out.emplace_back(e.partition_key);
  if (late) out.push_back(milliseconds(message.not_before));
  return Value(std::move(out));
}

// Empty where it is derived.
std::string read_message_id(const Value& value, const FieldPath& path) {
  const std::int64_t* derived = value.if_int64();
  if (!derived) return detail::read_string(value, FieldPath(path, 0));
  if (*derived != 0) FieldPath(path, 0).fail("neither an id nor 0");
  return {};
}

OutgoingMessage read_message_text(const Value& value, const Origin& origin, const FieldPath& path,
                                  std::size_t index) {
  const Array& in = detail::read_array(value, path);
  if (in.size() < 4) path.fail("a message needs four parts");
  Envelope e;
  e.id = read_message_id(in[0], path);
  if (e.id.empty()) e.id = derive_message_id(origin.incoming_id, origin.saga_id, index);
  e.type = detail::read_string(in[1], FieldPath(path, 1));
  e.timestamp = later(origin.at, read_milliseconds(in[2], FieldPath(path, 2)).time_since_epoch());
  e.payload = in[3];
  if (in.size() > 4) Codec<Headers>::read(in[4], e.headers, FieldPath(path, 4));
  if (in.size() > 5) e.partition_key = detail::read_string(in[5], FieldPath(path, 5));
  OutgoingMessage message{std::make_shared<const Envelope>(std::move(e))};
  if (in.size() > 6) message.not_before = read_milliseconds(in[6], FieldPath(path, 6));
  return message;
}

// {"f":1,"h":<horizon>,"m":[[id, time], …]}
std::string write_inbox(const Bookkeeping& bookkeeping) {
  if (bookkeeping.inbox.empty() && bookkeeping.horizon == TimePoint{}) return {};
  Array messages;
  for (const InboxEntry& entry : bookkeeping.inbox) {
    messages.emplace_back(Array{Value(entry.message_id), milliseconds(entry.at)});
  }
  Object out{{"f", Value(kFormat)}};
  if (bookkeeping.horizon != TimePoint{}) out.emplace_back("h", milliseconds(bookkeeping.horizon));
  out.emplace_back("m", Value(std::move(messages)));
  return to_json(Value(std::move(out)));
}

// Whether their times can be told as a difference from another one.
bool are_within_reach(const std::vector<OutgoingMessage>& messages, TimePoint of) {
  return std::all_of(messages.begin(), messages.end(), [&](const OutgoingMessage& message) {
    std::int64_t ignored = 0;
    return !__builtin_sub_overflow(message.envelope->timestamp.time_since_epoch().count(),
                                   of.time_since_epoch().count(), &ignored);
  });
}

Array write_names(const std::vector<std::string>& names) {
  Array out;
  for (const std::string& name : names) out.emplace_back(name);
  return out;
}

// {"f":1,"e":[[message, worker, sequence, [message, …], [timer, …]?, [[id, due], …]?], …]}; the
// message that the step took in is
// its place in the inbox, which holds it for as long as the
// entry is there.
std::string write_outbox(const Bookkeeping& bookkeeping, std::string_view saga_id) {
  if (bookkeeping.outbox.empty()) return {};
  const auto& inbox = bookkeeping.inbox;
  Array entries;
  for (const OutboxEntry& entry : bookkeeping.outbox) {
    const auto taken = std::find_if(inbox.begin(), inbox.end(), [&](const InboxEntry& it) {
      return it.message_id == entry.message_id;
    });
    // Beyond reach is a time only in what no bus wrote: an inbox that holds an id twice.
    const bool found = taken != inbox.end() && are_within_reach(entry.messages, taken->at);
    const Origin origin{entry.message_id, saga_id, found ? taken->at : TimePoint{}};
    Array messages;
    for (const OutgoingMessage& message : entry.messages) {
      messages.push_back(write_message(message, origin, messages.size()));
    }
    Array parts{found ? Value(std::int64_t{taken - inbox.begin()}) : Value(entry.message_id),
                Value(entry.worker), Value(entry.sequence), Value(std::move(messages))};
    if (!entry.timers.empty() || !entry.cancelled.empty()) {
      parts.emplace_back(write_names(entry.timers));
    }
    if (!entry.cancelled.empty()) {
      Array cancelled;
      for (const ScheduledMessage& it : entry.cancelled) {
        cancelled.emplace_back(Array{Value(it.id), milliseconds(it.due)});
      }
      parts.emplace_back(std::move(cancelled));
    }
    entries.emplace_back(std::move(parts));
  }
  return to_json(Value(Object{{"f", Value(kFormat)}, {"e", Value(std::move(entries))}}));
}

// {"f":1,"t":[[name, token, due, set at], …]}
std::string write_timers(const Bookkeeping& bookkeeping) {
  if (bookkeeping.timers.empty()) return {};
  Array timers;
  for (const Timer& timer : bookkeeping.timers) {
    timers.emplace_back(Array{Value(timer.name), Value(timer.token), milliseconds(timer.due),
                              milliseconds(timer.set_at)});
  }
  return to_json(Value(Object{{"f", Value(kFormat)}, {"t", Value(std::move(timers))}}));
}

// The list under `name`, of a text whose format is ours.
const Array& list_of(const Value& text, std::string_view name, const FieldPath& path) {
  const Value* format = text.find("f");
  if (!format || !format->if_int64() || *format->if_int64() != kFormat) {
    path.fail("a format that this version does not know");
  }
  const Value* list = text.find(name);
  if (!list) path.fail("no list");
  return detail::read_array(*list, path);
}

void read_inbox(const std::string& text, Bookkeeping& out) {
  const FieldPath root(MissingField::refuse);
  const FieldPath path(root, "inbox");
  const Value value = parse_json(text, kLimits);
  for (const Value& item : list_of(value, "m", path)) {
    const FieldPath at(path, out.inbox.size());
    const Array& parts = detail::read_array(item, at);
    if (parts.size() < 2) at.fail("an entry needs two parts");
    out.inbox.push_back({detail::read_string(parts[0], at), read_milliseconds(parts[1], at)});
  }
  if (const Value* horizon = value.find("h")) {
    out.horizon = read_milliseconds(*horizon, FieldPath(path, "h"));
  }
}

// The message that a step took in: its place in the inbox, or its id.
InboxEntry read_origin(const Value& value, const Bookkeeping& bookkeeping, const FieldPath& path) {
  const std::int64_t* place = value.if_int64();
  if (!place) return {detail::read_string(value, path), TimePoint{}};
  if (*place < 0 || static_cast<std::uint64_t>(*place) >= bookkeeping.inbox.size()) {
    path.fail("no such place in the inbox");
  }
  return bookkeeping.inbox[static_cast<std::size_t>(*place)];
}

void read_cancelled(const Value& value, const FieldPath& path, OutboxEntry& entry) {
  for (const Value& item : detail::read_array(value, path)) {
    const Array& parts = detail::read_array(item, path);
    if (parts.size() < 2) path.fail("a cancelled message needs two parts");
    entry.cancelled.push_back(
        {detail::read_string(parts[0], path), read_milliseconds(parts[1], path)});
  }
}

void read_timers(const std::string& text, Bookkeeping& out) {
  const FieldPath root(MissingField::refuse);
  const FieldPath path(root, "timers");
  const Value value = parse_json(text, kLimits);
  for (const Value& item : list_of(value, "t", path)) {
    const FieldPath at(path, out.timers.size());
    const Array& parts = detail::read_array(item, at);
    if (parts.size() < 4) at.fail("a timer needs four parts");
    out.timers.push_back({detail::read_string(parts[0], at), detail::read_string(parts[1], at),
                          read_milliseconds(parts[2], at), read_milliseconds(parts[3], at)});
  }
}

void read_outbox(const std::string& text, std::string_view saga_id, Bookkeeping& out) {
  const FieldPath root(MissingField::refuse);
  const FieldPath path(root, "outbox");
  const Value value = parse_json(text, kLimits);
  for (const Value& item : list_of(value, "e", path)) {
    const FieldPath at(path, out.outbox.size());
    const Array& parts = detail::read_array(item, at);
    if (parts.size() < 4) at.fail("an entry needs four parts");
    const InboxEntry taken = read_origin(parts[0], out, FieldPath(at, 0));
    const Origin origin{taken.message_id, saga_id, taken.at};
    OutboxEntry entry;
    entry.message_id = taken.message_id;
    entry.worker = detail::read_string(parts[1], at);
    Codec<std::uint64_t>::read(parts[2], entry.sequence, at);
    for (const Value& message : detail::read_array(parts[3], at)) {
      const std::size_t index = entry.messages.size();
      entry.messages.push_back(read_message_text(message, origin, FieldPath(at, index), index));
    }
    if (parts.size() > 4) {
      for (const Value& name : detail::read_array(parts[4], at)) {
        entry.timers.push_back(detail::read_string(name, at));
      }
    }
    if (parts.size() > 5) read_cancelled(parts[5], at, entry);
    out.outbox.push_back(std::move(entry));
  }
}

}  // namespace

BookkeepingText write_bookkeeping(const Bookkeeping& bookkeeping, std::string_view saga_id) {
  return {write_inbox(bookkeeping), write_outbox(bookkeeping, saga_id), write_timers(bookkeeping)};
}

Bookkeeping read_bookkeeping(std::string birth, const BookkeepingText& text,
                             std::string_view saga_id) {
  Bookkeeping out;
  out.birth = std::move(birth);
  if (!text.inbox.empty()) read_inbox(text.inbox, out);
  if (!text.outbox.empty()) read_outbox(text.outbox, saga_id, out);
  if (!text.timers.empty()) read_timers(text.timers, out);
  return out;
}

}  // namespace sagabus
