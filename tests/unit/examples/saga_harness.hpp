// One saga alone on a bus in memory: the test plays everybody else, one message at a time.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <sagabus/bus.hpp>
#include <sagabus/memory/store.hpp>
#include <sagabus/memory/transport.hpp>
#include <sagabus/sync_wait.hpp>
#include <sagabus/testing/virtual_clock.hpp>
#include <string>
#include <utility>
#include <vector>

namespace examples {

class SagaHarness {
 public:
  // `outgoing`: the types that the saga sends to others.
  SagaHarness(const sagabus::SagaDefinition& saga, std::vector<std::string> outgoing)
      : name_(saga.name()), bus_(options(saga)) {
    sagabus::Subscription world{"world", std::move(outgoing)};
    sagabus::sync_wait(transport_.backend()->subscribe(std::move(world)));
    sagabus::sync_wait(bus_.start());
  }
  ~SagaHarness() { sagabus::sync_wait(bus_.stop()); }
  SagaHarness(const SagaHarness&) = delete;
  SagaHarness& operator=(const SagaHarness&) = delete;

  // Returns how the saga's step ended. Messages with one id are one message, delivered twice.
  template <sagabus::Message M>
  sagabus::StepOutcome send(const M& message, const std::string& id = {}) {
    sagabus::PublishOptions options;
    options.id = id;
    sagabus::sync_wait(bus_.publish(message, std::move(options)));
    return next_step();
  }

  // Lets time go by until the saga has taken a message that it had scheduled.
  sagabus::StepOutcome wait(std::chrono::milliseconds time) {
    clock_->advance(time);
    return next_step();
  }

  // The types of what the saga has sent since the last call.
  std::vector<std::string> sent() {
    std::vector<std::string> types;
    for (const auto& envelope : transport_.drain("world")) types.push_back(envelope->type);
    return types;
  }

  sagabus::Instance instance(const std::string& correlation_id) const {
    auto found = sagabus::sync_wait(store_.get_by_correlation_id(name_, correlation_id));
    if (!found) throw std::runtime_error("no instance " + correlation_id);
    return *std::move(found);
  }
  template <class State>
  State state(const std::string& correlation_id) const {
    return sagabus::from_value<State>(instance(correlation_id).state);
  }

 private:
  sagabus::BusOptions options(const sagabus::SagaDefinition& saga) {
    sagabus::BusOptions options;
    options.transport = transport_;
    options.store = store_;
    options.sagas = {saga};
    options.middleware = {[this](sagabus::StepView& step, sagabus::Next next) {
      return observe(step, std::move(next));
    }};
    options.threads = 1;
    options.ambient.clock = clock_;
    return options;
  }

  boost::asio::awaitable<void> observe(sagabus::StepView& step, sagabus::Next next) {
    co_await next();
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(step.outcome);
    stepped_.notify_all();
  }

  sagabus::StepOutcome next_step() {
    std::unique_lock lock(mutex_);
    const bool came = stepped_.wait_for(lock, std::chrono::seconds(30),
                                        [this] { return taken_ < outcomes_.size(); });
    if (!came) {
      ADD_FAILURE() << "the saga took no step";
      return sagabus::StepOutcome::pending;
    }
    return outcomes_[taken_++];
  }

  const std::string name_;
  const std::shared_ptr<sagabus::testing::VirtualClock> clock_ =
      std::make_shared<sagabus::testing::VirtualClock>();
  const sagabus::memory::SagaStore store_{{.ambient = {.clock = clock_}}};
  // Takes no message for a repeat, so that the saga sees all of them.
  sagabus::memory::Transport transport_{
      {.deduplication_window = std::chrono::milliseconds(0), .ambient = {.clock = clock_}}};
  std::mutex mutex_;
  std::condition_variable stepped_;
  std::vector<sagabus::StepOutcome> outcomes_;
  std::size_t taken_ = 0;
  sagabus::Bus bus_;  // last: its threads use the rest
};

}  // namespace examples
