#include "demo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <sagabus/sync_wait.hpp>

#include "progress_bar.hpp"
#include "workload.hpp"

namespace orders {

namespace asio = boost::asio;

Demo::Demo(DemoOptions options, sagabus::Bus& bus, Ledger& ledger)
    : options_(std::move(options)), bus_(bus), ledger_(ledger) {}

DemoEnd Demo::run() {
  sagabus::sync_wait(bus_.start());
  const auto start = std::chrono::steady_clock::now();
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (!error) end(DemoEnd::interrupted);
  });
  deadline_.expires_after(options_.timeout);
  deadline_.async_wait([this](boost::system::error_code error) {
    if (!error) end(DemoEnd::timed_out);
  });
  const std::size_t customers = std::min(options_.in_flight, options_.orders);
  for (std::size_t i = 0; i < customers; ++i) {
    Wake& settled = customers_.emplace_back(loop_, 1);
    asio::co_spawn(loop_, customer(settled),
                   [this](const std::exception_ptr& error) { customer_left(error); });
  }
  if (options_.progress_bar) asio::co_spawn(loop_, show_progress(), asio::detached);
  if (options_.meanwhile) {
    asio::co_spawn(loop_, see_to_the_rest(), [this](const std::exception_ptr& e) { fail(e); });
  }
  loop_.run();
  elapsed_ = std::chrono::steady_clock::now() - start;
  sagabus::sync_wait(bus_.stop());  // from here on nobody wakes our customers
  if (error_) std::rethrow_exception(error_);
  return how_;
}

// Each customer orders again once the last order is settled, so that as many orders are under way
// as there are customers.
asio::awaitable<void> Demo::customer(Wake& settled) {
  while (!ending_ && next_order_ < options_.orders) {
    const std::size_t n = next_order_++;
    // Called by the bus's threads; the channel brings it over to ours.
    ledger_.submitted(order_id(options_.run, n),
                      [&settled] { settled.try_send(boost::system::error_code()); });
    co_await order(n);
    const auto [stopped] = co_await settled.async_receive(asio::as_tuple(asio::use_awaitable));
    if (stopped) co_return;
  }
}

asio::awaitable<void> Demo::order(std::size_t n) {
  const OrderSubmitted order = make_order(options_.run, n);
  co_await bus_.publish(order);
  if (const auto delay = changes_mind_after(n)) {
    const CancelOrder cancel{order.orderId, "the customer changed their mind"};
    co_await bus_.schedule(cancel, *delay);
  }
}

void Demo::customer_left(const std::exception_ptr& error) {
  fail(error);
  if (++customers_left_ == customers_.size()) end(DemoEnd::finished);
}

void Demo::fail(const std::exception_ptr& error) {
  if (!error) return;
  if (!error_) error_ = error;
  end(DemoEnd::finished);
}

// Lets everybody go home, so that the loop has nothing left to do.
void Demo::end(DemoEnd how) {
  if (ending_) return;
  ending_ = true;
  how_ = how;
  for (Wake& customer : customers_) customer.close();
  signals_.clear();  // a second Ctrl-C does not wait for anything
  signals_.cancel();
  deadline_.cancel();
  tick_.cancel();
  round_.cancel();
}

asio::awaitable<void> Demo::see_to_the_rest() {
  while (!ending_) {
    options_.meanwhile();
    if (ending_) break;
    round_.expires_after(std::chrono::milliseconds(5));
    co_await round_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

asio::awaitable<void> Demo::show_progress() {
  while (!ending_) {
    fmt::print("\r  {}", sagabus::tools::progress_bar(ledger_.settled(), options_.orders));
    std::fflush(stdout);
    tick_.expires_after(std::chrono::milliseconds(50));
    co_await tick_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  fmt::print("\r\033[K");  // the summary takes its place
}

}  // namespace orders
