// Message queues in an SQLite file: for programs whose services share one machine.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::sqlite {

class Database;

struct TransportOptions {
  std::string path{};  // of the file, made with mode 0600 where there is none; its directory must
                       // exist and be writable, as SQLite keeps more files beside it

  // How long a received message is hidden from others. A bus holds up to twice its `concurrency`
  // messages, those of one instance one after the other: this must exceed the time it takes to
  // handle all of them, else some are delivered again while they wait or run. The messages of a
  // process that has died come back at once, whatever this is. 1 ms to 12 h.
  std::chrono::milliseconds visibility_timeout{std::chrono::seconds(30)};

  // Two sends with one deduplication key within this time deliver once. 0 ms to 30 days; 0 turns
  // it off.
  std::chrono::milliseconds deduplication_window{std::chrono::minutes(5)};

  // How often a program that receives looks for what other programs have sent; what it sends itself
  // is received at once. 1 ms to 1 min.
  std::chrono::milliseconds poll_interval{50};

  std::chrono::milliseconds busy_timeout{5000};  // how long another program may hold the file
                                                 // before operations report TransientError
  Ambient ambient{};                             // clock, randomness, log
};

struct QueueDepth {
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;  // to be delivered later
  std::uint64_t claimed = 0;  // held by receivers
};

// Durable when send() returns, as the store is (sqlite/store.hpp), and with the same errors.
// Messages of one endpoint are received in the order in which they were sent, except those that
// were delayed or given back. `max_delay` is ten years.
class Transport : public sagabus::Transport {
 public:
  explicit Transport(TransportOptions options);

  // For tools and tests.
  boost::asio::awaitable<QueueDepth> depth(std::string endpoint) const;

  // Who has subscribed to messages of the type, in alphabetical order. What is published now
  // reaches them; where there is nobody, it reaches nobody.
  boost::asio::awaitable<std::vector<std::string>> takers(std::string type) const;

  // All that is in the queue, ready or not.
  boost::asio::awaitable<std::uint64_t> pending(std::string endpoint) const;

  // Up to `most` messages, oldest first, without claiming them. They have no receipt: acknowledging
  // one does nothing.
  boost::asio::awaitable<std::vector<Delivery>> list(std::string endpoint,
                                                     std::size_t most = 1000) const;

  // Removes and returns up to `most` messages, oldest first, that no receiver holds: ready and
  // delayed ones.
  boost::asio::awaitable<std::vector<Delivery>> drain(std::string endpoint,
                                                      std::size_t most = 1000) const;

 private:
  friend class EmbeddedFactory;
  Transport(std::shared_ptr<Database> database, const TransportOptions& options);
};

}  // namespace sagabus::sqlite
