// The commit protocol: runs one saga's messages against its store, each exactly once.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dispatch.hpp"
#include "failure.hpp"
#include "guess_rate.hpp"
#include "known_instances.hpp"
#include "processor.hpp"
#include "saga_ids.hpp"
#include "saga_ledger.hpp"
#include "sagabus/ambient.hpp"
#include "sagabus/error.hpp"
#include "sagabus/joint_commit.hpp"
#include "sagabus/middleware.hpp"
#include "settlements.hpp"
#include "step.hpp"
#include "timer_service.hpp"

namespace sagabus::detail {

struct SagaProcessorOptions {
  SagaDefinition saga;
  SagaStore store;
  Transport transport;
  std::vector<Middleware> middleware;
  FailureRules failure;
  InboxLimits inbox;
  std::size_t cached_instances = 0;
  bool speculative_starts = false;
  TimerLimits timer_limits{};
  std::shared_ptr<TimerService> timers;  // null: nobody is told of rows that are due soon
  std::shared_ptr<Settlements> settlements;
  Ambient ambient;
};

class SagaProcessor final : public Processor {
 public:
  explicit SagaProcessor(SagaProcessorOptions options);

  Work admit(Delivery delivery) override;
  boost::asio::awaitable<void> process(std::span<Work> works) override;
  void acknowledged(std::uint64_t settles) override;

  const SagaLedger& ledger() const noexcept { return ledger_; }

 private:
  // A step that loses so many races in a row hands its message back.
  static constexpr unsigned kMaxConflicts = 16;

  // Where a step is, for the question whose fault an exception is.
  enum class Phase { middleware, load, handler, pack, commit, dispatch };
  // Where the message is: in our hands, acknowledged with the commit, or done by another receiver.
  enum class Custody { held, gone, done_by_another };
  struct Batch;
  struct Step {
    Work& work;
    Batch& batch;
    Incoming incoming;
    StepView view;
    Phase phase = Phase::middleware;
    std::exception_ptr error{};    // what ended it, so that middleware cannot hide it
    Settlements::Number number{};  // of the last try to commit; 0: it has no outbox entry
    OutboxEntry entry{};           // of the last try, where there is no outbox to put it in
    Custody custody = Custody::held;
    Cost cost{};                            // of all its calls to the store
    bool asked = false;                     // its handler, for refused(), when it ran last
    std::optional<WriteRefused> refusal{};  // of the last try to commit
    bool start_may_land = false;            // as may_land, of a start, once its instance expires
    bool may_land = false;                  // an earlier request for it, after that refusal
    GuessRate* guess = nullptr;  // the kind of guess that `view.loaded` is; null: it was read
    InstancePtr unfenced{};      // what it is to be let go on, once middleware has returned
    bool left_out = false;       // of the batch that it was to join
    Verdict verdict{};

    Settlements::StepKey key() const { return {incoming.key.saga_id, incoming.envelope->id}; }
  };
  // Messages of one instance that are committed in one write: one, unless steps are coalesced.
  struct Batch {
    enum class End { open, committed, again, gone, failed };

    std::span<Work> waiting;         // may join, in this order
    Step* lead = nullptr;            // reads, guesses, commits and pays for all
    std::vector<Step*> followers{};  // that have joined
    CommitRequest request{};         // of all of them
    bool with_writes = false;        // of the user's own, to other tables
    std::size_t inbox_bytes = 0;     // that their ids take
    End end = End::open;
    std::exception_ptr error{};                       // failed: why
    std::optional<std::chrono::milliseconds> wait{};  // before all of them come again
    InstancePtr current{};                            // again: what to plan on

    template <class Act>
    void each(Act act) const {
      act(*lead);
      for (Step* step : followers) act(*step);
    }
  };
  // What came of planning, and of running a handler that need not wait.
  struct Attempt {
    Plan plan;
    std::optional<CommitRequest> request{};
    std::shared_ptr<StepRecord> unpacked{};  // in place of a request: it has messages to be packed
    std::exception_ptr error{};
  };

