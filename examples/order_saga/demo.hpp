// The run of the demo: customers who order, a clock, and somebody who watches the interrupt key.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <sagabus/bus.hpp>
#include <string>

#include "ledger.hpp"

namespace orders {

struct DemoOptions {
  std::string run;  // begins every order's id, so that runs on one store do not meet
  std::size_t orders = 1000;
  std::size_t in_flight = 64;  // orders under way at once
  std::chrono::seconds timeout{120};
  bool progress_bar = false;
  // Done every few milliseconds by the thread of run(), which throws what it throws.
  std::function<void()> meanwhile{};
};

enum class DemoEnd { finished, timed_out, interrupted };

// Used once, by one thread. Takes SIGINT and SIGTERM from its construction until run() returns.
class Demo {
 public:
  Demo(DemoOptions options, sagabus::Bus& bus, Ledger& ledger);

  // Starts the bus and stops it again. What the services do must come to the ledger's knowledge:
  // they run on this bus, or `meanwhile` tells. Returns when all orders are settled, or the time is
  // up, or at SIGINT or SIGTERM. Throws what starting or publishing threw.
  DemoEnd run();

  // Without starting and stopping.
  std::chrono::duration<double> elapsed() const { return elapsed_; }

 private:
  using Wake = boost::asio::experimental::concurrent_channel<void(boost::system::error_code)>;

  boost::asio::awaitable<void> customer(Wake& settled);
  boost::asio::awaitable<void> order(std::size_t n);
  boost::asio::awaitable<void> show_progress();
  boost::asio::awaitable<void> see_to_the_rest();
  void customer_left(const std::exception_ptr& error);
  void fail(const std::exception_ptr& error);
  void end(DemoEnd how);

  const DemoOptions options_;
  sagabus::Bus& bus_;
  Ledger& ledger_;
  boost::asio::io_context loop_{1};  // its one thread is the caller of run()
  boost::asio::signal_set signals_{loop_, SIGINT, SIGTERM};
  boost::asio::steady_timer deadline_{loop_};
  boost::asio::steady_timer tick_{loop_};
  boost::asio::steady_timer round_{loop_};
  std::list<Wake> customers_;
  std::size_t next_order_ = 0;
  std::size_t customers_left_ = 0;
  bool ending_ = false;
  DemoEnd how_ = DemoEnd::finished;
  std::exception_ptr error_;
  std::chrono::duration<double> elapsed_{};
};

}  // namespace orders
