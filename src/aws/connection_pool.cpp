#include "aws/connection_pool.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace sagabus::aws {

namespace asio = boost::asio;

// Idle sockets must not outlive their io_context, but a client easily does: it is often declared
// first. Nor may somebody in line be woken whose context is going. So each context tells the pools
// when it goes. It ends its services in the reverse order of their making: one that is made after a
// socket is told while sockets still work, and one that is made after a channel likewise.
template <void (ConnectionPool::*on_end)(asio::execution_context&)>
class ConnectionPool::ContextWatch : public asio::execution_context::service {
 public:
  using key_type = ContextWatch;
  static inline asio::execution_context::id id;

  explicit ContextWatch(asio::execution_context& owner) : service(owner) {}

  void add(std::weak_ptr<ConnectionPool> pool) {
    const std::lock_guard lock(mutex_);
    std::erase_if(pools_, [](const auto& other) { return other.expired(); });
    pools_.push_back(std::move(pool));
  }

 private:
  void shutdown() override {
    std::vector<std::weak_ptr<ConnectionPool>> pools;
    {
      const std::lock_guard lock(mutex_);
      pools.swap(pools_);
    }
    for (const auto& weak : pools) {
      if (const auto pool = weak.lock()) (*pool.*on_end)(context());
    }
  }

  std::mutex mutex_;
  std::vector<std::weak_ptr<ConnectionPool>> pools_;
};

// Somebody in line. The channel may be written to from any thread.
struct ConnectionPool::Waiter {
  explicit Waiter(const asio::any_io_executor& executor)
      : wake(executor, 2), context(asio::query(executor, asio::execution::context)) {}

  asio::experimental::concurrent_channel<void(boost::system::error_code)> wake;
  asio::execution_context& context;
  bool granted = false;  // guarded by the pool's mutex, as is the next
  std::shared_ptr<Connection> connection;
};

// Leaves the line, or passes on what was granted, however the waiting ends.
class ConnectionPool::Place {
 public:
  Place(ConnectionPool& pool, std::shared_ptr<Waiter> waiter)
      : pool_(pool), waiter_(std::move(waiter)) {}
  ~Place() { pool_.leave_line(waiter_); }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  ConnectionPool& pool_;
  const std::shared_ptr<Waiter> waiter_;
};

ConnectionPool::Lease::~Lease() {
  if (pool_) pool_->give_back(std::move(connection_));
}

void ConnectionPool::Lease::adopt(std::shared_ptr<Connection> connection) {
  pool_->watch(connection->context());
  connection_ = std::move(connection);
}

ConnectionPool::ConnectionPool(int max_connections, std::chrono::nanoseconds idle_timeout,
                               std::shared_ptr<Clock> clock)
    : max_connections_(max_connections), idle_timeout_(idle_timeout), clock_(std::move(clock)) {}

std::optional<ConnectionPool::Lease> ConnectionPool::try_acquire(asio::execution_context& context) {
  Idle stale;  // destroyed after the mutex is free
  const std::lock_guard lock(mutex_);
  return take_at_once(context, stale);
}

asio::awaitable<ConnectionPool::Lease> ConnectionPool::acquire(
    std::optional<std::chrono::nanoseconds> patience) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::execution_context& context = asio::query(executor, asio::execution::context);
  std::shared_ptr<Waiter> waiter;
  {
    Idle stale;  // destroyed after the mutex is free
    const std::lock_guard lock(mutex_);
    if (auto lease = take_at_once(context, stale)) co_return std::move(*lease);
    waiter = std::make_shared<Waiter>(executor);
    watch_line(context);
    line_.push_back(waiter);
  }
  const Place place(*this, waiter);
  asio::steady_timer timer(executor);
  if (patience) {
    auto on_time = [waiter](const boost::system::error_code& error) {
      if (!error) waiter->wake.try_send(boost::system::error_code());
    };
    timer.expires_after(*patience);
    timer.async_wait(std::move(on_time));
  }
  const auto [error] = co_await waiter->wake.async_receive(asio::as_tuple(asio::use_awaitable));
  if (error) throw boost::system::system_error(asio::error::operation_aborted);  // cancelled
  const std::lock_guard lock(mutex_);
  if (!waiter->granted) {
    throw HttpError(HttpError::Kind::queue, false, "no connection became free in time");
  }
  waiter->granted = false;  // taken
  co_return Lease(shared_from_this(), std::move(waiter->connection));
}

std::optional<ConnectionPool::Lease> ConnectionPool::take_at_once(asio::execution_context& context,
                                                                  Idle& stale) {
  if (in_use_ >= max_connections_) return std::nullopt;
  auto connection = pop_idle(context, stale);
  // Idle connections of another io_context count too.
  while (!connection && !idle_.empty() &&
         in_use_ + static_cast<int>(idle_.size()) >= max_connections_) {
    put_away(std::move(idle_.front()), context, stale);
    idle_.erase(idle_.begin());
  }
  ++in_use_;
  return std::optional<Lease>(std::in_place, shared_from_this(), std::move(connection));
}

