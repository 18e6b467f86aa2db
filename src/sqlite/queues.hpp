// The queues of one open file, as a transport.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/sqlite/transport.hpp"
#include "sqlite/database.hpp"
#include "sqlite/queue.hpp"

namespace sagabus::sqlite {

// A moment as the rows hold it.
inline std::int64_t count(TimePoint time) {
  return time.time_since_epoch().count();
}

struct Receipt {
  std::string endpoint;
  std::int64_t seq;
  std::int64_t receipt;
};

// Empty where a delivery has none.
std::optional<Receipt> receipt_of(const std::shared_ptr<void>& receipt);

// Without a receipt.
Delivery to_delivery(ClaimedRow&& row);

struct SendJob {
  std::vector<OutgoingRow> rows;
  std::int64_t now;
  std::int64_t remember_until;
  Watch* watch;
  std::vector<std::string> reached;

  void operator()(Connection& connection) {
    enqueue(connection, rows, now, remember_until, reached);
  }
  void committed() const {
    for (const std::string& endpoint : reached) watch->changed(endpoint);
  }
};

class Queues final : public TransportBackend {
 public:
  Queues(std::shared_ptr<Database> database, const TransportOptions& options);

  std::string describe() const override;
  std::chrono::milliseconds max_delay() const override;
  boost::asio::awaitable<void> subscribe(Subscription subscription) override;
  boost::asio::awaitable<void> send(std::vector<SendRequest> requests) override;
  boost::asio::awaitable<std::vector<Delivery>> receive(std::string endpoint,
                                                        std::size_t most) override;
  boost::asio::awaitable<void> acknowledge(Delivery delivery) override;
  boost::asio::awaitable<void> acknowledge_all(std::vector<Delivery> deliveries) override;
  boost::asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override;

  // What send() is to do. Throws ValidationError for what cannot be sent.
  SendJob prepare(std::vector<SendRequest> requests) const;

  const std::shared_ptr<Database>& database() const noexcept { return database_; }

 private:
  Clock& clock() const { return *database_->ambient().clock; }
  OutgoingRow to_row(SendRequest&& request, TimePoint now) const;

  const std::shared_ptr<Database> database_;
  const std::chrono::milliseconds visibility_timeout_;
  const std::chrono::milliseconds deduplication_window_;
};

}  // namespace sagabus::sqlite
