// Receives the messages of one queue for those who wait for them. Requests that wait at the service
// belong to no caller: one that is cancelled leaves its request open for the next, and what comes
// when nobody waits any more is given back at once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sqs/requests.hpp"
#include "sqs/surroundings.hpp"
#include "waiting/suspend.hpp"

namespace sagabus::sqs {

class Endpoint;

struct Received {
  ReceivedMessage message;
  std::shared_ptr<Lease> lease;
  Recollection::Memory memory;
};

// A caller that waits. Resumed with messages, with an error, or with neither where it has given up.
struct Receiving : sagabus::detail::Wakeup {
  std::size_t most = 1;
  std::vector<Received> received;
  std::exception_ptr error;
};

// Only the engine's thread uses it. Owned by its endpoint.
class Receiver {
 public:
  Receiver(Surroundings& surroundings, Endpoint& owner)
      : surroundings_(surroundings), owner_(owner) {}

  void wait(std::shared_ptr<Receiving> receiving);
  void give_up(const std::shared_ptr<Receiving>& receiving);

  void open(Queue queue);
  void close() { queue_.reset(); }
  void fail(const std::exception_ptr& error);

  // Ends the request that is open, unless it ends soon by itself, and gives back what it may have
  // received.
  void stop();
  bool is_idle() const noexcept { return !polling_; }

 private:
  using Messages = std::vector<ReceivedMessage>;

  static boost::asio::awaitable<void> poll(std::shared_ptr<Endpoint> keep, Receiver& self);
  void start_poll();
  boost::asio::awaitable<void> poll_once();
  boost::asio::awaitable<std::vector<Received>> take(std::size_t most);
  boost::asio::awaitable<std::vector<Received>> take_more(std::size_t most);
  boost::asio::awaitable<std::vector<Received>> request(std::size_t most,
                                                        std::chrono::seconds wait);
  std::vector<Received> hold(Messages messages);
  void hand_out(std::vector<Received> received);
  boost::asio::awaitable<void> rescue();
  void adapt(std::size_t asked, std::size_t got);

  Surroundings& surroundings_;
  Endpoint& owner_;
  std::optional<Queue> queue_;
  std::deque<std::shared_ptr<Receiving>> waiting_;
  std::size_t side_requests_ = 0;  // that are made beside one whose answer was full
  std::string attempt_id_;         // of the request that is open
  boost::asio::cancellation_signal cancel_;
  unsigned in_vain_ = 0;  // requests in a row that came back empty at once
  bool polling_ = false;
};

}  // namespace sagabus::sqs
