// A gate that many may wait at and that opens once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <mutex>
#include <vector>

namespace sagabus::detail {

// Wakes one waiter; a wake-up that nobody waits for is kept for the next. Safe from any thread.
using Signal = boost::asio::experimental::concurrent_channel<void(boost::system::error_code)>;

inline void notify(Signal& signal) {
  signal.try_send(boost::system::error_code{});
}

// Safe from any thread. Waiting may be cancelled.
class Gate {
 public:
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    for (const auto& waiter : waiters_) notify(*waiter);
    waiters_.clear();
  }

  boost::asio::awaitable<void> wait() {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto waiter = std::make_shared<Signal>(executor, 1);
    {
      const std::lock_guard lock(mutex_);
      if (open_) co_return;
      waiters_.push_back(waiter);
    }
    co_await waiter->async_receive(boost::asio::use_awaitable);
  }

 private:
  std::mutex mutex_;
  bool open_ = false;
  std::vector<std::shared_ptr<Signal>> waiters_;
};

}  // namespace sagabus::detail
