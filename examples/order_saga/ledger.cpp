#include "ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace orders {

void Ledger::submitted(const std::string& order, std::function<void()> settled) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[order];
  account.submitted = Clock::now();
  account.on_settled = std::move(settled);
}

void Ledger::done(Deed deed, const std::string& order, const std::string& key) {
  enter(order, key, [deed](Account& account) { ++account.standing.at(std::size_t(deed)); });
}

void Ledger::undone(Deed deed, const std::string& order, const std::string& key) {
  enter(order, key, [deed](Account& account) { --account.standing.at(std::size_t(deed)); });
}

void Ledger::completed(const std::string& order, const std::string& key) {
  enter(order, key, [](Account& account) {
    ++account.ends;
    account.end = End::completed;
    account.ended = Clock::now();
  });
}

void Ledger::cancelled(const std::string& order, const std::string& reason,
                       const std::string& key) {
  enter(order, key, [&](Account& account) {
    ++account.ends;
    account.end = End::cancelled;
    account.ended = Clock::now();
    account.reason = reason;
  });
}

void Ledger::message_handled() {
  const std::lock_guard lock(mutex_);
  ++messages_;
}

void Ledger::handler_failed() {
  const std::lock_guard lock(mutex_);
  ++failures_;
}

std::size_t Ledger::settled() const {
  const std::lock_guard lock(mutex_);
  return settled_;
}

Tally Ledger::tally() const {
  const std::lock_guard lock(mutex_);
  Tally tally;
  tally.messages = messages_;
  tally.failures = failures_;
  for (const auto& [order, account] : accounts_) {
    if (account.end == End::completed) ++tally.completed;
    if (account.end == End::cancelled) ++tally.cancelled[account.reason];
    if (account.ends > 0) tally.latencies.emplace_back(account.ended - account.submitted);
  }
  std::sort(tally.latencies.begin(), tally.latencies.end());
  return tally;
}

Ledger::End Ledger::end_of(const std::string& order) const {
  const std::lock_guard lock(mutex_);
  const auto account = accounts_.find(order);
  return account == accounts_.end() ? End::none : account->second.end;
}

std::vector<std::string> Ledger::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> problems;
  for (const auto& [order, account] : accounts_) {
    if (!account.balanced()) problems.push_back(order + ": " + account.problem());
  }
  return problems;
}

void Ledger::enter(const std::string& order, const std::string& key,
                   const std::function<void(Account&)>& change) {
  std::function<void()> settled;
  {
    const std::lock_guard lock(mutex_);
    const auto account = accounts_.find(order);
    if (account == accounts_.end()) return;  // left in the queue by an earlier run
    if (!keys_.insert(key).second) return;
    change(account->second);
    if (account->second.balanced()) settled = std::exchange(account->second.on_settled, nullptr);
    if (settled) ++settled_;
  }
  if (settled) settled();
}

bool Ledger::Account::balanced() const {
  return ends == 1 && std::all_of(standing.begin(), standing.end(),
                                  [this](int times) { return times == expected(); });
}

std::string Ledger::Account::problem() const {
  if (ends != 1) return fmt::format("it ended {} times", ends);
  return fmt::format("it was {}, yet it is paid {}, reserved {} and shipped {} times",
                     end == End::completed ? "completed" : "cancelled", standing[0], standing[1],
                     standing[2]);
}

}  // namespace orders