std::shared_ptr<Connection> ConnectionPool::pop_idle(asio::execution_context& context,
                                                     Idle& stale) {
  if (idle_.empty()) return nullptr;
  const auto oldest = clock_->monotonic() - idle_timeout_;
  const auto fresh = std::find_if(idle_.begin(), idle_.end(), [&](const auto& connection) {
    return connection->idle_since > oldest;
  });
  for (auto at = idle_.begin(); at != fresh; ++at) put_away(std::move(*at), context, stale);
  idle_.erase(idle_.begin(), fresh);
  for (auto at = idle_.end(); at != idle_.begin();) {
    --at;
    if (&(*at)->context() != &context) continue;
    std::shared_ptr<Connection> connection = std::move(*at);
    at = idle_.erase(at);
    if (connection->looks_alive()) return connection;
    stale.push_back(std::move(connection));
  }
  return nullptr;
}

// Outside of the mutex only what belongs to the caller's own context may be closed: another one may
// be gone by then. As long as the mutex is held it cannot go, since it waits in forget().
void ConnectionPool::put_away(std::shared_ptr<Connection> connection,
                              const asio::execution_context& context, Idle& stale) {
  if (&connection->context() == &context) stale.push_back(std::move(connection));
}

// Called by the context of the connection, perhaps while it is being destroyed.
void ConnectionPool::give_back(std::shared_ptr<Connection> connection) {
  if (connection && !connection->reusable()) connection.reset();
  const auto now = clock_->monotonic();
  std::shared_ptr<Connection> stale;  // destroyed after the mutex is free
  const std::lock_guard lock(mutex_);
  if (connection && !is_watched(connection->context())) stale.swap(connection);
  if (!line_.empty()) {
    const std::shared_ptr<Waiter> next = std::move(line_.front());
    line_.pop_front();
    if (connection && &connection->context() != &next->context) stale.swap(connection);
    next->granted = true;
    next->connection = std::move(connection);
    next->wake.try_send(boost::system::error_code());
    return;
  }
  --in_use_;
  if (!connection) return;
  connection->idle_since = now;
  idle_.push_back(std::move(connection));
}

void ConnectionPool::leave_line(const std::shared_ptr<Waiter>& waiter) {
  std::shared_ptr<Connection> connection;
  {
    const std::lock_guard lock(mutex_);
    if (!waiter->granted) {
      std::erase(line_, waiter);
      return;
    }
    waiter->granted = false;
    connection = std::move(waiter->connection);
  }
  give_back(std::move(connection));
}

void ConnectionPool::watch(asio::execution_context& context) {
  {
    const std::lock_guard lock(mutex_);
    ++opened_;
    if (is_watched(context)) return;
    watched_.push_back(&context);
  }
  asio::use_service<ContextWatch<&ConnectionPool::forget>>(context).add(weak_from_this());
}

// With the mutex held.
void ConnectionPool::watch_line(asio::execution_context& context) {
  const auto seen = std::find(with_line_.begin(), with_line_.end(), &context);
  if (seen != with_line_.end()) return;
  with_line_.push_back(&context);
  asio::use_service<ContextWatch<&ConnectionPool::forget_line>>(context).add(weak_from_this());
}

// Who waits there waits no more; its coroutine is destroyed later.
void ConnectionPool::forget_line(asio::execution_context& context) {
  const std::lock_guard lock(mutex_);
  std::erase(with_line_, &context);
  std::erase_if(line_, [&](const auto& waiter) { return &waiter->context == &context; });
}

bool ConnectionPool::is_watched(const asio::execution_context& context) const {
  return std::find(watched_.begin(), watched_.end(), &context) != watched_.end();
}

void ConnectionPool::forget(asio::execution_context& context) {
  Idle gone;
  const std::lock_guard lock(mutex_);
  std::erase(watched_, &context);
  const auto kept = std::stable_partition(idle_.begin(), idle_.end(), [&](const auto& connection) {
    return &connection->context() != &context;
  });
  std::move(kept, idle_.end(), std::back_inserter(gone));
  idle_.erase(kept, idle_.end());
}

HttpClientStats ConnectionPool::stats() const {
  const std::lock_guard lock(mutex_);
  HttpClientStats stats;
  stats.connections_opened = opened_;
  stats.tls_sessions_resumed = resumed_;
  stats.in_use = in_use_;
  stats.idle = static_cast<int>(idle_.size());
  stats.waiting = static_cast<int>(line_.size());
  return stats;
}

void ConnectionPool::count_resumed_session() {
  const std::lock_guard lock(mutex_);
  ++resumed_;
}

}  // namespace sagabus::aws
