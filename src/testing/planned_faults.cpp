#include "testing/planned_faults.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {

PlannedFaults::PlannedFaults(SagaStore store, Spares spares)
    : store_(std::move(store)), spares_(std::move(spares)) {
  store_faults_->before_commit = [this](const CommitRequest& request) {
    fail_if_planned(Fault::commit_refused, "the store is away, as the test asked");
    if (request.expected && is_planned(Fault::commit_raced)) race(request);
  };
  store_faults_->after_commit = [this](const CommitRequest&, const CommitResult& result) {
    if (!result.committed) return;
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

void PlannedFaults::fail_handlers(const std::string& message, unsigned times,
                                  std::exception_ptr error) {
  if (!error) error = std::make_exception_ptr(std::runtime_error("it fails, as the test asked"));
  FailingHandler& failing = handlers_[message];
  failing.times += times;
  failing.error = std::move(error);
}

void PlannedFaults::before_handler(const std::string& message) {
  const auto failing = handlers_.find(message);
  if (failing == handlers_.end() || failing->second.times == 0) return;
  --failing->second.times;
  std::rethrow_exception(failing->second.error);
}

std::vector<std::string> PlannedFaults::pending() const {
  constexpr std::array kNames{"commit_refused", "commit_answer_lost", "commit_raced",
                              "send_refused", "send_answer_lost"};
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < planned_.size(); ++i) {
    if (planned_.at(i) > 0) texts.push_back(fmt::format("{} x {}", planned_.at(i), kNames.at(i)));
  }
  for (const auto& [message, failing] : handlers_) {
    if (failing.times > 0) texts.push_back(fmt::format("{} x {}", failing.times, message));
  }
  return texts;
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
  if (!there || !take(Fault::commit_raced)) return;
  sync_wait(store_.update(*there, there->version));
}

}  // namespace sagabus::testing
