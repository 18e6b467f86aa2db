// Stands between a client and a server of HTTP, and does to each request what a plan says.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <string>
#include <thread>

#include "chaos/mishap.hpp"
#include "chaos/wire.hpp"

namespace sagabus::chaos {

// Listens on a free loopback port and runs in a thread of its own, until it is destroyed.
class ChaosProxy {
 public:
  explicit ChaosProxy(const std::string& server);  // a URL with an address
  ~ChaosProxy();
  ChaosProxy(const ChaosProxy&) = delete;
  ChaosProxy& operator=(const ChaosProxy&) = delete;

  std::string endpoint() const;  // a URL
  Plan& plan() noexcept { return plan_; }
  // How often it was done to a request; `none`: requests that passed unharmed.
  unsigned count(Mishap mishap) const { return counts_.at(static_cast<std::size_t>(mishap)); }

  // For tests of a single mishap: until told otherwise, nobody listens.
  void close_door();
  void open_door();

 private:
  using tcp = boost::asio::ip::tcp;

  void listen();
  boost::asio::awaitable<void> accept();
  void shut(boost::asio::steady_timer::time_point until);
  boost::asio::awaitable<void> serve(tcp::socket socket);
  boost::asio::awaitable<bool> exchange(Wire& client, Wire& server);
  boost::asio::awaitable<bool> lose(Draw draw, Wire& client, Wire& server);
  boost::asio::awaitable<bool> forward(Draw draw, Wire& client, Wire& server);
  boost::asio::awaitable<bool> deliver(Draw draw, Message answer, Wire& client);
  boost::asio::awaitable<void> linger(double part);
  void count_one(Mishap mishap) { ++counts_.at(static_cast<std::size_t>(mishap)); }

  boost::asio::io_context context_{1};
  const tcp::endpoint server_;
  Plan plan_;
  std::array<std::atomic<unsigned>, kMishaps> counts_{};
  // Never listens: keeps others from taking the port, as their own one too, while it is closed.
  tcp::socket keeper_;
  const tcp::endpoint address_;
  tcp::acceptor acceptor_;
  boost::asio::steady_timer closed_;  // until the door opens again
  int to_reset_ = 0;                  // of the next connections
  std::thread thread_;
};

}  // namespace sagabus::chaos
