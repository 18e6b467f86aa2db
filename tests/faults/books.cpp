#include "faults/books.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "faults/cast.hpp"

namespace sagabus::faults {
namespace {

const std::vector<std::string> kExpected{
    "PaymentRequested", "PaymentTaken", "ReservationRequested", "GoodsReserved", "answer 1",
    "answer 2",         "answer 3",     "ShipmentRequested",    "GoodsShipped",  "OrderEnded",
    "OrderReviewed"};

std::string problem_of(const std::map<std::string, int>& account, bool repeats) {
  std::string text;
  for (const std::string& it : kExpected) {
    if (!account.contains(it)) text += fmt::format(", no {}", it);
  }
  for (const auto& [what, times] : account) {
    const bool expected = std::count(kExpected.begin(), kExpected.end(), what) == 1;
    if ((times != 1 && !repeats) || !expected) text += fmt::format(", {} times {}", times, what);
  }
  return text.empty() ? text : text.substr(2);
}

}  // namespace

Service Books::service() {
  const auto count = [this](const auto& message) {
    enter(message.orderId, std::string(message_name<std::decay_t<decltype(message)>>()));
  };
  return sagabus::service(kBooks)
      .on<PaymentRequested>(count)
      .on<PaymentTaken>(count)
      .on<ReservationRequested>(count)
      .on<GoodsReserved>(count)
      .on<OrderProgressed>([this](const OrderProgressed& m) {
        enter(m.orderId, fmt::format("answer {}", m.answers));
      })
      .on<ShipmentRequested>(count)
      .on<OrderReviewed>(count)
      .on<GoodsShipped>(count)
      .on<OrderEnded>([this, count](const OrderEnded& m, MessageContext& context) {
        count(m);
        const std::string next = next_order();
        if (!next.empty()) context.publish(OrderPlaced{next});
      });
}

std::string Books::next_order() {
  const std::lock_guard lock(mutex_);
  if (!ordering_) return {};
  std::string id = fmt::format("order-{}", accounts_.size());
  accounts_.try_emplace(id);
  return id;
}

void Books::stop_ordering() {
  const std::lock_guard lock(mutex_);
  ordering_ = false;
}

void Books::enter(const std::string& order, const std::string& what) {
  const std::lock_guard lock(mutex_);
  ++accounts_[order][what];
}

std::vector<std::string> Books::orders() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> ids;
  for (const auto& [id, account] : accounts_) ids.push_back(id);
  return ids;
}

std::vector<std::string> Books::problems(bool repeats) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> problems;
  for (const auto& [id, account] : accounts_) {
    const std::string problem = problem_of(account, repeats);
    if (!problem.empty()) problems.push_back(fmt::format("{} in the books: {}", id, problem));
  }
  return problems;
}

}  // namespace sagabus::faults
