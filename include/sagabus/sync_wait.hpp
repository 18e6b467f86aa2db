// Waits for an awaitable in a thread that runs no executor: for main functions, scripts and tests.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <utility>

namespace sagabus {

namespace detail {

void run_blocking(boost::asio::awaitable<void> operation);

template <class T>
boost::asio::awaitable<void> store_result(boost::asio::awaitable<T> operation,
                                          std::optional<T>& result) {
  result.emplace(co_await std::move(operation));
}

}  // namespace detail

// Runs the operation on this thread until it is done, and returns its result or throws what it
// threw. Must not be called from a thread that the operation needs in order to go on.
template <class T>
T sync_wait(boost::asio::awaitable<T> operation) {
  std::optional<T> result;
  detail::run_blocking(detail::store_result(std::move(operation), result));
  return std::move(*result);
}

inline void sync_wait(boost::asio::awaitable<void> operation) {
  detail::run_blocking(std::move(operation));
}

}  // namespace sagabus
