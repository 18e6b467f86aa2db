// What a caller asks of the engine's thread, and waits for. Each `run` is called there once, with
// the call itself.
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sqs/lines.hpp"
#include "sqs/outgoing.hpp"
#include "waiting/suspend.hpp"

namespace sagabus::sqs {

// Waits for several entries.
class Completion : public EntryOwner, public sagabus::detail::Wakeup {
 public:
  void ended(const std::exception_ptr& error) override;
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 protected:
  std::size_t left_ = 1;

 private:
  std::exception_ptr error_;
};

class SendCall : public Completion {
 public:
  explicit SendCall(std::vector<Outgoing> entries) : entries_(std::move(entries)) {}
  static void run(Lines& lines, const std::shared_ptr<SendCall>& self);

 private:
  std::vector<Outgoing> entries_;
};

// Lets go of messages: erases them, or shows them again.
class LeaseCall : public Completion {
 public:
  explicit LeaseCall(std::vector<std::shared_ptr<Lease>> leases) : leases_(std::move(leases)) {}
  LeaseCall(std::shared_ptr<Lease> lease, GiveBack how) : leases_(1, std::move(lease)), how_(how) {}
  static void run(Lines& lines, const std::shared_ptr<LeaseCall>& self);

 private:
  class End;

  static void give_back(Surroundings& surroundings, const std::shared_ptr<Lease>& lease,
                        const GiveBack& how, std::shared_ptr<EntryOwner> owner);

  std::vector<std::shared_ptr<Lease>> leases_;
  std::optional<GiveBack> how_;
};

class JoinCall : public Completion {
 public:
  JoinCall(std::string endpoint, std::vector<std::string> types)
      : endpoint_(std::move(endpoint)), types_(std::move(types)) {}
  static void run(Lines& lines, const std::shared_ptr<JoinCall>& self);

 private:
  const std::string endpoint_;
  std::vector<std::string> types_;
};

class OpenCall : public Completion {
 public:
  explicit OpenCall(std::string name) : name_(std::move(name)) {}
  static void run(Lines& lines, const std::shared_ptr<OpenCall>& self) {
    lines.endpoint(self->name_).ensure_open(self);
  }

 private:
  const std::string name_;
};

class ReceiveCall : public Receiving {
 public:
  explicit ReceiveCall(std::string name) : name_(std::move(name)) {}
  static void run(Lines& lines, const std::shared_ptr<ReceiveCall>& self) {
    lines.endpoint(self->name_).receive(self);
  }
  static void give_up(Lines& lines, const std::shared_ptr<ReceiveCall>& self) {
    lines.endpoint(self->name_).give_up(self);
  }

 private:
  const std::string name_;
};

}  // namespace sagabus::sqs
