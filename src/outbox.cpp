#include "sagabus/outbox.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "dispatch.hpp"
#include "sagabus/error.hpp"
#include "step.hpp"

namespace sagabus {
namespace {

namespace asio = boost::asio;

// A busy bus wins a race now and then, not so many in a row. Nothing waits between two tries: what
// the lost one brought back would only grow old.
constexpr unsigned kMaxConflicts = 64;

TimePoint taken_at(const Bookkeeping& bookkeeping, const OutboxEntry& entry) {
  const auto& inbox = bookkeeping.inbox;
  const auto taken = std::find_if(inbox.begin(), inbox.end(), [&](const InboxEntry& it) {
    return it.message_id == entry.message_id;
  });
  return taken == inbox.end() ? TimePoint{} : taken->at;
}

// The same step of the same worker: what it holds may have become less.
bool holds(const InstancePtr& instance, const OutboxEntry& entry) {
  if (!instance) return false;
  const OutboxEntry* const there = detail::find_entry(*instance, entry.message_id);
  return there && there->worker == entry.worker && there->sequence == entry.sequence;
}

}  // namespace

std::vector<OutboxFinding> examine_outbox(const Instance& instance, const Watermarks& watermarks,
                                          TimePoint latest) {
  std::vector<OutboxFinding> findings;
  for (const OutboxEntry& entry : instance.bookkeeping.outbox) {
    const TimePoint at = taken_at(instance.bookkeeping, entry);
    if (at != TimePoint{} && at > latest) continue;
    const auto told = watermarks.find(entry.worker);
    const bool covered = told != watermarks.end() && told->second.covers(entry.sequence);
    findings.push_back({entry, at, covered});
  }
  return findings;
}

asio::awaitable<void> learn_watermarks(SagaStore store, const Instance& instance,
                                       Watermarks& known) {
  for (const OutboxEntry& entry : instance.bookkeeping.outbox) {
    if (known.contains(entry.worker)) continue;
    const std::string text = co_await store.backend()->load_watermark(entry.worker);
    known[entry.worker] = text.empty() ? Watermark{} : read_watermark(text);
  }
}

asio::awaitable<InstancePtr> redispatch(SagaStore store, Transport transport, InstancePtr current,
                                        OutboxEntry entry) {
  if (!holds(current, entry)) co_return current;
  TimerBackend* const timers = store.backend()->timers();
  detail::Effects effects;
  detail::add_entry(entry, *current, timers != nullptr, effects);
  co_await detail::carry_out(std::move(effects), *transport.backend(), timers, nullptr, nullptr);
  for (unsigned conflicts = 0; holds(current, entry);) {
    if (conflicts == kMaxConflicts) {
      throw TransientError(
          fmt::format("{}: an outbox entry was sent again but could not be removed: the instance "
                      "was written meanwhile, {} times in a row",
                      current->saga_id, conflicts));
    }
    CommitRequest request = detail::without_entry(*current, entry.message_id);
    const InstancePtr next = request.next;
    CommitResult result = co_await store.backend()->commit(std::move(request));
    if (result.committed) co_return next;
    current = std::move(result.current);
    ++conflicts;
  }
  co_return current;
}

}  // namespace sagabus
