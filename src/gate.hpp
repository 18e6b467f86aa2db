// A gate that many may wait at and that opens once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
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
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    for (Signal* waiter : waiters_) notify(*waiter);
    waiters_.clear();
  }

  boost::asio::awaitable<void> wait() {
    const auto executor = co_await boost::asio::this_coro::executor;
    Waiter waiter(*this, executor);
    {
      const std::lock_guard lock(mutex_);
      if (open_) co_return;
      waiters_.insert(&waiter.signal);
    }
    boost::system::error_code error;
    co_await waiter.signal.async_receive(
        boost::asio::redirect_error(boost::asio::use_awaitable, error));
    // A channel has an error of its own for being cancelled, which nobody above knows.
    if (error) throw boost::system::system_error(boost::asio::error::operation_aborted);
  }

 private:
  // Lives in its coroutine, and is forgotten with it: also where that was cancelled, or destroyed
  // with its io_context.
  struct Waiter {
    Waiter(Gate& g, const boost::asio::any_io_executor& executor) : gate(g), signal(executor, 1) {}
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
      const std::lock_guard lock(gate.mutex_);
      gate.waiters_.erase(&signal);
    }
    Gate& gate;
    Signal signal;
  };

  std::mutex mutex_;
  bool open_ = false;
  std::set<Signal*> waiters_;
};

}  // namespace sagabus::detail
