// The thread on which a transport does its work, whoever asks for it: its requests outlive the
// coroutines that wait for them, and nothing of its state needs a lock.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <thread>
#include <utility>

namespace sagabus::sqs {

class Engine {
 public:
  using Executor = boost::asio::io_context::executor_type;

  Engine() : work_(context_.get_executor()), thread_([this] { context_.run(); }) {}
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() { stop(); }

  Executor executor() noexcept { return context_.get_executor(); }

  // From any thread.
  template <class Function>
  void post(Function function) {
    boost::asio::post(context_, std::move(function));
  }

  // What has not been done is left undone. Not from the engine's own thread. May be repeated.
  void stop() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<Executor> work_;
  std::thread thread_;
};

}  // namespace sagabus::sqs
