// Runs a coroutine to its end on an io_context of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace sagabus::aws {

template <class T>
T run(boost::asio::io_context& context, boost::asio::awaitable<T> work) {
  auto result = boost::asio::co_spawn(context, std::move(work), boost::asio::use_future);
  context.restart();
  context.run();
  return result.get();
}

template <class T>
T run(boost::asio::awaitable<T> work) {
  boost::asio::io_context context;
  return run(context, std::move(work));
}

}  // namespace sagabus::aws
