// The errors that sagabus reports at run time. Wrong configuration is not among them: it throws
// std::invalid_argument where the object is built.
//
// No error text holds a secret, a payload or a state.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/store_write.hpp"

namespace sagabus {

// What a service said about a failed request. Empty or 0 where it did not come from a service.
struct ServiceInfo {
  std::string code;        // the service's own error code, such as "ValidationException"
  std::string request_id;  // for the service's support
  std::string operation;   // such as "UpdateItem"
  std::string resource;    // the table or queue
  int http_status = 0;
  int attempts = 0;          // requests sent, the first included
  bool not_applied = false;  // none of them was carried out, for sure
};

// The root of the tree.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, ServiceInfo service = {})
      : std::runtime_error(what), service_(std::move(service)) {}
  const ServiceInfo& service() const noexcept { return service_; }

 private:
  ServiceInfo service_;
};

// The instance has another version than the caller expected, or its id lives anew. Nothing was
// written.
class ConcurrencyError : public Error {
 public:
  ConcurrencyError(std::string saga_id, std::uint64_t expected, std::uint64_t actual);
  const std::string& saga_id() const noexcept { return saga_id_; }
  std::uint64_t expected() const noexcept { return expected_; }
  std::uint64_t actual() const noexcept { return actual_; }

 private:
  std::string saga_id_;
  std::uint64_t expected_;
  std::uint64_t actual_;
};

// An instance with that id or that correlation id exists. Nothing was written.
class AlreadyExists : public Error {
 public:
  using Error::Error;
};

// There is no such instance, queue or item.
class NotFound : public Error {
 public:
  using Error::Error;
};

// A fault that may pass by itself: a broken connection, a timeout, an answer 5xx. The request may
// have been carried out all the same.
class TransientError : public Error {
 public:
  using Error::Error;
};

// The service asks for fewer requests.
class Throttled : public TransientError {
 public:
  using TransientError::TransientError;
};

// Credentials are missing, wrong or expired, or do not allow the operation.
class AccessDenied : public Error {
 public:
  using Error::Error;
};

// The table does not exist, or is not yet active.
class TableNotFound : public Error {
 public:
  using Error::Error;
};

// A value cannot be stored or read: a field of the wrong type, a number out of range, a key too
// long. The text names the field by its path, such as `items[3].price`.
class ValidationError : public Error {
 public:
  using Error::Error;
};

// The instance would pass what its store takes for one item. Nothing was sent.
class StateTooLarge : public Error {
 public:
  struct Field {
    std::string name;
    std::size_t bytes;
  };
  StateTooLarge(std::string saga_id, std::size_t bytes, std::size_t limit,
                std::vector<Field> largest);
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t limit() const noexcept { return limit_; }
  const std::vector<Field>& largest_fields() const noexcept { return largest_; }  // largest first

 private:
  std::size_t bytes_;
  std::size_t limit_;
  std::vector<Field> largest_;
};

// Writes that a step wanted with its own (SagaContext::transact) were refused, since a condition of
// theirs did not hold. Nothing was written.
class WriteRefused : public Error {
 public:
  WriteRefused(const std::string& what, std::vector<RefusedWrite> refused)
      : Error(what), refused_(std::move(refused)) {}
  const std::vector<RefusedWrite>& refused() const noexcept { return refused_; }

 private:
  std::vector<RefusedWrite> refused_;
};

// The store or transport cannot do this.
class Unsupported : public Error {
 public:
  using Error::Error;
};

}  // namespace sagabus
