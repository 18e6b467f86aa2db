// The connections of one client: how many there may be, which is used next, and who waits.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/execution_context.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "aws/connection.hpp"
#include "sagabus/clock.hpp"

namespace sagabus::aws {

// Safe to use from any thread. Kept alive by its leases, so it may be let go of while connections
// are in use.
class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
 public:
  // The right to one connection. Gives it back when destroyed.
  class Lease {
   public:
    Lease(std::shared_ptr<ConnectionPool> pool, std::shared_ptr<Connection> connection)
        : connection_(std::move(connection)), pool_(std::move(pool)) {}
    Lease(Lease&& other) noexcept
        : connection_(std::move(other.connection_)), pool_(std::move(other.pool_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    bool has_connection() const { return connection_ != nullptr; }
    Connection& connection() { return *connection_; }
    void adopt(std::shared_ptr<Connection> connection);  // a new one

   private:
    std::shared_ptr<Connection> connection_;  // null: the holder is to make one
    std::shared_ptr<ConnectionPool> pool_;
  };

  ConnectionPool(int max_connections, std::chrono::nanoseconds idle_timeout,
                 std::shared_ptr<Clock> clock);

  // Hands out the connection that was used last, or the right to make one; nothing where neither
  // is to be had at once. For a coroutine that runs in `context`.
  std::optional<Lease> try_acquire(boost::asio::execution_context& context);

  // As try_acquire, but waits in line. Throws HttpError(queue) after `patience`; nothing: waits as
  // long as it takes.
  boost::asio::awaitable<Lease> acquire(std::optional<std::chrono::nanoseconds> patience);

  HttpClientStats stats() const;
  void count_resumed_session();

 private:
  template <void (ConnectionPool::*on_end)(boost::asio::execution_context&)>
  class ContextWatch;
  struct Waiter;
  class Place;

  using Idle = std::vector<std::shared_ptr<Connection>>;  // the last used at the back

  std::optional<Lease> take_at_once(boost::asio::execution_context& context, Idle& stale);
  std::shared_ptr<Connection> pop_idle(boost::asio::execution_context& context, Idle& stale);
  static void put_away(std::shared_ptr<Connection> connection,
                       const boost::asio::execution_context& context, Idle& stale);
  void give_back(std::shared_ptr<Connection> connection);
  void leave_line(const std::shared_ptr<Waiter>& waiter);
  void watch(boost::asio::execution_context& context);
  bool is_watched(const boost::asio::execution_context& context) const;
  void forget(boost::asio::execution_context& context);
  void watch_line(boost::asio::execution_context& context);
  void forget_line(boost::asio::execution_context& context);

  const int max_connections_;
  const std::chrono::nanoseconds idle_timeout_;
  const std::shared_ptr<Clock> clock_;

  mutable std::mutex mutex_;  // guards what follows
  int in_use_ = 0;            // leases, with or without a connection
  Idle idle_;
  std::deque<std::shared_ptr<Waiter>> line_;
  // Contexts that are not being destroyed: those of connections, and of those in line.
  std::vector<boost::asio::execution_context*> watched_;
  std::vector<boost::asio::execution_context*> with_line_;
  std::uint64_t opened_ = 0;
  std::uint64_t resumed_ = 0;
};

}  // namespace sagabus::aws
