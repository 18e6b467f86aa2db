// What happens when a step fails, or a message finds no instance: values and small functions that a
// user sets on the bus or on one saga.
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>

#include "sagabus/envelope.hpp"

namespace sagabus {

enum class Backoff { exponential, linear };

// How often, and after what wait, a step is tried again whose handler failed.
struct RetryPolicy {
  unsigned max_attempts = 3;                   // in all, the first included; 1 or more
  std::chrono::milliseconds base_delay{1000};  // before the second attempt; 0 or more
  std::chrono::milliseconds max_delay{30000};  // at most; from base_delay to 365 days
  Backoff backoff = Backoff::exponential;      // base * 2^n, or base * (n + 1), for n = 0, 1, ...
  bool jitter = true;  // full jitter: uniform between zero and the delay, so that crowds disperse
};

// The wait after the `failures`-th failure (1 or more). `random` is uniform in [0, 1).
std::chrono::milliseconds retry_delay(const RetryPolicy& policy, unsigned failures, double random);

// Throws std::invalid_argument naming the field, its value and what is allowed.
void check(const RetryPolicy& policy);

// A fixed decision, or a function that decides.
template <class Decision, class Case>
class Policy {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a decision, or a function, may stand for its policy
  Policy(Decision decision) : decide_([decision](const Case&) { return decision; }) {}
  template <class F>
  requires std::convertible_to<std::invoke_result_t<F&, const Case&>, Decision> Policy(F decide)
      : decide_(std::move(decide)) {
    if (!decide_) throw std::invalid_argument("policy: an empty function");
  }
  // NOLINTEND(google-explicit-constructor)

  Decision operator()(const Case& the_case) const { return decide_(the_case); }

 private:
  std::function<Decision(const Case&)> decide_;
};

// A handler that threw.
struct FailedStep {
  std::string endpoint;  // the saga's or the service's
  EnvelopePtr envelope;
  unsigned attempt = 1;      // 1 for the first
  std::exception_ptr error;  // what it threw
};
enum class ErrorDecision {
  retry,        // by the retry policy; after its last attempt, dead letter
  dead_letter,  // to the endpoint's dead letters, with the error in its headers
  drop          // forget the message
};
using ErrorHandler = Policy<ErrorDecision, FailedStep>;

// The default: a ValidationError, StateTooLarge or Unsupported will fail again, so it goes to the
// dead letters; everything else is retried.
ErrorDecision decide_by_type(const FailedStep& failed);

// A message from which no correlation id could be had: it is empty, too long, not UTF-8, or the
// correlation function threw.
struct CorrelationFailure {
  std::string endpoint;
  EnvelopePtr envelope;
  std::string problem;
};
enum class CorrelationFailureDecision { drop, dead_letter };
using CorrelationFailurePolicy = Policy<CorrelationFailureDecision, CorrelationFailure>;

// A message that starts nothing, for an instance that is not there.
struct SagaNotFound {
  std::string endpoint;
  std::string correlation_id;
  EnvelopePtr envelope;
};
enum class NotFoundDecision {
  ignore,
  dead_letter,
  // By the retry policy, since it may have overtaken the message that starts the saga. Where the
  // transport keeps an order by key and the store keeps timers, it is put aside as a scheduled
  // message, so that those behind it go on, and comes after them; these attempts are counted apart
  // from failures of a handler. Else it is given back as after a failure.
  retry_later
};
using NotFoundPolicy = Policy<NotFoundDecision, SagaNotFound>;

}  // namespace sagabus
