// A call that failed, as a value: for the adapters that decide themselves which failures are
// ordinary, such as a conditional write that lost.
#pragma once

#include <boost/assert/source_location.hpp>
#include <string>
#include <string_view>

namespace sagabus::aws {

struct Service;

// What a failure means, by its code and HTTP status alone.
enum class ErrorKind {
  conditional_check_failed,  // ordinary: the condition of a write did not hold
  transaction_canceled,      // ordinary: `body` holds the CancellationReasons
  throttled,                 // the service asks for fewer requests
  transient,                 // may pass by itself; the request may have been carried out
  access_denied,             // credentials missing, wrong, expired, or not allowed to do this
  resource_not_found,        // DynamoDB: no such table, or it is not active yet
  not_found,                 // anything else that is not there: a queue, a topic, an object
  validation,                // the request is wrong
  unsupported,               // the service does not know the operation
  other,
};

// Holds no secret; `body` may hold a payload and is not for logs or error texts.
struct ServiceError {
  ErrorKind kind = ErrorKind::other;
  std::string code;        // "ConditionalCheckFailedException"; empty where no answer came
  std::string message;     // one line of at most 512 bytes
  std::string request_id;  // empty where no answer came
  std::string operation;   // "PutItem"
  std::string body;        // the answer as it came
  int http_status = 0;     // 0 where no answer came
  int attempts = 0;        // requests sent, the first included
  // Whether any of the attempts may have been carried out although it did not succeed: its answer
  // was lost, broken, or a 5xx. A failed condition may then be the call's own doing.
  bool maybe_applied = false;
};

// The kind of a failed answer. `code` is a service error code without its namespace.
ErrorKind classify(const Service& service, std::string_view code, int http_status);

// Throws the error of sagabus/error.hpp that fits the kind, with all the service said but the
// body: throttled -> Throttled, transient -> TransientError, access_denied -> AccessDenied,
// resource_not_found -> TableNotFound, not_found -> NotFound, validation -> ValidationError,
// unsupported -> Unsupported, else Error. `resource` is the table or queue, for the text.
[[noreturn]] void throw_service_error(const ServiceError& error, std::string_view resource = {});

// Makes outcome.value() throw as above.
[[noreturn]] void throw_exception_from_error(const ServiceError& error,
                                             const boost::source_location& where);

}  // namespace sagabus::aws
