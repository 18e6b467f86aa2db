// From an exception to a verdict: pure decisions.
#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "processor.hpp"
#include "sagabus/policy.hpp"

namespace sagabus::detail {

// What was thrown, with the first bytes of its message.
inline constexpr std::size_t kMaxErrorText = 1024;
ErrorText describe(const std::exception_ptr& error);

// The store or transport could not work just now: the message is not to blame.
bool is_outage(const std::exception_ptr& error);

// It passes by itself, and it is not this message alone that it keeps waiting.
bool is_transient(const std::exception_ptr& error);

// A commit that threw this was surely not carried out.
bool is_refusal(const std::exception_ptr& error);

// The step was cancelled; `uncertain`: once it had begun to be committed.
Verdict cancelled(bool uncertain);

Verdict dead_letter(std::string type, std::string message);
Verdict dead_letter(const std::exception_ptr& error);

// How many attempts a message has behind it, with the one that was just made. A letter that was
// sent back counts on: its next burial must not be taken for a repeat of the one before.
std::uint64_t attempts(const Delivery& delivery);

struct FailureRules {
  std::string endpoint;
  RetryPolicy retry;
  ErrorHandler on_error;
};

// A handler failed, or what it did cannot be stored. `random` is uniform in [0, 1). An error
// handler that throws as well has the message retried.
Verdict after_failure(const FailureRules& rules, const Delivery& delivery,
                      const std::exception_ptr& error, double random);

// Try again later, by the retry policy, as one more failure; after the last attempt dead letter
// with this reason.
Verdict retry_or_bury(const FailureRules& rules, const Delivery& delivery, Verdict burial,
                      double random);

}  // namespace sagabus::detail