  Work refuse_correlation(Work work, std::string problem) const;
  Step begin(Work& work, Batch& batch);
  boost::asio::awaitable<void> take(std::span<Work> works, Batch* joining);
  boost::asio::awaitable<void> plan(Step& step);
  boost::asio::awaitable<void> through_middleware(std::size_t index, Step& step);
  boost::asio::awaitable<void> innermost(Step& step);
  boost::asio::awaitable<void> run(Step& step);
  bool guess(Step& step, InstancePtr& current);
  std::vector<std::string> to_look_up(const InstancePtr& current) const;
  boost::asio::awaitable<InstancePtr> read(Step& step);
  void remember(const Step& step, const InstancePtr& there);
  Attempt attempt(Step& step, const InstancePtr& current) const;
  boost::asio::awaitable<bool> confirm_guess(Step& step, const Attempt& attempt,
                                             InstancePtr& current);
  boost::asio::awaitable<std::optional<CommitRequest>> run_waiting(Step& step, const Plan& plan,
                                                                   const InstancePtr& current);
  boost::asio::awaitable<void> end_unpacked(Step& step, Attempt& tried, const InstancePtr& current);
  boost::asio::awaitable<std::optional<CommitRequest>> pack_and_end(Step& step, StepRecord& record,
                                                                    const Plan& plan,
                                                                    const InstancePtr& current);
  bool needs_fence(const Step& step, const Plan& plan, const InstancePtr& current) const;
  boost::asio::awaitable<bool> fence(Step& step, InstancePtr& current);
  boost::asio::awaitable<void> end_without_effect(Step& step, const Plan& plan,
                                                  const InstancePtr& current);
  bool is_about_to_expire(const Step& step, const Plan& plan, const InstancePtr& current) const;
  Verdict back_after(TimePoint time) const;
  TimePoint store_time() const;
  void give_up(Step& step, const InstancePtr& current);

  // saga_commit.cpp
  static void open(Batch& batch, CommitRequest request);
  bool may_grow(const Batch& batch) const;
  boost::asio::awaitable<void> grow(Batch& batch);
  boost::asio::awaitable<void> follow(Step& step);
  boost::asio::awaitable<void> commit(Batch& batch);
  boost::asio::awaitable<CommitResult> write(Batch& batch);
  boost::asio::awaitable<CommitResult> write_jointly(Batch& batch);
  void break_up(Batch& batch) const;
  static void leave_out_followers(const Batch& batch, StepOutcome outcome);
  void take_in(Batch& batch, CommitResult result, const InstancePtr& next);
  boost::asio::awaitable<void> take_refusal(Batch& batch, CommitResult result,
                                            std::vector<StoreWritePtr> writes);
  Effects to_dispatch(const Batch& batch, const Instance& next) const;
  boost::asio::awaitable<void> settle_repeated(Step& step, InstancePtr current);
  std::shared_ptr<StepRecord> begin_record(Step& step, const InstancePtr& current) const;
  std::optional<CommitRequest> end_record(Step& step, StepRecord& record, const Plan& plan,
                                          const InstancePtr& current) const;
  void release_number(Step& step, const InstancePtr& current) const;
  void leave_in_doubt(Step& step, const std::exception_ptr& error) const;
  void forget_late_request(Step& step, const InstancePtr& current) const;
  void forget_doubt(const Step& step) const;
  void end_doubt(const Step& step, const OutboxEntry* entry) const;
  bool is_own(const OutboxEntry& entry) const;
  bool with_rows() const { return options_.store.backend()->timers() != nullptr; }
  void require_same_instance(const Step& step, const InstancePtr& current) const;
  boost::asio::awaitable<void> dispatch(Effects effects, Cost* cost);
  boost::asio::awaitable<void> put_back(Step& step, const Instance& current);
  boost::asio::awaitable<void> put_row(Step& step, TimerRow row);
  boost::asio::awaitable<void> put_aside(Step& step, TimerRow row);
  boost::asio::awaitable<void> pause_between_conflicts(unsigned conflicts);
  std::optional<TimerRow> conclude(Step& step, const Plan& plan) const;
  std::optional<TimerRow> try_later(Step& step) const;
  static bool may_be_committed_yet(const Step& step);
  Verdict judge(Step& step, const std::exception_ptr& error, bool cancelled);
  static bool is_in_doubt(const Step& step, const std::exception_ptr& error);
  Verdict after_the_end(const Step& step, const std::exception_ptr& error) const;
  Verdict wait_out(Batch& batch, bool uncertain);  // it is not the message's fault

  const SagaProcessorOptions options_;
  const SagaData& saga_;
  const std::shared_ptr<JointCommit> joint_;  // null: what a step sends goes through an outbox
  SagaIds saga_ids_;
  KnownInstances known_;
  GuessRate cache_rate_;
  GuessRate start_rate_;
  std::atomic<unsigned> outages_{0};  // in a row
  SagaLedger ledger_;
};

}  // namespace sagabus::detail
