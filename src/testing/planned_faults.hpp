// What a test has asked to fail, and the hooks through which it does.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "sagabus/testing/harness.hpp"
#include "testing/decorators.hpp"

namespace sagabus::testing {

class PlannedFaults {
 public:
  // `store`: where a race is made. `spares`: sends that no fault of the transport concerns.
  using Spares = std::function<bool(const std::vector<SendRequest>&)>;
  PlannedFaults(SagaStore store, Spares spares);
  PlannedFaults(const PlannedFaults&) = delete;
  PlannedFaults& operator=(const PlannedFaults&) = delete;

  void fail(Fault fault, unsigned times) { planned_.at(static_cast<std::size_t>(fault)) += times; }
  // `message`: as text_of(SagaMessage) has it.
  void fail_handlers(const std::string& message, unsigned times, std::exception_ptr error);

  // Throws where the handler of such a message is to fail.
  void before_handler(const std::string& message);

  std::vector<std::string> pending() const;

  const std::shared_ptr<StoreFaults>& store() const noexcept { return store_faults_; }
  const std::shared_ptr<TransportFaults>& transport() const noexcept { return transport_faults_; }

 private:
  struct FailingHandler {
    unsigned times = 0;
    std::exception_ptr error;
  };

  bool is_planned(Fault fault) const { return planned_.at(static_cast<std::size_t>(fault)) > 0; }
  bool take(Fault fault);
  void fail_if_planned(Fault fault, const char* text);
  void race(const CommitRequest& request);

  const SagaStore store_;
  const Spares spares_;
  std::array<unsigned, 5> planned_{};  // by Fault
  std::map<std::string, FailingHandler> handlers_;
  const std::shared_ptr<StoreFaults> store_faults_ = std::make_shared<StoreFaults>();
  const std::shared_ptr<TransportFaults> transport_faults_ = std::make_shared<TransportFaults>();
};

}  // namespace sagabus::testing
