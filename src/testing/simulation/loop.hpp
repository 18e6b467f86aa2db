// What one process of a simulation has to run: handlers, one after the other, each when it is told
// to. An io_context that runs one at a time would do, but locks for each, and gives the memory back
// after each that Asio keeps for the next.
#pragma once

#include <boost/asio/execution/blocking.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <deque>
#include <memory>
#include <utility>

namespace sagabus::testing::simulation {

class Loop final : public boost::asio::execution_context {
 public:
  class Executor;

  Loop() = default;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() {
    shutdown();
    while (!tasks_.empty()) {  // the end of one may add another
      const std::unique_ptr<Task> last = std::move(tasks_.front());
      tasks_.pop_front();
    }
    destroy();
  }

  Executor get_executor() noexcept;

  // False where there is none.
  bool run_one() {
    if (tasks_.empty()) return false;
    const std::unique_ptr<Task> task = std::move(tasks_.front());
    tasks_.pop_front();
    const Running running(*this);
    task->run();
    return true;
  }

 private:
  struct Task {
    Task() = default;
    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;
    virtual void run() = 0;
  };

  struct Running {
    explicit Running(Loop& l) : loop(l), before(std::exchange(l.is_running_, true)) {}
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;
    ~Running() { loop.is_running_ = before; }
    Loop& loop;
    const bool before;
  };

  template <class Function>
  void add(Function function) {
    struct Typed final : Task {
      explicit Typed(Function&& f) : function(std::move(f)) {}
      void run() override { function(); }
      Function function;
    };
    tasks_.push_back(std::make_unique<Typed>(std::move(function)));
  }

  std::deque<std::unique_ptr<Task>> tasks_;
  bool is_running_ = false;
};

// As that of an io_context: what is dispatched from a handler runs within it.
class Loop::Executor {
 public:
  explicit Executor(Loop& loop, bool waits = false) noexcept : loop_(&loop), waits_(waits) {}

  friend bool operator==(const Executor& a, const Executor& b) noexcept = default;

  boost::asio::execution_context& query(boost::asio::execution::context_t /*what*/) const noexcept {
    return *loop_;
  }
  boost::asio::execution::blocking_t query(
      boost::asio::execution::blocking_t /*what*/) const noexcept {
    if (waits_) return boost::asio::execution::blocking.never;
    return boost::asio::execution::blocking.possibly;
  }
  Executor require(boost::asio::execution::blocking_t::never_t /*how*/) const noexcept {
    return Executor(*loop_, true);
  }
  Executor require(boost::asio::execution::blocking_t::possibly_t /*how*/) const noexcept {
    return Executor(*loop_, false);
  }

  template <class Function>
  void execute(Function function) const {
    if (waits_ || !loop_->is_running_) return loop_->add(std::move(function));
    function();
  }

 private:
  Loop* loop_;
  bool waits_;
};

inline Loop::Executor Loop::get_executor() noexcept {
  return Executor(*this);
}

}  // namespace sagabus::testing::simulation
