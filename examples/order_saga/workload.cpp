#include "workload.hpp"

#include <fmt/format.h>

#include <array>

namespace orders {

// The strides have no factor in common, so that the troubles meet in every combination.

std::string order_id(const std::string& run, std::size_t n) {
  return fmt::format("{}-{:06}", run, n);
}

OrderSubmitted make_order(const std::string& run, std::size_t n) {
  constexpr std::array kItems{"kettle", "hammock", "atlas", "music box", "umbrella"};
  OrderSubmitted order;
  order.orderId = order_id(run, n);
  order.customerId = fmt::format("customer-{}", n % 97);
  order.item = n % 29 == 7 ? "unicorn" : kItems.at(n % kItems.size());
  order.quantity = 1 + static_cast<int>(n % 3);
  order.totalCents = n % 23 == 5 ? 99'900 : 1'000 + static_cast<std::int64_t>(n % 40) * 125;
  order.address = n % 53 == 11 ? "The Lighthouse" : fmt::format("{} Harbour Street", 1 + n % 80);
  return order;
}

std::optional<std::chrono::milliseconds> changes_mind_after(std::size_t n) {
  if (n % 31 != 3) return std::nullopt;
  return std::chrono::milliseconds(n / 31 % 5 * 4);  // at every stage of the order
}

}  // namespace orders
