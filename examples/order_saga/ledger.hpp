// The books of the demo: what the services did to the world, order by order. They are how the demo
// knows, without trusting the saga, that every order took effect exactly once.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace orders {

// Something that can be done, and undone, for an order.
enum class Deed { payment, reservation, shipment };
inline constexpr std::size_t kDeeds = 3;

struct Tally {
  std::size_t completed = 0;
  std::map<std::string, std::size_t> cancelled;  // by reason
  std::size_t messages = 0;                      // handled, by sagas and services
  std::size_t failures = 0;                      // handlers that threw
  std::vector<std::chrono::duration<double, std::milli>> latencies;  // shortest first
};

// Safe to use from any thread. Entries are made under a key, and a key counts once: a service may
// see a message twice, but passes the message's idempotency key both times.
class Ledger {
 public:
  // A customer orders; `settled` is called once the order has ended and its books balance.
  void submitted(const std::string& order, std::function<void()> settled);

  void done(Deed deed, const std::string& order, const std::string& key);
  void undone(Deed deed, const std::string& order, const std::string& key);

  void completed(const std::string& order, const std::string& key);
  void cancelled(const std::string& order, const std::string& reason, const std::string& key);

  void message_handled();
  void handler_failed();

  std::size_t settled() const;  // orders
  Tally tally() const;

  enum class End { none, completed, cancelled };
  End end_of(const std::string& order) const;

  // One line for each order that did not end once, or whose books do not balance.
  std::vector<std::string> problems() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Account {
    Clock::time_point submitted{};
    Clock::time_point ended{};
    std::function<void()> on_settled;  // until it was called
    std::array<int, kDeeds> standing{};
    int ends = 0;
    End end = End::none;
    std::string reason;

    int expected() const { return end == End::completed ? 1 : 0; }
    bool balanced() const;
    std::string problem() const;
  };

  void enter(const std::string& order, const std::string& key,
             const std::function<void(Account&)>& change);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Account> accounts_;
  std::unordered_set<std::string> keys_;
  std::size_t settled_ = 0;
  std::size_t messages_ = 0;
  std::size_t failures_ = 0;
};

}  // namespace orders
