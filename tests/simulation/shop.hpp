// A saga with writes of its own: each order takes one off a stock, or comes to nothing.
#pragma once

#include <string>

#include "sagabus/definition.hpp"
#include "sagabus/describe.hpp"

namespace sagabus::testing::simulation {

// Counted from 1 for each stock.
struct Order {
  std::string stock;
  int number = 0;
};
SAGABUS_MESSAGE(Order, stock, number)

struct ShopState {
  int orders = 0;
};
SAGABUS_DESCRIBE(ShopState, orders)

inline constexpr const char* kShop = "Shop";

// It tells the world of each order by one protocol::Receipt, "sold", or "sold out" where that is
// answered.
SagaDefinition shop();

bool is_answered(int number);

// The taker of that order, as Stock has it.
std::string taker_of(int number);

}  // namespace sagabus::testing::simulation
