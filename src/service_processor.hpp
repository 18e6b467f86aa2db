// Runs the messages of one service: handler, send, acknowledge.
#pragma once

#include <atomic>

#include "dispatch.hpp"
#include "failure.hpp"
#include "processor.hpp"
#include "sagabus/ambient.hpp"
#include "sagabus/service.hpp"
#include "sagabus/store.hpp"

namespace sagabus::detail {

struct ServiceProcessorOptions {
  Service service;
  Transport transport;
  SagaStore store;  // which keeps what is scheduled; may hold none
  TimerLimits timer_limits{};
  std::shared_ptr<TimerService> timers;  // null: nobody is told of rows that are due soon
  FailureRules failure;
  Ambient ambient;
};

class ServiceProcessor final : public Processor {
 public:
  explicit ServiceProcessor(ServiceProcessorOptions options);

  Work admit(Delivery delivery) override;
  boost::asio::awaitable<void> process(std::span<Work> works) override;
  void acknowledged(std::uint64_t settles) override;

 private:
  boost::asio::awaitable<Verdict> run(Work& work);
  boost::asio::awaitable<Effects> handle(const Work& work, bool& ran);
  TimerBackend* timers() const;
  Verdict wait_out();

  const ServiceProcessorOptions options_;
  std::atomic<unsigned> outages_{0};  // in a row
};

}  // namespace sagabus::detail
