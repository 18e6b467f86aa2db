#include "saga_processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <utility>

#include "dispatch.hpp"
#include "key_rules.hpp"
#include "sagabus/error.hpp"
#include "watermark_keeper.hpp"

namespace sagabus::detail {
namespace {

namespace asio = boost::asio;

// A step that loses so many races in a row hands its message back.
constexpr unsigned kMaxConflicts = 16;

// The first rerun is at once; later ones wait a little, at random, so that rivals draw apart.
constexpr RetryPolicy kConflictBackoff{.base_delay = std::chrono::milliseconds(2),
                                       .max_delay = std::chrono::milliseconds(100)};

std::string problem_of(const std::string& correlation_id) {
  if (correlation_id.empty()) return "it has no correlation id";
  const std::string problem = problem_of_id(correlation_id);
  return problem.empty() ? problem : "its correlation id: " + problem;
}

template <class Step>
Settlements::StepKey step_key(const Step& step) {
  return {step.incoming.key.saga_id, step.incoming.envelope->id};
}

bool waits(const Plan& plan) {
  return plan.handler && plan.handler->await;
}

}  // namespace

SagaProcessor::SagaProcessor(SagaProcessorOptions options)
    : options_(std::move(options)),
      saga_(*options_.saga.data()),
      joint_(options_.store.backend()->join(options_.transport.backend())),
      saga_ids_(saga_.name),
      known_(options_.cached_instances),
      ledger_(saga_) {}

// Which instance a delivery is for.

Work SagaProcessor::admit(Delivery delivery) {
  Work work{.delivery = std::move(delivery)};
  const Envelope* envelope = work.delivery.envelope.get();
  if (!envelope) {
    work.verdict = dead_letter("sagabus::ValidationError", work.delivery.malformed->problem);
    return work;
  }
  const SagaMessage* entry = saga_.find(envelope->type);
  if (!entry) {
    work.verdict = dead_letter("sagabus::ValidationError",
                               fmt::format("saga {} does not handle this type", saga_.name));
    return work;
  }
  work.entry = static_cast<std::size_t>(entry - saga_.messages.data());
  try {
    work.message = entry->read(*envelope);
  } catch (...) {
    work.verdict = dead_letter(std::current_exception());
    return work;
  }
  try {
    work.correlation_id = entry->correlate(work.message.get());
  } catch (...) {
    return refuse_correlation(std::move(work), describe(std::current_exception()).message);
  }
  std::string problem = problem_of(work.correlation_id);
  if (!problem.empty()) return refuse_correlation(std::move(work), std::move(problem));
  // Two instances may share a hash: then they only wait for one another.
  work.group = std::max<std::uint64_t>(SagaIds::hash(work.correlation_id), 1);
  return work;
}

Work SagaProcessor::refuse_correlation(Work work, std::string problem) const {
  const CorrelationFailure failure{options_.failure.endpoint, work.delivery.envelope, problem};
  try {
    const auto decision = options_.saga.options().on_correlation_failure(failure);
    work.verdict = decision == CorrelationFailureDecision::drop
                       ? Verdict{}
                       : dead_letter("sagabus::CorrelationFailure", std::move(problem));
  } catch (...) {
    work.verdict = dead_letter(std::current_exception());
  }
  return work;
}

// The step, with the middleware around it.

asio::awaitable<Verdict> SagaProcessor::process(Work& work) {
  Step step = begin(work);
  std::exception_ptr error;
  try {
    if (options_.middleware.empty()) {
      co_await run(step);
    } else {
      co_await through_middleware(0, step);
    }
    error = step.error;
  } catch (...) {
    error = std::current_exception();
  }
  ledger_.add(work.entry, step.view.outcome == StepOutcome::committed, step.cost);
  if (!error) {
    outages_.store(0, std::memory_order_relaxed);
    co_return std::move(step.verdict);
  }
  leave_in_doubt(step, error);
  const auto state = co_await asio::this_coro::cancellation_state;
  co_return judge(step, error, state.cancelled() != asio::cancellation_type::none);
}

SagaProcessor::Step SagaProcessor::begin(Work& work) {
  Step step{.work = work, .incoming = {}, .view = {}};
  step.incoming.envelope = work.delivery.envelope;
  step.incoming.entry = &saga_.messages[work.entry];
  step.incoming.message = work.message.get();
  std::string saga_id = saga_ids_.of(work.correlation_id, work.group);
  step.incoming.key = {saga_.name, std::move(work.correlation_id), std::move(saga_id)};
  step.incoming.redelivered = work.delivery.redelivered;
  step.view.attempt = work.delivery.failures + 1;
  if (options_.middleware.empty()) return step;  // then nobody reads it
  step.view.saga_name = saga_.name;
  step.view.saga_id = step.incoming.key.saga_id;
  step.view.correlation_id = step.incoming.key.correlation_id;
  step.view.envelope = work.delivery.envelope;
  return step;
}

asio::awaitable<void> SagaProcessor::through_middleware(std::size_t index, Step& step) {
  const bool last = index + 1 == options_.middleware.size();
  Next next = [this, index, last, &step] {
    return last ? innermost(step) : through_middleware(index + 1, step);
  };
  auto op = options_.middleware[index](step.view, std::move(next));
  co_await std::move(op);
}

asio::awaitable<void> SagaProcessor::innermost(Step& step) {
  try {
    co_await run(step);
  } catch (...) {
    step.error = std::current_exception();
    throw;
  }
  step.phase = Phase::middleware;
}

// On a guess where there is a good one, and on what is read else. A guess ends in a write that
// finds what was guessed, or in an inbox hit; everything else is confirmed by a read before it
// counts.
asio::awaitable<void> SagaProcessor::run(Step& step) {
  InstancePtr current;
  if (!guess(step, current)) current = co_await read(step);
  for (unsigned conflicts = 0; conflicts < kMaxConflicts;) {
    require_same_instance(step, current);
    if (auto workers = to_look_up(current); !workers.empty()) {
      co_await look_up_watermarks(*options_.settlements, *options_.store.backend(),
                                  std::move(workers), options_.ambient.log);
    }
    step.phase = Phase::handler;
    step.view.loaded = current;
    Attempt tried = attempt(step, current);
    if (step.guess && !tried.request) {
      if (!co_await confirm_guess(step, tried, current)) continue;
      step.phase = Phase::handler;
    }
    if (tried.error) std::rethrow_exception(tried.error);
    if (tried.plan.choice == Choice::repeated) {
      co_await settle_repeated(step, std::move(current));
      co_return;
    }
    if (tried.plan.choice != Choice::run) {
      conclude(step, tried.plan);
      co_return;
    }
    if (waits(tried.plan)) tried.request = co_await run_waiting(step, tried.plan, current);
    if (!tried.request) {
      step.view.outcome = StepOutcome::unchanged;
      co_return;
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) call_off(step);
    if (co_await complete(step, std::move(*tried.request), current)) co_return;
    co_await pause_between_conflicts(conflicts++);
  }
  give_up(step, current);
}

// Commits the step and sends what must leave. False: nothing was written, and it is to be planned
// again on `current`.
asio::awaitable<bool> SagaProcessor::complete(Step& step, CommitRequest request,
                                              InstancePtr& current) {
  const InstancePtr next = request.next;
  const std::vector<StoreWritePtr> writes = request.writes;
  step.phase = Phase::commit;
  ForgetUnlessKnown known(known_, step.work.group);
  CommitResult result = co_await commit(step, std::move(request));
  if (step.custody == Custody::done_by_another) co_return true;
  if (!result.refused.empty()) {
    take_refusal(step, std::move(result), writes);
    current = co_await read(step);
    known.settled();
    co_return false;
  }
  const bool committed = result.committed;
  take_in(step, std::move(result), next, current);
  known.settled();
  if (!committed) co_return false;
  const std::uint64_t sequence = step.number.sequence;
  if (sequence != 0) co_await dispatch(step, next->bookkeeping.outbox.back().messages);
  step.verdict.settles = sequence;
  co_return true;
}

// After too many tries.
void SagaProcessor::give_up(Step& step, const InstancePtr& current) {
  step.view.outcome = StepOutcome::outrun;
  if (step.refusal) {
    step.phase = Phase::handler;
    throw WriteRefused(*step.refusal);
  }
  // Unless the last race was lost to our own write, whose answer was lost.
  step.verdict = wait_out(current && in_inbox(*current, step.incoming.envelope->id));
}

// The other workers whose watermarks may let entries of this instance go.
std::vector<std::string> SagaProcessor::to_look_up(const InstancePtr& current) const {
  if (!current) return {};
  const auto& entries = current->bookkeeping.outbox;
  if (std::all_of(entries.begin(), entries.end(), [&](const auto& e) { return is_own(e); })) {
    return {};
  }
  return options_.settlements->to_look_up(entries, options_.ambient.clock->monotonic());
}

// True where there is something to go by: the instance as this worker wrote it last, or, for a
// message that can start one, that there is none.
bool SagaProcessor::guess(Step& step, InstancePtr& current) {
  current = known_.find(step.work.group, step.incoming.key.correlation_id);
  const bool starts = !current && options_.speculative_starts && step.incoming.entry->can_start &&
                      options_.store.backend()->starts_safely_unseen();
  if (!current && !starts) return false;
  GuessRate& rate = current ? cache_rate_ : start_rate_;
  if (!rate.worth_trying(uniform(*options_.ambient.random))) return false;
  step.guess = &rate;
  return true;
}

asio::awaitable<InstancePtr> SagaProcessor::read(Step& step) {
  step.phase = Phase::load;
  InstancePtr there = co_await options_.store.backend()->load(step.incoming.key, &step.cost);
  remember(step, there);
  co_return there;
}

// Only what runs: a completed instance takes no more steps, and messages to it need a read anyway.
void SagaProcessor::remember(const Step& step, const InstancePtr& there) {
  if (there && !there->completed) {
    known_.remember(step.work.group, there);
  } else {
    known_.forget(step.work.group);
  }
}

SagaProcessor::Attempt SagaProcessor::attempt(Step& step, const InstancePtr& current) const {
  Attempt tried;
  try {
    tried.plan = choose(saga_, step.incoming, current);
    if (tried.plan.choice != Choice::run || waits(tried.plan)) return tried;
    const auto record = begin_record(step, current);
    {
      const CloseRecord close{*record};
      SagaContext context(record);
      if (tried.plan.handler) {
        tried.plan.handler->run(step.incoming.message, tried.plan.state.get(), context);
      }
    }
    tried.request = end_record(step, *record, tried.plan, current);
  } catch (...) {
    tried.error = std::current_exception();
  }
  return tried;
}

// Whether what came of a guess counts. Where it does not, `current` is what is there instead.
asio::awaitable<bool> SagaProcessor::confirm_guess(Step& step, const Attempt& attempt,
                                                   InstancePtr& current) {
  // What this worker committed itself without an entry, or with one that it has settled since.
  if (attempt.plan.choice == Choice::repeated &&
      !find_entry(*current, step.incoming.envelope->id)) {
    co_return true;
  }
  InstancePtr there = co_await read(step);
  const bool right = is_same(current, there);
  if (!right) step.guess->record(false);
  step.guess = nullptr;
  current = std::move(there);
  step.view.loaded = current;
  co_return right;
}

asio::awaitable<std::optional<CommitRequest>> SagaProcessor::run_waiting(
    Step& step, const Plan& plan, const InstancePtr& current) {
  const auto record = begin_record(step, current);
  {
    const CloseRecord close{*record};
    SagaContext context(record);
    auto op = plan.handler->await(step.incoming.message, plan.state.get(), context);
    co_await std::move(op);
  }
  co_return end_record(step, *record, plan, current);
}

// What is cancelled before its commit begins has surely not been committed.
void SagaProcessor::call_off(Step& step) const {
  withdraw(step);
  throw boost::system::system_error(asio::error::operation_aborted);
}

asio::awaitable<CommitResult> SagaProcessor::commit(Step& step, CommitRequest request) {
  request.cost = &step.cost;
  if (joint_) return commit_jointly(step, std::move(request));
  return options_.store.backend()->commit(std::move(request));
}

// All of the step in one transaction, its acknowledgement with it.
asio::awaitable<CommitResult> SagaProcessor::commit_jointly(Step& step, CommitRequest request) {
  StepTransaction transaction;
  transaction.write = std::move(request);
  transaction.sends = std::move(step.sends);
  transaction.receipt = step.work.delivery.receipt;
  StepResult result = co_await joint_->commit(std::move(transaction));
  if (result.write.committed) step.custody = Custody::gone;
  if (!result.found) step.custody = Custody::done_by_another;
  if (!result.found) step.view.outcome = StepOutcome::repeated;
  if (step.custody != Custody::held) step.verdict.action = Verdict::Action::none;
  co_return std::move(result.write);
}

// What came of a commit. Where another was faster, `current` becomes what it wrote.
void SagaProcessor::take_in(Step& step, CommitResult result, const InstancePtr& next,
                            InstancePtr& current) {
  if (step.guess) step.guess->record(result.committed);
  step.guess = nullptr;
  if (result.committed) {
    forget_doubt(step);
    remember(step, next);
    step.view.resulting = next;
    step.view.outcome = StepOutcome::committed;
  } else {
    current = std::move(result.current);
    release_number(step, current);
    remember(step, current);
  }
}

// The instance was as expected, but a write of the user's own was refused.
void SagaProcessor::take_refusal(Step& step, CommitResult result,
                                 const std::vector<StoreWritePtr>& writes) {
  if (step.guess) step.guess->record(true);
  step.guess = nullptr;
  if (result.may_still_land && step.number.sequence != 0) step.number.was_in_doubt = true;
  withdraw(step);
  std::string text;
  for (const RefusedWrite& refused : result.refused) {
    if (!text.empty()) text += ", ";
    text += writes[refused.index]->describe();
  }
  step.refusal.emplace(fmt::format("saga {}: a condition of a write with its own did not hold: {}",
                                   saga_.name, text),
                       std::move(result.refused));
}

// A try of this step that was in doubt, under a number that is no longer used, comes too late.
void SagaProcessor::forget_doubt(const Step& step) const {
  if (step.number.sequence != 0 || !(step.incoming.redelivered || step.refusal)) return;
  end_doubt(step, nullptr);
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
  co_await dispatch(step, entry->messages);
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

std::shared_ptr<StepRecord> SagaProcessor::begin_record(Step& step,
                                                        const InstancePtr& current) const {
  auto record = std::make_shared<StepRecord>();
  record->envelope = step.incoming.envelope;
  record->sender_id = current ? &current->saga_id : &step.incoming.key.saga_id;
  record->saga_name = &saga_.name;
  record->correlation_id = &step.incoming.key.correlation_id;
  record->attempt = step.view.attempt;
  record->now = options_.ambient.clock->now();
  record->store = options_.store.backend().get();
  if (step.refusal) record->refused = step.refusal->refused();
  record->metadata = &step.view.metadata;
  return record;
}

// What is to be committed; empty where nothing is.
std::optional<CommitRequest> SagaProcessor::end_record(Step& step, StepRecord& record,
                                                       const Plan& plan,
                                                       const InstancePtr& current) const {
  // A handler that does not ask would want the same again.
  if (step.refusal && !record.asked_refused) throw WriteRefused(*step.refusal);
  check_delays(record, options_.transport);
  Value state = saga_.state.write(plan.state.get());
  if (changes_nothing(current, state, record)) return std::nullopt;
  StepEnd end;
  end.state = std::move(state);
  if (joint_) {
    step.sends = to_requests(record.outgoing);
  } else {
    end.outgoing = std::move(record.outgoing);
  }
  end.completed = record.completed;
  end.now = record.now;
  step.number = {};
  if (!end.outgoing.empty()) step.number = options_.settlements->begin(step_key(step));
  end.sequence = step.number.sequence;
  if (!current) end.new_birth = new_nonce(*options_.ambient.random);
  CommitRequest request =
      make_commit(step.incoming, current, std::move(end), options_.inbox, *options_.settlements);
  request.writes = std::move(record.writes);
  return request;
}

// The step was not committed under its number, so nobody will meet it. But where our own write
// landed and its answer was lost, the number is in use.
void SagaProcessor::release_number(Step& step, const InstancePtr& current) const {
  const std::uint64_t sequence = std::exchange(step.number, {}).sequence;
  if (sequence == 0) return;
  const OutboxEntry* landed = current ? find_entry(*current, step.incoming.envelope->id) : nullptr;
  const bool ours = landed && landed->sequence == sequence && is_own(*landed);
  if (!ours) options_.settlements->settle(sequence);
}

// This try was surely not committed. An earlier one under the same number may be yet.
void SagaProcessor::withdraw(Step& step) const {
  if (!step.number.was_in_doubt) return release_number(step, nullptr);
  options_.settlements->doubt(step_key(step), std::exchange(step.number, {}).sequence);
}

bool SagaProcessor::is_own(const OutboxEntry& entry) const {
  return entry.worker == options_.settlements->worker();
}

// A commit that was begun and has thrown may have been carried out, unless the store refused it.
void SagaProcessor::leave_in_doubt(Step& step, const std::exception_ptr& error) const {
  if (step.phase != Phase::commit || step.number.sequence == 0) return;
  if (is_refusal(error)) return withdraw(step);
  options_.settlements->doubt(step_key(step), step.number.sequence);
}

// The message is in the inbox. Where our commit of it is in doubt, the entry under its number is
// what was committed; where that is gone, its messages were sent; and where another stands there,
// our commit came too late.
void SagaProcessor::end_doubt(const Step& step, const OutboxEntry* entry) const {
  const std::uint64_t sequence = options_.settlements->in_doubt(step_key(step));
  if (sequence == 0) return;
  if (entry && is_own(*entry) && entry->sequence == sequence) return;  // settled with its message
  options_.settlements->settle(sequence);
}

void SagaProcessor::require_same_instance(const Step& step, const InstancePtr& current) const {
  if (current && current->correlation_id != step.incoming.key.correlation_id) {
    throw Error("two correlation ids have one saga id");
  }
}

asio::awaitable<void> SagaProcessor::dispatch(Step& step,
                                              const std::vector<OutgoingMessage>& messages) {
  step.phase = Phase::dispatch;
  return options_.transport.backend()->send(to_requests(messages));
}

asio::awaitable<void> SagaProcessor::pause_between_conflicts(unsigned conflicts) {
  if (conflicts == 0) co_return;
  co_await options_.ambient.clock->sleep_for(
      retry_delay(kConflictBackoff, conflicts, uniform(*options_.ambient.random)));
}

void SagaProcessor::acknowledged(std::uint64_t settles) {
  options_.settlements->settle(settles);
}

// Decisions.

// What becomes of a message that no handler takes. Planned on a consistent read.
void SagaProcessor::conclude(Step& step, const Plan& plan) const {
  if (plan.choice == Choice::too_late) {
    step.view.outcome = StepOutcome::too_late;
    step.verdict =
        dead_letter("sagabus::TooLate",
                    "it was delivered again after its inbox window: whether it had taken "
                    "effect can no longer be told");
    return;
  }
  step.view.outcome = StepOutcome::ignored;
  if (plan.choice != Choice::not_found) return;
  step.view.outcome = StepOutcome::not_found;
  const Delivery& delivery = step.work.delivery;
  const SagaNotFound the_case{options_.failure.endpoint, step.incoming.key.correlation_id,
                              delivery.envelope};
  Verdict burial = dead_letter("sagabus::NotFound", "there is no such instance");
  switch (options_.saga.options().on_not_found(the_case)) {
    case NotFoundDecision::ignore:
      return;
    case NotFoundDecision::dead_letter:
      step.verdict = std::move(burial);
      return;
    case NotFoundDecision::retry_later:
      step.verdict = retry_or_bury(options_.failure, delivery, std::move(burial),
                                   uniform(*options_.ambient.random));
  }
}

Verdict SagaProcessor::judge(Step& step, const std::exception_ptr& error, bool was_cancelled) {
  // Middleware may throw after the step was committed.
  const bool committed =
      step.view.outcome == StepOutcome::committed || step.view.outcome == StepOutcome::repeated;
  const bool uncertain = committed || step.phase == Phase::commit || step.phase == Phase::dispatch;
  if (step.custody != Custody::held) return after_the_end(step, error);
  if (was_cancelled) return cancelled(uncertain);
  const bool ours = step.phase == Phase::load || step.phase == Phase::commit;
  if (step.phase == Phase::dispatch || (ours && is_outage(error))) {
    options_.ambient.log(LogLevel::warning, fmt::format("saga {}: {}; its message is tried again",
                                                        saga_.name, describe(error).message));
    return wait_out(uncertain);
  }
  Verdict verdict =
      after_failure(options_.failure, step.work.delivery, error, uniform(*options_.ambient.random));
  verdict.how.uncertain = uncertain;
  verdict.settles = step.verdict.settles;
  return verdict;
}

// The message is no longer in its queue: it cannot be tried again.
Verdict SagaProcessor::after_the_end(const Step& step, const std::exception_ptr& error) const {
  const std::string_view by = step.custody == Custody::gone ? "" : " by another receiver";
  options_.ambient.log(LogLevel::warning, fmt::format("saga {}: after its step was committed{}: {}",
                                                      saga_.name, by, describe(error).message));
  Verdict verdict;
  verdict.action = Verdict::Action::none;
  return verdict;
}

Verdict SagaProcessor::wait_out(bool uncertain) {
  Verdict verdict = give_back_later(options_.failure.retry, outages_, *options_.ambient.random);
  verdict.how.uncertain = uncertain;
  return verdict;
}

}  // namespace sagabus::detail
