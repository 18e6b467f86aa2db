// How steps end: one commit for each batch of them, what it means, and what must leave then.
#include <fmt/format.h>

#include <iterator>
#include <stdexcept>
#include <utility>

#include "dispatch.hpp"
#include "packing.hpp"
#include "saga_processor.hpp"
#include "sagabus/error.hpp"

namespace sagabus::detail {

namespace asio = boost::asio;

// The leading step is ready to be committed, and so are those that will join it.
void SagaProcessor::open(Batch& batch, CommitRequest request) {
  batch.request = std::move(request);
  batch.with_writes = !batch.request.writes.empty();
  batch.followers.clear();
  batch.inbox_bytes = inbox_bytes(batch.lead->incoming.envelope->id);
  batch.end = Batch::End::open;
}

// Their ids must all fit into the inbox: one that left it again at once could not be told from one
// that is new. Writes of the user's go with one step alone: those of two might be for one item,
// which the service does not take.
bool SagaProcessor::may_grow(const Batch& batch) const {
  const std::size_t next = batch.followers.size();
  if (next == batch.waiting.size() || batch.lead->work.alone || !batch.request.writes.empty()) {
    return false;
  }
  const Work& work = batch.waiting[next];
  if (work.alone) return false;
  const std::string& id = work.delivery.envelope->id;
  return batch.inbox_bytes + inbox_bytes(id) <= options_.inbox.bytes;
}

// Each joins inside the one before it, so that the middleware of all is around the commit; the last
// one commits.
asio::awaitable<void> SagaProcessor::grow(Batch& batch) {
  if (may_grow(batch)) co_await take(batch.waiting.subspan(batch.followers.size()), &batch);
  if (batch.end == Batch::End::open) co_await commit(batch);
  if (batch.end == Batch::End::failed) std::rethrow_exception(batch.error);
}

// Plans the message on what is about to be committed. What cannot go along, for whatever reason,
// has its own turn afterwards, and nobody overtakes it.
asio::awaitable<void> SagaProcessor::follow(Step& step) {
  Batch& batch = step.batch;
  if (batch.end != Batch::End::open) throw std::logic_error("middleware: next was awaited twice");
  step.phase = Phase::handler;
  step.view.loaded = batch.request.next;
  step.view.outcome = StepOutcome::postponed;
  Attempt tried = attempt(step, batch.request.next);
  if (tried.unpacked) {
    try {
      tried.request = co_await pack_and_end(step, *tried.unpacked, tried.plan, batch.request.next);
    } catch (...) {  // NOLINT(bugprone-empty-catch): its own turn says what is wrong
    }
  }
  if (!tried.request) co_return;
  if (!tried.request->writes.empty()) co_return release_number(step, nullptr);
  step.left_out = false;
  step.view.outcome = StepOutcome::pending;
  add_to(batch.request, std::move(*tried.request));
  batch.inbox_bytes += inbox_bytes(step.incoming.envelope->id);
  batch.followers.push_back(&step);
  co_await grow(batch);
}

asio::awaitable<void> SagaProcessor::commit(Batch& batch) {
  Step& lead = *batch.lead;
  batch.end = Batch::End::failed;
  const InstancePtr next = batch.request.next;
  std::vector<StoreWritePtr> writes = batch.request.writes;
  batch.each([](Step& step) { step.phase = Phase::commit; });
  ForgetUnlessKnown known(known_, lead.work.group);
  CommitResult result;
  try {
    result = co_await write(batch);
  } catch (...) {
    const auto error = std::current_exception();
    if (batch.followers.empty() || !is_refusal(error) || is_outage(error)) throw;
    break_up(batch);
    co_return;
  }
  if (lead.custody == Custody::done_by_another) {
    if (!batch.followers.empty()) co_return break_up(batch);
    lead.view.outcome = StepOutcome::repeated;
    lead.verdict.action = Verdict::Action::none;
    batch.end = Batch::End::gone;
    co_return;
  }
  if (!result.refused.empty()) {
    co_await take_refusal(batch, std::move(result), std::move(writes));
    known.settled();
    co_return;
  }
  take_in(batch, std::move(result), next);
  known.settled();
  if (batch.end != Batch::End::committed) co_return;
  Effects effects = to_dispatch(batch, *next);
  if (!effects.empty()) {
    batch.end = Batch::End::failed;
    batch.each([](Step& step) { step.phase = Phase::dispatch; });
    co_await dispatch(std::move(effects), &lead.cost);
    batch.end = Batch::End::committed;
  }
  batch.each([](Step& step) { step.verdict.settles = step.number.sequence; });
}

asio::awaitable<CommitResult> SagaProcessor::write(Batch& batch) {
  batch.request.cost = &batch.lead->cost;
  if (joint_) return write_jointly(batch);
  return options_.store.backend()->commit(std::move(batch.request));
}

// All of it in one transaction, the acknowledgements too.
asio::awaitable<CommitResult> SagaProcessor::write_jointly(Batch& batch) {
  StepTransaction transaction;
  Effects effects;
  batch.each([&](Step& step) {
    add_entry(step.entry, *batch.request.next, with_rows(), effects);
    transaction.receipts.push_back(step.work.delivery.receipt);
  });
  const std::vector<TimerRow> rows = effects.timers.rows;
  transaction.write = std::move(batch.request);
  transaction.sends = std::move(effects.sends);
  transaction.timers = std::move(effects.timers.rows);
  transaction.cancelled = std::move(effects.timers.cancelled);
  StepResult result = co_await joint_->commit(std::move(transaction));
  if (!result.found) batch.lead->custody = Custody::done_by_another;
  if (result.write.committed && !rows.empty() && options_.timers) options_.timers->written(rows);
  co_return std::move(result.write);
}

// Nothing was written, and one of them is to blame: the first is tried again without the others.
void SagaProcessor::break_up(Batch& batch) const {
  batch.each([&](Step& step) {
    release_number(step, nullptr);
    step.work.alone = true;
  });
  batch.lead->custody = Custody::held;
  batch.current = batch.lead->view.loaded;
  batch.end = Batch::End::again;
  leave_out_followers(batch, StepOutcome::postponed);
}

// They are processed again, as if nothing had been.
void SagaProcessor::leave_out_followers(const Batch& batch, StepOutcome outcome) {
  for (Step* step : batch.followers) {
    step->left_out = true;
    step->view.outcome = outcome;
  }
}

// What came of a commit. Where another was faster, it is planned again on what that one wrote.
void SagaProcessor::take_in(Batch& batch, CommitResult result, const InstancePtr& next) {
  Step& lead = *batch.lead;
  if (lead.guess) lead.guess->record(result.committed);
  lead.guess = nullptr;
  if (result.committed) {
    remember(lead, next);
    batch.end = Batch::End::committed;
    batch.each([&](Step& step) {
      forget_doubt(step);
      if (joint_) step.custody = Custody::gone;
      if (joint_) step.verdict.action = Verdict::Action::none;
      step.view.resulting = next;
      step.view.outcome = StepOutcome::committed;
    });
    return;
  }
  batch.current = std::move(result.current);
  batch.end = Batch::End::again;
  batch.each([&](Step& step) { release_number(step, batch.current); });
  lead.refusal.reset();
  forget_late_request(lead, batch.current);
  lead.start_may_land = lead.start_may_land || result.may_still_land;
  remember(lead, batch.current);
  leave_out_followers(batch, StepOutcome::outrun);
}

// The instance was as expected, but a write of the user's own was refused: the step is planned once
// more, where its handler asks what was refused. One that does not ask would want the same again.
asio::awaitable<void> SagaProcessor::take_refusal(Batch& batch, CommitResult result,
                                                  std::vector<StoreWritePtr> writes) {
  Step& step = *batch.lead;
  if (step.guess) step.guess->record(true);
  step.guess = nullptr;
  step.may_land = step.may_land || result.may_still_land;
  if (step.may_land && step.number.sequence != 0) step.number.was_in_doubt = true;
  release_number(step, nullptr);
  step.phase = Phase::handler;
  std::string text;
  for (const RefusedWrite& refused : result.refused) {
    if (!text.empty()) text += ", ";
    text += writes[refused.index]->describe();
  }
  step.refusal.emplace(fmt::format("saga {}: a condition of a write with its own did not hold: {}",
                                   saga_.name, text),
                       std::move(result.refused));
  if (!step.asked) throw WriteRefused(*step.refusal);
  batch.current = co_await read(step);
  if (!is_same(batch.current, step.view.loaded)) step.refusal.reset();  // that was another instance
  batch.end = Batch::End::again;
}

// The entries of one write stand at the end of its outbox.
Effects SagaProcessor::to_dispatch(const Batch& batch, const Instance& next) const {
  std::ptrdiff_t entries = 0;
  batch.each([&](const Step& step) { entries += step.number.sequence != 0 ? 1 : 0; });
  const auto& outbox = next.bookkeeping.outbox;
  Effects effects;
  for (auto entry = outbox.end() - entries; entry != outbox.end(); ++entry) {
    add_entry(*entry, next, with_rows(), effects);
  }
  return effects;
}

asio::awaitable<void> SagaProcessor::dispatch(Effects effects, Cost* cost) {
  StoreBackend& store = *options_.store.backend();
  return carry_out(std::move(effects), *options_.transport.backend(), store.timers(),
                   options_.timers.get(), cost);
}

// A timeout that came at a time from which it was moved away. No row stands at the new one.
asio::awaitable<void> SagaProcessor::put_back(Step& step, const Instance& current) {
  step.view.outcome = StepOutcome::ignored;
  const Timer* const timer = find_timer(current, step.incoming);
  TimerRow row = timeout_row(current, *timer);
  co_await put_row(step, std::move(row));
}

// A message that comes before its saga.
asio::awaitable<void> SagaProcessor::put_aside(Step& step, TimerRow row) {
  step.phase = Phase::pack;
  auto packing = pack_for_row(std::move(row.envelope), *options_.transport.backend());
  row.envelope = co_await std::move(packing);
  co_await put_row(step, std::move(row));
}

// Where that fails, it may be there all the same: so the message comes again as one in doubt.
asio::awaitable<void> SagaProcessor::put_row(Step& step, TimerRow row) {
  step.phase = Phase::dispatch;
  Effects effects;
  effects.timers.rows.push_back(std::move(row));
  co_await dispatch(std::move(effects), &step.cost);
}

// Committed before, by whichever worker: what its entry still holds is sent, and nothing of our
// own. But an entry that is settled only waits for the next write: its messages were sent, and
// their receivers may have forgotten them by now.
asio::awaitable<void> SagaProcessor::settle_repeated(Step& step, InstancePtr current) {
  step.view.outcome = StepOutcome::repeated;
  const std::string& message_id = step.incoming.envelope->id;
  const OutboxEntry* entry = find_entry(*current, message_id);
  end_doubt(step, entry);
  if (!entry || options_.settlements->is_settled(*entry)) co_return;
  known_.forget(step.work.group);  // it is about to be written
  Effects effects;
  add_entry(*entry, *current, with_rows(), effects);
  step.phase = Phase::dispatch;
  co_await dispatch(std::move(effects), &step.cost);
  if (is_own(*entry)) step.verdict.settles = entry->sequence;
  // A lost race means that another step has written; it may have carried the entry along. But the
  // entry of another life is not ours to remove.
  const std::string birth = current->bookkeeping.birth;
  for (unsigned conflicts = 0; entry && conflicts < kMaxConflicts; ++conflicts) {
    CommitRequest request = without_entry(*current, message_id);
    request.cost = &step.cost;
    step.phase = Phase::commit;
    CommitResult result = co_await options_.store.backend()->commit(std::move(request));
    if (result.committed || !result.current) co_return;
    current = std::move(result.current);
    const bool same_life = current->bookkeeping.birth == birth;
    entry = same_life ? find_entry(*current, message_id) : nullptr;
    co_await pause_between_conflicts(conflicts);
  }
}

// The running numbers of steps.

// A try of this step that was in doubt, under a number that is no longer used, comes too late.
void SagaProcessor::forget_doubt(const Step& step) const {
  if (step.number.sequence != 0 || !(step.incoming.redelivered || step.may_land)) return;
  end_doubt(step, nullptr);
}

// This try was not committed under its number. Where that was in doubt before, an earlier try may
// be yet; and where our own write landed and its answer was lost, the number is in use.
void SagaProcessor::release_number(Step& step, const InstancePtr& current) const {
  const Settlements::Number number = std::exchange(step.number, {});
  if (number.sequence == 0) return;
  const OutboxEntry* landed = current ? find_entry(*current, step.incoming.envelope->id) : nullptr;
  if (landed && landed->sequence == number.sequence && is_own(*landed)) return;
  if (number.was_in_doubt) {
    options_.settlements->doubt(step.key(), number.sequence);
  } else {
    options_.settlements->settle(number.sequence);
  }
}

bool SagaProcessor::is_own(const OutboxEntry& entry) const {
  return entry.worker == options_.settlements->worker();
}

// A commit that was begun and has thrown may have been carried out, unless the store refused it.
void SagaProcessor::leave_in_doubt(Step& step, const std::exception_ptr& error) const {
  if (step.number.sequence == 0) return;
  if (is_in_doubt(step, error)) {
    options_.settlements->doubt(step.key(), step.number.sequence);
  } else if (step.phase == Phase::commit || step.phase == Phase::handler) {
    release_number(step, nullptr);
  }
}

// Its guard asks for a version that is gone: it comes too late, unless it is what came in between.
void SagaProcessor::forget_late_request(Step& step, const InstancePtr& current) const {
  if (!std::exchange(step.may_land, false)) return;
  end_doubt(step, current ? find_entry(*current, step.incoming.envelope->id) : nullptr);
}

// The message is in the inbox. Where our commit of it is in doubt, the entry under its number is
// what was committed; where that is gone, its messages were sent; and where another stands there,
// our commit came too late.
void SagaProcessor::end_doubt(const Step& step, const OutboxEntry* entry) const {
  const std::uint64_t sequence = options_.settlements->in_doubt(step.key());
  if (sequence == 0) return;
  if (entry && is_own(*entry) && entry->sequence == sequence) return;  // settled with its message
  options_.settlements->settle(sequence);
}

}  // namespace sagabus::detail
