#include "saga_processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <stdexcept>
#include <utility>

#include "dispatch.hpp"
#include "packing.hpp"
#include "saga_messages.hpp"
#include "sagabus/error.hpp"
#include "watermark_keeper.hpp"

namespace sagabus::detail {
namespace {

namespace asio = boost::asio;

// The first rerun is at once; later ones wait a little, at random, so that rivals draw apart.
constexpr RetryPolicy kConflictBackoff{.base_delay = std::chrono::milliseconds(2),
                                       .max_delay = std::chrono::milliseconds(100)};

bool must_wait(const Plan& plan) {
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
  try {
    SagaMessageRead read = read_saga_message(saga_, *envelope);
    work.entry = static_cast<std::size_t>(read.entry - saga_.messages.data());
    work.message = std::move(read.message);
  } catch (...) {
    work.verdict = dead_letter(std::current_exception());
    return work;
  }
  try {
    work.correlation_id = saga_.messages[work.entry].correlate(work.message.get());
  } catch (...) {
    return refuse_correlation(std::move(work), describe(std::current_exception()).message);
  }
  std::string problem = problem_of_correlation_id(work.correlation_id);
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

asio::awaitable<void> SagaProcessor::process(std::span<Work> works) {
  return take(works, nullptr);
}

// The first of these works: it leads a batch that the others may join, or it joins one.
asio::awaitable<void> SagaProcessor::take(std::span<Work> works, Batch* joining) {
  Work& work = works.front();
  Batch own{works.subspan(1)};
  Batch& batch = joining ? *joining : own;
  Step step = begin(work, batch);
  std::exception_ptr error;
  try {
    if (options_.middleware.empty()) {
      co_await plan(step);
    } else {
      co_await through_middleware(0, step);
      if (step.unfenced && !co_await fence(step, step.unfenced))
        step.verdict = wait_out(batch, true);
    }
    error = step.error;
  } catch (...) {
    error = std::current_exception();
  }
  // Whoever waits for it must not commit what it does not stand behind.
  if (joining && !step.left_out && batch.end == Batch::End::open) {
    batch.end = Batch::End::failed;
    if (!error) error = std::make_exception_ptr(std::logic_error("middleware: next was given up"));
  }
  work.correlation_id = std::move(step.incoming.key.correlation_id);  // it may be processed again
  if (step.left_out) co_return;
  if (batch.end == Batch::End::failed && !batch.error)
    batch.error = step.error ? step.error : error;
  ledger_.add(work.entry, step.view.outcome == StepOutcome::committed, step.cost);
  if (!error && !may_be_committed_yet(step)) {
    outages_.store(0, std::memory_order_relaxed);
    work.verdict = std::move(step.verdict);
    co_return;
  }
  leave_in_doubt(step, error);
  const auto state = co_await asio::this_coro::cancellation_state;
  work.verdict = judge(step, error, state.cancelled() != asio::cancellation_type::none);
}

SagaProcessor::Step SagaProcessor::begin(Work& work, Batch& batch) {
  Step step{.work = work, .batch = batch, .incoming = {}, .view = {}};
  step.left_out = batch.lead != nullptr;  // until it has joined
  step.incoming.envelope = work.delivery.envelope;
  step.incoming.entry = &saga_.messages[work.entry];
  step.incoming.message = work.message.get();
  std::string saga_id = saga_ids_.of(work.correlation_id, work.group);
  step.incoming.key = {saga_.name, std::move(work.correlation_id), std::move(saga_id)};
  const bool is_letter = work.delivery.envelope->headers.contains(headers::kUncertain);
  step.incoming.redelivered = work.delivery.redelivered || is_letter;
  // A letter was received before, by the queue that it came from.
  if (!is_letter) step.incoming.committed_after = work.delivery.first_received;
  if (step.incoming.entry->timeout) step.incoming.firing = read_firing(*step.incoming.envelope);
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
    co_await plan(step);
  } catch (...) {
    step.error = std::current_exception();
    throw;
  }
  step.phase = Phase::middleware;
}

asio::awaitable<void> SagaProcessor::plan(Step& step) {
  Step*& lead = step.batch.lead;
  if (!lead) lead = &step;
  if (lead != &step) return follow(step);
  return run(step);
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
    if (tried.unpacked) co_await end_unpacked(step, tried, current);
    if (step.guess && !tried.request) {
      if (!co_await confirm_guess(step, tried, current)) continue;
      step.phase = Phase::handler;
    }
    if (tried.error) std::rethrow_exception(tried.error);
    if (tried.plan.choice == Choice::repeated) {
      co_await settle_repeated(step, std::move(current));
      co_return;
    }
    if (must_wait(tried.plan)) tried.request = co_await run_waiting(step, tried.plan, current);
    if (!tried.request) {
      const bool at_once = options_.middleware.empty();  // else it has its say first
      if (at_once && needs_fence(step, tried.plan, current) && !co_await fence(step, current)) {
        co_await pause_between_conflicts(conflicts++);
        continue;
      }
      if (!at_once && needs_fence(step, tried.plan, current)) step.unfenced = current;
      co_await end_without_effect(step, tried.plan, current);
      co_return;
    }
    Batch& batch = step.batch;
    open(batch, std::move(*tried.request));
    if (may_grow(batch)) {
      co_await grow(batch);
    } else {
      co_await commit(batch);
    }
    if (batch.end != Batch::End::again) co_return;
    current = std::move(batch.current);
    co_await pause_between_conflicts(conflicts++);
  }
  give_up(step, current);
}

// After too many tries.
void SagaProcessor::give_up(Step& step, const InstancePtr& current) {
  step.view.outcome = StepOutcome::outrun;
  // The last race may have been lost to our own write, whose answer was lost.
  const bool ours = current && in_inbox(*current, step.incoming.envelope->id);
  if (step.refusal && !ours) throw WriteRefused(*step.refusal);
  step.verdict = wait_out(step.batch, ours);
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
    if (tried.plan.choice != Choice::run || must_wait(tried.plan)) return tried;
    const auto record = begin_record(step, current);
    {
      const CloseRecord close{*record};
      SagaContext context(record);
      if (tried.plan.handler) {
        tried.plan.handler->run(step.incoming.message, tried.plan.state.get(), context);
      }
    }
    if (record->to_pack.empty()) {
      tried.request = end_record(step, *record, tried.plan, current);
    } else {
      tried.unpacked = record;
    }
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
  if (record->to_pack.empty()) co_return end_record(step, *record, plan, current);
  co_return co_await pack_and_end(step, *record, plan, current);
}

// A payload that travels beside its message must be there before anything is committed. That it is
// not is no fault of the handler.
asio::awaitable<std::optional<CommitRequest>> SagaProcessor::pack_and_end(
    Step& step, StepRecord& record, const Plan& plan, const InstancePtr& current) {
  step.phase = Phase::pack;
  co_await pack_messages(record, *options_.transport.backend());
  step.phase = Phase::handler;
  co_return end_record(step, record, plan, current);
}

// What is wrong with it counts only where the guess that it was planned on was right.
asio::awaitable<void> SagaProcessor::end_unpacked(Step& step, Attempt& tried,
                                                  const InstancePtr& current) {
  try {
    tried.request = co_await pack_and_end(step, *tried.unpacked, tried.plan, current);
  } catch (const ValidationError&) {
    tried.error = std::current_exception();
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
  record->saga = &saga_;
  record->random = options_.ambient.random.get();
  record->timer_limits = options_.timer_limits;
  record->max_message_bytes = options_.transport.backend()->max_message_bytes();
  record->pack_above = options_.transport.backend()->pack_above();
  if (current) {
    record->timers = current->bookkeeping.timers;
    const Timer* const fired = find_timer(*current, step.incoming);
    if (fired) std::erase(record->timers, *fired);
  }
  if (step.refusal) record->refused = step.refusal->refused();
  record->metadata = &step.view.metadata;
  return record;
}

// What is to be committed; empty where nothing is.
std::optional<CommitRequest> SagaProcessor::end_record(Step& step, StepRecord& record,
                                                       const Plan& plan,
                                                       const InstancePtr& current) const {
  step.asked = record.asked_refused;
  check_delays(record, options_.transport);
  Value state = saga_.state.write(plan.state.get());
  if (changes_nothing(current, state, record)) return std::nullopt;
  StepEnd end;
  end.state = std::move(state);
  end.timers = std::move(record.timers);
  if (joint_) {
    step.entry.messages = std::move(record.outgoing);
    step.entry.timers = std::move(record.due_rows);
    step.entry.cancelled = std::move(record.cancelled);
  } else {
    end.outgoing = std::move(record.outgoing);
    end.due_rows = std::move(record.due_rows);
    end.cancelled = std::move(record.cancelled);
  }
  end.completed = record.completed;
  end.now = record.now;
  step.number = {};
  if (has_effects(end)) step.number = options_.settlements->begin(step.key());
  end.sequence = step.number.sequence;
  if (step.batch.lead != &step) end.together = 1 + step.batch.followers.size();
  if (!current) end.new_birth = new_nonce(*options_.ambient.random);
  CommitRequest request =
      make_commit(step.incoming, current, std::move(end), options_.inbox, *options_.settlements);
  request.writes = std::move(record.writes);
  return request;
}

void SagaProcessor::require_same_instance(const Step& step, const InstancePtr& current) const {
  if (current && current->correlation_id != step.incoming.key.correlation_id) {
    throw Error("two correlation ids have one saga id");
  }
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

// Its commit may have been carried out. What middleware made of the error says nothing of that.
bool SagaProcessor::is_in_doubt(const Step& step, const std::exception_ptr& error) {
  const std::exception_ptr& cause = step.error ? step.error : error;
  return cause && step.phase == Phase::commit && !is_refusal(cause);
}

// A request for it may reach the store yet: what became of it is open, whatever it came to since.
bool SagaProcessor::may_be_committed_yet(const Step& step) {
  return step.may_land && step.view.outcome != StepOutcome::committed &&
         step.view.outcome != StepOutcome::repeated;
}

Verdict SagaProcessor::judge(Step& step, const std::exception_ptr& error, bool was_cancelled) {
  // Middleware may throw after the step was committed.
  const bool committed =
      step.view.outcome == StepOutcome::committed || step.view.outcome == StepOutcome::repeated;
  const bool uncertain = committed || is_in_doubt(step, error) || step.phase == Phase::dispatch;
  if (step.custody != Custody::held) return after_the_end(step, error);
  if (was_cancelled) return cancelled(uncertain || step.may_land);
  if (may_be_committed_yet(step)) return wait_out(step.batch, true);
  const bool ours =
      step.phase == Phase::load || step.phase == Phase::pack || step.phase == Phase::commit;
  if (step.phase == Phase::dispatch || (ours && is_outage(error))) {
    options_.ambient.log(LogLevel::warning, fmt::format("saga {}: {}; its message is tried again",
                                                        saga_.name, describe(error).message));
    Verdict verdict = wait_out(step.batch, uncertain);
    // One queue, table or bucket that is missing or forbidden must not stop the steps that need
    // none of it.
    const bool needs_others =
        step.phase == Phase::dispatch || step.phase == Phase::pack || step.batch.with_writes;
    verdict.hold = !needs_others || is_transient(error);
    return verdict;
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

// What one write was to take in comes again at one time, so that it keeps its order.
Verdict SagaProcessor::wait_out(Batch& batch, bool uncertain) {
  Verdict verdict;
  verdict.action = Verdict::Action::give_back;
  verdict.hold = true;
  if (!batch.wait) {
    batch.wait = outage_delay(options_.failure.retry, outages_, *options_.ambient.random);
  }
  verdict.how.delay = *batch.wait;
  verdict.how.uncertain = uncertain;
  return verdict;
}

}  // namespace sagabus::detail
