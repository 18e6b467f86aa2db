// Many coroutines at once, on several threads.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sagabus::testing {

// Runs operation(0) to operation(count - 1) side by side on `threads` threads until all are done,
// and throws what the first of them threw.
inline void run_concurrently(int threads, int count,
                             const std::function<boost::asio::awaitable<void>(int)>& operation) {
  boost::asio::io_context context(threads);
  std::mutex mutex;
  std::exception_ptr failure;
  for (int i = 0; i < count; ++i) {
    boost::asio::co_spawn(context, operation(i), [&](std::exception_ptr error) {
      const std::lock_guard lock(mutex);
      if (error && !failure) failure = std::move(error);
    });
  }
  std::vector<std::thread> pool;
  for (int i = 0; i < threads; ++i) pool.emplace_back([&context] { context.run(); });
  for (std::thread& thread : pool) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace sagabus::testing
