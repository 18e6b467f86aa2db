#include "sagabus/sqlite/transport.hpp"

#include "sqlite/factory.hpp"
#include "sqlite/queues.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

std::shared_ptr<Database> database_of(const Transport& transport) {
  return static_cast<const Queues&>(*transport.backend()).database();
}

std::vector<Delivery> without_receipts(std::vector<ClaimedRow>&& rows) {
  std::vector<Delivery> out;
  out.reserve(rows.size());
  for (ClaimedRow& row : rows) out.push_back(to_delivery(std::move(row)));
  return out;
}

std::shared_ptr<Database> make_database(const TransportOptions& options) {
  check_transport("Transport", options);
  return std::make_shared<Database>(
      Database::Options{options.path, options.busy_timeout, options.poll_interval, options.ambient},
      "Transport");
}

}  // namespace

std::size_t waiting_receivers(const Transport& transport) {
  return database_of(transport)->watch().waiting();
}

void check_transport(std::string_view what, const TransportOptions& options) {
  check_range(what, "visibility_timeout", options.visibility_timeout, milliseconds(1),
              std::chrono::hours(12));
  check_range(what, "deduplication_window", options.deduplication_window, milliseconds(0),
              std::chrono::hours(24 * 30));
}

Transport::Transport(TransportOptions options) : Transport(make_database(options), options) {}

Transport::Transport(std::shared_ptr<Database> database, const TransportOptions& options)
    : sagabus::Transport(std::make_shared<Queues>(std::move(database), options)) {}

asio::awaitable<QueueDepth> Transport::depth(std::string endpoint) const {
  const auto database = database_of(*this);
  auto job = [endpoint, now = count(database->ambient().clock->now())](Connection& connection) {
    return measure(connection, endpoint, now);
  };
  const Depth depth = co_await database->search(std::move(job));
  QueueDepth out;
  out.ready = depth.ready;
  out.delayed = depth.delayed;
  out.claimed = depth.claimed;
  co_return out;
}

asio::awaitable<std::vector<std::string>> Transport::takers(std::string type) const {
  const auto database = database_of(*this);
  auto job = [type](Connection& connection) {
    std::vector<std::string> out;
    find_subscribers(connection, type, out);
    return out;
  };
  co_return co_await database->search(std::move(job));
}

asio::awaitable<std::uint64_t> Transport::pending(std::string endpoint) const {
  const QueueDepth it = co_await depth(std::move(endpoint));
  co_return it.ready + it.delayed + it.claimed;
}

asio::awaitable<std::vector<Delivery>> Transport::list(std::string endpoint,
                                                       std::size_t most) const {
  const auto database = database_of(*this);
  auto job = [endpoint, most](Connection& connection) {
    return list_messages(connection, endpoint, static_cast<std::int64_t>(most));
  };
  auto rows = co_await database->search(std::move(job));
  co_return without_receipts(std::move(rows));
}

asio::awaitable<std::vector<Delivery>> Transport::drain(std::string endpoint,
                                                        std::size_t most) const {
  const auto database = database_of(*this);
  auto job = [endpoint, most,
              now = count(database->ambient().clock->now())](Connection& connection) {
    return take_messages(connection, endpoint, now, static_cast<std::int64_t>(most));
  };
  auto rows = co_await database->write(std::move(job));
  co_return without_receipts(std::move(rows));
}

}  // namespace sagabus::sqlite
