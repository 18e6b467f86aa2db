// A gate that many may wait at and that opens once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>

namespace sagabus::detail {

// Wakes one waiter; a wake-up that nobody waits for is kept for the next. Safe from any thread.
using Signal = boost::asio::experimental::concurrent_channel<void(boost::system::error_code)>;

inline void notify(Signal& signal) {
  signal.try_send(boost::system::error_code{});
}

// Safe from any thread. Waiting may be cancelled. Outlives those that wait.
class Gate {
  struct Waiter;
  class Watch;

 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    for (const auto& [number, waiter] : waiters_) notify(*waiter);
    waiters_.clear();
  }

  boost::asio::awaitable<void> wait();

 private:
  void forget(std::uint64_t number) {
    const std::lock_guard lock(mutex_);
    waiters_.erase(number);
  }

  std::mutex mutex_;
  bool open_ = false;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Signal*> waiters_;  // in the order in which they came
};

// Takes those who wait in an io_context out of their gates when it goes. Its channels end one after
// another, and what ends with one may open a gate while another is half gone. A context ends its
// services in the reverse order of their making, and this one is made after the channels'.
class Gate::Watch : public boost::asio::execution_context::service {
 public:
  using key_type = Watch;
  static inline boost::asio::execution_context::id id;

  explicit Watch(boost::asio::execution_context& owner) : service(owner) {}

  void add(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    waiters_.insert(&waiter);
  }
  void remove(Waiter& waiter) {
    const std::lock_guard lock(mutex_);
    waiters_.erase(&waiter);
  }

 private:
  void shutdown() override;

  std::mutex mutex_;
  std::set<Waiter*> waiters_;
};

// Lives in its coroutine, and is forgotten with it: also where that was cancelled, or destroyed
// with its io_context.
struct Gate::Waiter {
  Waiter(Gate& g, const boost::asio::any_io_executor& executor)
      : gate(g),
        signal(executor, 1),
        watch(boost::asio::use_service<Watch>(
            boost::asio::query(executor, boost::asio::execution::context))) {
    watch.add(*this);
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() {
    gate.forget(number);
    watch.remove(*this);
  }
  Gate& gate;
  std::uint64_t number = 0;
  Signal signal;
  Watch& watch;
};

inline void Gate::Watch::shutdown() {
  const std::lock_guard lock(mutex_);
  for (Waiter* const waiter : waiters_) waiter->gate.forget(waiter->number);
  waiters_.clear();
}

inline boost::asio::awaitable<void> Gate::wait() {
  const auto executor = co_await boost::asio::this_coro::executor;
  Waiter waiter(*this, executor);
  {
    const std::lock_guard lock(mutex_);
    if (open_) co_return;
    waiter.number = ++last_number_;
    waiters_.emplace(waiter.number, &waiter.signal);
  }
  boost::system::error_code error;
  co_await waiter.signal.async_receive(
      boost::asio::redirect_error(boost::asio::use_awaitable, error));
  // A channel has an error of its own for being cancelled, which nobody above knows.
  if (error) throw boost::system::system_error(boost::asio::error::operation_aborted);
}

}  // namespace sagabus::detail
