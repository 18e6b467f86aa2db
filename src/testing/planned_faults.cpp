#include "testing/planned_faults.hpp"

#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {

PlannedFaults::PlannedFaults(SagaStore store, Spares spares)
    : store_(std::move(store)), spares_(std::move(spares)) {
  store_faults_->before_commit = [this](const CommitRequest& request) {
    fail_if_planned(Fault::commit_refused, "the store is away, as the test asked");
    if (request.expected && take(Fault::commit_raced)) race(request);
  };
  store_faults_->after_commit = [this](const CommitRequest&, const CommitResult&) {
    fail_if_planned(Fault::commit_answer_lost, "the store's answer was lost, as the test asked");
  };
  transport_faults_->before_send = [this](const std::vector<SendRequest>& requests) {
    if (spares_(requests)) return;
    fail_if_planned(Fault::send_refused, "the transport is away, as the test asked");
  };
  transport_faults_->after_send = [this](const std::vector<SendRequest>& requests) {
    if (spares_(requests)) return;
    fail_if_planned(Fault::send_answer_lost, "the transport's answer was lost, as the test asked");
  };
}

void PlannedFaults::fail_steps(std::string_view message_type, unsigned times) {
  steps_[std::string(message_type)] += times;
}

void PlannedFaults::before_step(std::string_view message_type) {
  const auto planned = steps_.find(message_type);
  if (planned == steps_.end() || planned->second == 0) return;
  --planned->second;
  throw std::runtime_error("the step fails, as the test asked");
}

bool PlannedFaults::take(Fault fault) {
  unsigned& planned = planned_.at(static_cast<std::size_t>(fault));
  if (planned == 0) return false;
  --planned;
  return true;
}

void PlannedFaults::fail_if_planned(Fault fault, const char* text) {
  if (take(fault)) throw TransientError(text);
}

// A store in memory answers at once, so that it may be asked from within a handler.
void PlannedFaults::race(const CommitRequest& request) {
  const auto there = sync_wait(store_.get_by_id(request.next->saga_name, request.next->saga_id));
  if (there) sync_wait(store_.update(*there, there->version));
}

}  // namespace sagabus::testing
