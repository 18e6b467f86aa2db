#include "failure.hpp"

#include <boost/core/demangle.hpp>
#include <typeinfo>

#include "sagabus/error.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {
namespace {

// The first bytes of a text, not cut inside a character.
std::string shorten(std::string text) {
  if (text.size() <= kMaxErrorText) return text;
  std::size_t end = kMaxErrorText;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  text.resize(end);
  return text;
}

std::string to_utf8(std::string text) {
  if (is_utf8(text)) return text;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
  return text;
}

// Without control characters, each of which may take six bytes in JSON, and a letter has bounds.
std::string to_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

ErrorDecision decide(const ErrorHandler& on_error, const FailedStep& failed) {
  try {
    return on_error(failed);
  } catch (...) {  // it was asked about an error, and had one of its own
    return ErrorDecision::retry;
  }
}

}  // namespace

ErrorText describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return {shorten(boost::core::demangle(typeid(e).name())), shorten(to_line(to_utf8(e.what())))};
  } catch (...) {
    return {"unknown", "an exception that is no std::exception"};
  }
}

bool is_outage(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const TransientError&) {
    return true;
  } catch (const AccessDenied&) {
    return true;
  } catch (const TableNotFound&) {
    return true;
  } catch (...) {
    return false;
  }
}

bool is_transient(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const TransientError&) {
    return true;
  } catch (...) {
    return false;
  }
}

bool is_refusal(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const StateTooLarge&) {
    return true;
  } catch (const ValidationError& e) {
    return e.service().attempts == 0 || e.service().not_applied;
  } catch (const Error& e) {
    return e.service().not_applied;
  } catch (...) {
    return false;
  }
}

Verdict cancelled(bool uncertain) {
  Verdict verdict;
  verdict.action = Verdict::Action::give_back;
  verdict.how.uncertain = uncertain;
  return verdict;
}

Verdict dead_letter(std::string type, std::string message) {
  Verdict verdict;
  verdict.action = Verdict::Action::dead_letter;
  verdict.reason = std::make_unique<ErrorText>(ErrorText{std::move(type), std::move(message)});
  return verdict;
}

Verdict dead_letter(const std::exception_ptr& error) {
  ErrorText text = describe(error);
  return dead_letter(std::move(text.type), std::move(text.message));
}

std::uint64_t attempts(const Delivery& delivery) {
  const std::uint64_t before =
      delivery.envelope ? read_count(*delivery.envelope, headers::kAttempt) : 0;
  return before + delivery.failures + 1;
}

Verdict retry_or_bury(const FailureRules& rules, const Delivery& delivery, Verdict burial,
                      double random) {
  const unsigned failures = delivery.failures + 1;
  if (failures >= rules.retry.max_attempts) return burial;
  Verdict verdict;
  verdict.action = Verdict::Action::give_back;
  verdict.how = {.delay = retry_delay(rules.retry, failures, random), .failed = true};
  return verdict;
}

Verdict after_failure(const FailureRules& rules, const Delivery& delivery,
                      const std::exception_ptr& error, double random) {
  FailedStep failed{.endpoint = rules.endpoint,
                    .envelope = delivery.envelope,
                    .attempt = delivery.failures + 1,
                    .error = error};
  switch (decide(rules.on_error, failed)) {
    case ErrorDecision::drop:
      return {};
    case ErrorDecision::dead_letter:
      return dead_letter(error);
    case ErrorDecision::retry:
      break;
  }
  return retry_or_bury(rules, delivery, dead_letter(error), random);
}

}  // namespace sagabus::detail
