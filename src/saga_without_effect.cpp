// What becomes of messages that have no effect, or that no handler takes.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "message_size.hpp"
#include "packing.hpp"
#include "put_aside.hpp"
#include "saga_processor.hpp"

namespace sagabus::detail {
namespace {

namespace asio = boost::asio;

Verdict not_found() {
  return dead_letter("sagabus::NotFound", "there is no such instance");
}

}  // namespace

asio::awaitable<void> SagaProcessor::end_without_effect(Step& step, const Plan& plan,
                                                        const InstancePtr& current) {
  if (plan.choice == Choice::run) {
    step.view.outcome = StepOutcome::unchanged;
  } else if (plan.choice == Choice::moved) {
    co_await put_back(step, *current);
  } else if (is_about_to_expire(step, plan, current)) {
    step.view.outcome = StepOutcome::postponed;
    step.verdict = back_after(*current->expires_at);
  } else if (std::optional<TimerRow> again = conclude(step, plan)) {
    co_await put_aside(step, std::move(*again));
  }
}

// What becomes of a message that no handler takes. Planned on a consistent read. Gives the row that
// must be put first, where there is one.
std::optional<TimerRow> SagaProcessor::conclude(Step& step, const Plan& plan) const {
  if (plan.choice == Choice::too_late) {
    step.view.outcome = StepOutcome::too_late;
    step.verdict =
        dead_letter("sagabus::TooLate",
                    "it was delivered again after its inbox window: whether it had taken "
                    "effect can no longer be told");
    return std::nullopt;
  }
  step.view.outcome = StepOutcome::ignored;
  if (plan.choice != Choice::not_found) return std::nullopt;
  step.view.outcome = StepOutcome::not_found;
  const SagaNotFound the_case{options_.failure.endpoint, step.incoming.key.correlation_id,
                              step.incoming.envelope};
  switch (options_.saga.options().on_not_found(the_case)) {
    case NotFoundDecision::ignore:
      break;
    case NotFoundDecision::dead_letter:
      step.verdict = not_found();
      break;
    case NotFoundDecision::retry_later:
      return try_later(step);
  }
  return std::nullopt;
}

// Given back, it would hold up those behind it where the transport keeps their order, perhaps the
// very one that starts its saga: there it becomes a row, if the store keeps any and it fits, or can
// be packed.
std::optional<TimerRow> SagaProcessor::try_later(Step& step) const {
  const Delivery& delivery = step.work.delivery;
  TimerBackend* const timers = options_.store.backend()->timers();
  if (timers && !delivery.order_key.empty()) {
    const RetryPolicy& retry = options_.failure.retry;
    TimerRow row = waiting_row(delivery, options_.failure.endpoint, retry, timers->now());
    if (waits(*row.envelope) >= retry.max_attempts) {
      step.verdict = not_found();
      return std::nullopt;
    }
    const TransportBackend& transport = *options_.transport.backend();
    if (packs(transport) ||
        (fits_row(*row.envelope) && fits(*row.envelope, transport.max_message_bytes()))) {
      return row;
    }
  }
  step.verdict =
      retry_or_bury(options_.failure, delivery, not_found(), uniform(*options_.ambient.random));
  return std::nullopt;
}

// The fence.

// Whether a message that has no effect on `current` must leave a write behind before it is let go.
// Where another may have it in hand too, or a try of it may be carried out yet, that one could
// commit it on what comes after `current`, and be gone before its messages are sent.
bool SagaProcessor::needs_fence(const Step& step, const Plan& plan,
                                const InstancePtr& current) const {
  if (!(step.incoming.redelivered || step.may_land) || joint_) return false;
  if (!current || plan.choice == Choice::too_late) return false;
  return !current->completed || saga_.restartable;
}

// False where a race was lost: `current` is what is there instead.
asio::awaitable<bool> SagaProcessor::fence(Step& step, InstancePtr& current) {
  CommitRequest request = make_fence(step.incoming, current, options_.ambient.clock->now(),
                                     options_.inbox, *options_.settlements);
  const InstancePtr next = request.next;
  request.cost = &step.cost;
  step.phase = Phase::commit;
  ForgetUnlessKnown known(known_, step.work.group);
  CommitResult result = co_await options_.store.backend()->commit(std::move(request));
  const InstancePtr there = result.committed ? next : std::move(result.current);
  remember(step, there);
  known.settled();
  if (result.committed) {
    end_doubt(step, nullptr);
    step.may_land = false;
  } else {
    step.refusal.reset();  // that was another version
  }
  step.phase = Phase::handler;
  current = there;
  co_return result.committed;
}

// Expiry.

// Whether the instance that has ended may expire before all is over that was asked for: a start
// that is carried out then would begin another life, and the message would be gone before that
// life's messages are sent.
bool SagaProcessor::is_about_to_expire(const Step& step, const Plan& plan,
                                       const InstancePtr& current) const {
  if (plan.choice != Choice::ignored || saga_.restartable || !step.incoming.entry->can_start) {
    return false;
  }
  if (!step.incoming.redelivered && !step.start_may_land) return false;
  if (!current || !current->completed || !current->expires_at) return false;
  const auto latest = options_.store.backend()->latest_write();
  return latest.count() > 0 && *current->expires_at <= later(store_time(), latest);
}

// Then the message finds what was begun, or begins it.
Verdict SagaProcessor::back_after(TimePoint time) const {
  constexpr std::chrono::seconds kLeast(1);
  Verdict verdict;
  verdict.action = Verdict::Action::give_back;
  verdict.how.delay = std::max<std::chrono::milliseconds>(time - store_time(), kLeast);
  verdict.how.uncertain = true;
  return verdict;
}

// By which instances expire.
TimePoint SagaProcessor::store_time() const {
  return options_.store.backend()->ambient().clock->now();
}

}  // namespace sagabus::detail
