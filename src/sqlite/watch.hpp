// Wakes receivers that found nothing: when this process has sent something, when a hidden message
// becomes due, and when another process may have sent something.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "sagabus/clock.hpp"
#include "waiting/suspend.hpp"

namespace sagabus::sqlite {

class Watch {
 public:
  // Called every `interval` on the watch's own thread, while anyone receives. True where every
  // receiver should look again. Must not throw.
  using Poll = std::function<boost::asio::awaitable<bool>()>;

  Watch(std::shared_ptr<Clock> clock, std::chrono::milliseconds interval, Poll poll);
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { stop(); }

  // Ends the thread, and with it the calls of `poll`. The other functions may still be called, but
  // nobody looks at the clock any more. Not at the same time as observe().
  void stop();

  // Ask before looking for messages, and pass the answer to wait(): what changes in between is not
  // missed.
  std::uint64_t observe(const std::string& endpoint);

  // Returns when the endpoint has changed since observe(), or `due` is reached, or for no reason.
  // Throws operation_aborted where it is cancelled.
  boost::asio::awaitable<void> wait(std::string endpoint, std::uint64_t seen,
                                    std::optional<TimePoint> due);

  void changed(const std::string& endpoint);

  // How many are in wait(), for tests.
  std::size_t waiting();

 private:
  struct Waiter : sagabus::detail::Wakeup {
    std::string endpoint;
    std::uint64_t seen = 0;
    std::optional<TimePoint> due;
    bool cancelled = false;
  };
  using Waiters = std::vector<std::shared_ptr<Waiter>>;
  class Registration;

  std::uint64_t generation(const std::string& endpoint) const;  // with the mutex held
  void add(const std::shared_ptr<Waiter>& waiter);
  void remove(const std::shared_ptr<Waiter>& waiter);
  void interrupt();  // with the mutex held
  std::optional<std::chrono::nanoseconds> next_pause();
  void wake(bool all);
  boost::asio::awaitable<void> pause(std::optional<std::chrono::nanoseconds> length);
  boost::asio::awaitable<void> keep();

  const std::shared_ptr<Clock> clock_;
  const std::chrono::milliseconds interval_;
  const Poll poll_;

  std::mutex mutex_;
  std::unordered_map<std::string, std::uint64_t> generations_;
  std::uint64_t epoch_ = 0;  // counts what concerns every endpoint
  Waiters waiters_;
  bool active_ = false;                // somebody has received since the last poll
  bool idle_ = false;                  // the keeper sleeps until it is interrupted
  std::optional<TimePoint> wakes_at_;  // or until then
  bool stopping_ = false;

  boost::asio::io_context context_{1};
  boost::asio::steady_timer forever_{context_};  // an event: never expires
  boost::asio::cancellation_signal interruption_;
  std::thread thread_;
};

}  // namespace sagabus::sqlite
