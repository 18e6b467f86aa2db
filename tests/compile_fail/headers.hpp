// What the cases share. Read once, precompiled, for all of them.
#pragma once

#include <sagabus/bus.hpp>
#include <sagabus/saga.hpp>
#include <string>

namespace shop {

struct Submitted {
  std::string orderId;
  double total = 0;
};
SAGABUS_MESSAGE(Submitted, orderId, total)

struct Paid {
  std::string orderId;
};
SAGABUS_MESSAGE(Paid, orderId)

struct State {
  std::string orderId;
  bool paid = false;
};
SAGABUS_DESCRIBE(State, orderId, paid)

// No line describes it.
struct Plain {
  std::string orderId;
};

// Described, but no message.
struct Address {
  std::string orderId;
};
SAGABUS_DESCRIBE(Address, orderId)

}  // namespace shop
