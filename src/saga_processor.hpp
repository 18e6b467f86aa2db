// The commit protocol: runs one saga's messages against its store, each exactly once.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "failure.hpp"
#include "processor.hpp"
#include "sagabus/ambient.hpp"
#include "sagabus/middleware.hpp"
#include "settlements.hpp"
#include "step.hpp"

namespace sagabus::detail {

struct SagaProcessorOptions {
  SagaDefinition saga;
  SagaStore store;
  Transport transport;
  std::vector<Middleware> middleware;
  FailureRules failure;
  InboxLimits inbox;
  std::shared_ptr<Settlements> settlements;
  Ambient ambient;
};

class SagaProcessor final : public Processor {
 public:
  explicit SagaProcessor(SagaProcessorOptions options);

  Work admit(Delivery delivery) override;
  boost::asio::awaitable<Verdict> process(Work& work) override;
  void acknowledged(std::uint64_t settles) override;

 private:
  // Where a step is, for the question whose fault an exception is.
  enum class Phase { handler, load, commit, dispatch };
  struct Step {
    Work& work;
    Incoming incoming;
    StepView view;
    Phase phase = Phase::handler;
    Verdict verdict{};
  };

  Work refuse_correlation(Work work, std::string problem) const;
  Step begin(Work& work) const;
  boost::asio::awaitable<void> through_middleware(std::size_t index, Step& step);
  boost::asio::awaitable<void> run(Step& step);
  boost::asio::awaitable<void> settle_repeated(Step& step, InstancePtr current);
  // Returns what is to be committed; null where nothing is.
  boost::asio::awaitable<std::optional<StepEnd>> handle(Step& step, const Plan& plan,
                                                        const InstancePtr& current);
  boost::asio::awaitable<CommitResult> commit(Step& step, CommitRequest request);
  boost::asio::awaitable<void> dispatch(Step& step, const std::vector<OutgoingMessage>& messages);
  boost::asio::awaitable<void> pause_between_conflicts(unsigned conflicts);
  void conclude(Step& step, const Plan& plan) const;
  Verdict judge(const Step& step, const std::exception_ptr& error);
  Verdict wait_out(bool uncertain);  // it is not the message's fault

  const SagaProcessorOptions options_;
  const SagaData& saga_;
  std::atomic<unsigned> outages_{0};  // in a row
};

}  // namespace sagabus::detail
