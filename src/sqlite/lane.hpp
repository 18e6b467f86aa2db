// A thread with a connection that runs jobs in batches: all that wait share one transaction, and so
// one write to the disk (group commit).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "sqlite/connection.hpp"
#include "waiting/suspend.hpp"

namespace sagabus::sqlite {

// Something to do on the connection, for one caller.
class Job : public sagabus::detail::Wakeup {
 public:
  // Runs inside the batch's transaction. May be called again, after the transaction was rolled
  // back. An exception other than SqlFault is for this caller alone: it must come before the first
  // change.
  virtual void run(Connection& connection) = 0;

  // The transaction is durable. Called once, before the caller goes on.
  virtual void committed() {}

  void fail(std::exception_ptr error) { error_ = std::move(error); }
  bool failed() const noexcept { return error_ != nullptr; }
  void clear_failure() { error_ = nullptr; }

 protected:
  std::exception_ptr error_;
};

// Calls a function of Connection&, which owns all it uses.
template <class F>
class FunctionJob final : public Job {
 public:
  using Result = std::invoke_result_t<F&, Connection&>;

  explicit FunctionJob(F function) : function_(std::move(function)) {}

  void run(Connection& connection) override {
    if constexpr (std::is_void_v<Result>) {
      function_(connection);
    } else {
      result_.emplace(function_(connection));
    }
  }

  void committed() override {
    if constexpr (requires { function_.committed(); }) function_.committed();
  }

  Result take() {
    if (error_) std::rethrow_exception(error_);
    if constexpr (!std::is_void_v<Result>) return std::move(*result_);
  }

 private:
  struct Nothing {};
  F function_;
  std::conditional_t<std::is_void_v<Result>, Nothing, std::optional<Result>> result_;
};

struct LaneCounters {
  std::uint64_t jobs = 0;
  std::uint64_t transactions = 0;  // that changed something: each is one write to the disk
};

class Lane {
 public:
  struct Options {
    std::string path;                                   // for error texts
    std::function<std::unique_ptr<Connection>()> open;  // called before the first batch, and again
                                                        // where it has failed
    std::function<void(Connection&)> close;             // may be empty
  };

  explicit Lane(Options options);
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;
  // Does what was submitted, then ends the thread.
  ~Lane();

  // Reads see all that was committed before, and do not wait for the disk.
  void submit_read(std::shared_ptr<Job> job);
  void submit_write(std::shared_ptr<Job> job);

  LaneCounters counters() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace sagabus::sqlite
