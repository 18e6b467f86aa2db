// The books of the demo, added up: order by order, what the services did to the world.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <sagabus/cost.hpp>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "books.hpp"

namespace orders {

struct Tally {
  std::size_t completed = 0;
  std::map<std::string, std::size_t> cancelled;  // by reason
  std::size_t messages = 0;                      // handled, by sagas and services
  std::size_t failures = 0;                      // handlers that threw
  std::size_t repeats = 0;                       // of messages that had taken effect before
  Bill bill;                                     // of all processes that told
  std::vector<std::chrono::duration<double, std::milli>> latencies;  // shortest first
};

// Safe to use from any thread. A key counts once: a service may see a message twice, but enters the
// message's idempotency key both times. Two keys for one effect are a doubled effect.
class Ledger : public Books {
 public:
  // A customer orders; `settled` is called once the order has ended, and nothing that belongs to
  // its end is still missing.
  void submitted(const std::string& order, std::function<void()> settled);

  void enter(const Entry& entry) override;
  void count(Outcome outcome) override;
  void spend(const Bill& bill) override;

  std::size_t settled() const;  // orders
  Tally tally() const;

  enum class End { none, completed, cancelled };
  End end_of(const std::string& order) const;

  // One line for each order that did not end once, or for which something was not done as often as
  // its end wants it.
  std::vector<std::string> problems() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Account {
    Clock::time_point submitted{};
    Clock::time_point ended{};
    std::function<void()> on_settled;  // until it was called
    std::array<int, kEffects> times{};
    End end = End::none;
    std::string reason;

    void enter(const Entry& entry);
    int count(Effect effect) const { return times.at(static_cast<std::size_t>(effect)); }
    bool settled() const;
    bool balanced() const;
    std::string problem() const;
  };

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Account> accounts_;
  std::unordered_set<std::string> keys_;
  std::size_t settled_ = 0;
  Tally counts_;  // of messages and costs
};

}  // namespace orders
