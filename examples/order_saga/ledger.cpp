#include "ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace orders {
namespace {

struct Deed {
  Effect done;
  Effect undone;
};
constexpr std::array kDeeds{Deed{Effect::payment, Effect::refund},
                            Deed{Effect::reservation, Effect::release},
                            Deed{Effect::shipment, Effect::recall}};

}  // namespace

void Ledger::submitted(const std::string& order, std::function<void()> settled) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_[order];
  account.submitted = Clock::now();
  account.on_settled = std::move(settled);
}

void Ledger::enter(const Entry& entry) {
  std::function<void()> settled;
  {
    const std::lock_guard lock(mutex_);
    const auto account = accounts_.find(entry.order);
    if (account == accounts_.end()) return;  // left in the queue by an earlier run
    if (!keys_.insert(entry.key).second) {
      ++counts_.repeats;
      return;
    }
    account->second.enter(entry);
    if (account->second.settled()) settled = std::exchange(account->second.on_settled, nullptr);
    if (settled) ++settled_;
  }
  if (settled) settled();
}

void Ledger::count(Outcome outcome) {
  const std::lock_guard lock(mutex_);
  if (outcome == Outcome::handled) ++counts_.messages;
  if (outcome == Outcome::failed) ++counts_.failures;
  if (outcome == Outcome::repeated) ++counts_.repeats;
}

void Ledger::spend(const Bill& bill) {
  const std::lock_guard lock(mutex_);
  counts_.bill.store += bill.store;
  counts_.bill.transport_requests += bill.transport_requests;
}

std::size_t Ledger::settled() const {
  const std::lock_guard lock(mutex_);
  return settled_;
}

Tally Ledger::tally() const {
  const std::lock_guard lock(mutex_);
  Tally tally = counts_;
  for (const auto& [order, account] : accounts_) {
    if (account.end == End::completed) ++tally.completed;
    if (account.end == End::cancelled) ++tally.cancelled[account.reason];
    if (account.end != End::none) tally.latencies.emplace_back(account.ended - account.submitted);
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

void Ledger::Account::enter(const Entry& entry) {
  ++times.at(static_cast<std::size_t>(entry.effect));
  if (entry.effect != Effect::completion && entry.effect != Effect::cancellation) return;
  end = entry.effect == Effect::completion ? End::completed : End::cancelled;
  reason = entry.reason;
  ended = Clock::now();
}

// What happened too often does not keep a customer waiting: it is a problem at the end.
bool Ledger::Account::settled() const {
  return end != End::none && std::all_of(kDeeds.begin(), kDeeds.end(), [this](const Deed& deed) {
           if (end == End::completed) return count(deed.done) > 0;
           return count(deed.done) == 0 || count(deed.undone) > 0;
         });
}

bool Ledger::Account::balanced() const {
  if (count(Effect::completion) + count(Effect::cancellation) != 1) return false;
  return std::all_of(kDeeds.begin(), kDeeds.end(), [this](const Deed& deed) {
    if (end == End::completed) return count(deed.done) == 1 && count(deed.undone) == 0;
    return count(deed.done) <= 1 && count(deed.undone) == count(deed.done);
  });
}

std::string Ledger::Account::problem() const {
  const int ends = count(Effect::completion) + count(Effect::cancellation);
  if (ends != 1) return fmt::format("it ended {} times", ends);
  return fmt::format(
      "it was {}, yet it is paid {} and refunded {}, reserved {} and released {}, shipped {} and "
      "recalled {} times",
      end == End::completed ? "completed" : "cancelled", times[0], times[1], times[2], times[3],
      times[4], times[5]);
}

}  // namespace orders
