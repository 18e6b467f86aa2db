// What the outboxes of instances still hold, and how to send it again: for tools and programs that
// mend what a purged queue or a restored backup left behind. The `sagabus outbox` command stands on
// this; who only writes sagas never needs it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sagabus/instance.hpp"
#include "sagabus/store.hpp"
#include "sagabus/transport.hpp"
#include "sagabus/watermark.hpp"

namespace sagabus {

// By worker. One that has told nothing has an empty watermark, which covers nothing.
using Watermarks = std::map<std::string, Watermark, std::less<>>;

struct OutboxFinding {
  OutboxEntry entry;
  TimePoint taken_at{};  // when its step took its message in; zero where the inbox does not tell
  bool covered = false;  // its worker says that it is settled: it leaves with the next step
  friend bool operator==(const OutboxFinding&, const OutboxFinding&) = default;
};

// The entries whose messages were taken in at `latest` or before, in their order; one whose time is
// not known is among them. Younger ones may simply be on their way. A worker that `watermarks` does
// not name covers nothing.
std::vector<OutboxFinding> examine_outbox(const Instance& instance, const Watermarks& watermarks,
                                          TimePoint latest);

// Adds the watermarks of the workers that the instance's outbox names and `known` does not: each
// worker is asked once. Throws what the store reports, and ValidationError for a watermark of
// another format. Both arguments outlive the call.
boost::asio::awaitable<void> learn_watermarks(SagaStore store, const Instance& instance,
                                              Watermarks& known);

// Sends the messages of one entry, with the ids and the deduplication keys that they always had, to
// all who subscribed to their types; then removes the entry. Returns the instance as it then
// stands; null where it has gone meanwhile. `current` is the instance as it was read just now;
// where it does not hold the entry, nothing is sent.
//
// The transport drops what it took within its deduplication window, and the entry is removed all
// the same: after a purge, use one whose window is zero.
//
// At least once: where it throws, the messages may have been sent, and repeating it is safe within
// the receivers' windows. A receiver whose window has passed handles a message that it did get the
// first time once more. Races with a running bus are tried again; throws TransientError where too
// many in a row were lost, and what store and transport report. The write replaces `expires_at` of
// a completed instance by the store's setting, as every write does.
boost::asio::awaitable<InstancePtr> redispatch(SagaStore store, Transport transport,
                                               InstancePtr current, OutboxEntry entry);

}  // namespace sagabus
