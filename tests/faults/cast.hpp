// The orders that run while workers die: what is said, and the sagas that take part. None of them
// guards itself against a message that comes twice: each counts, so that a repeat would show.
#pragma once

#include <sagabus/definition.hpp>
#include <sagabus/describe.hpp>
#include <string>
#include <vector>

namespace sagabus::faults {

struct OrderPlaced {
  std::string orderId;
};
struct PaymentRequested {
  std::string orderId;
};
struct PaymentTaken {
  std::string orderId;
};
struct ReservationRequested {
  std::string orderId;
};
struct GoodsReserved {
  std::string orderId;
};
// Said later than its step.
struct OrderReviewed {
  std::string orderId;
};
// How many answers the order has. Which answer is the second depends on who was faster, so a step
// that is planned again says something else under the same id: what it sent too early would show.
struct OrderProgressed {
  std::string orderId;
  int answers = 0;
};
struct ShipmentRequested {
  std::string orderId;
};
struct GoodsShipped {
  std::string orderId;
};
struct OrderEnded {
  std::string orderId;
};
SAGABUS_MESSAGE(OrderPlaced, orderId)
SAGABUS_MESSAGE(PaymentRequested, orderId)
SAGABUS_MESSAGE(PaymentTaken, orderId)
SAGABUS_MESSAGE(ReservationRequested, orderId)
SAGABUS_MESSAGE(GoodsReserved, orderId)
SAGABUS_MESSAGE(OrderProgressed, orderId, answers)
SAGABUS_MESSAGE(OrderReviewed, orderId)
SAGABUS_MESSAGE(ShipmentRequested, orderId)
SAGABUS_MESSAGE(GoodsShipped, orderId)
SAGABUS_MESSAGE(OrderEnded, orderId)

struct OrderState {
  int placed = 0;
  int payments = 0;
  int reservations = 0;
  int shipments = 0;
  int picks = 0;  // by a timeout
  int early = 0;  // timeouts that came before their time
  friend bool operator==(const OrderState&, const OrderState&) = default;
};
SAGABUS_DESCRIBE(OrderState, placed, payments, reservations, shipments, picks, early)

// A participant does one thing for an order.
struct DeedState {
  int times = 0;
};
SAGABUS_DESCRIBE(DeedState, times)

inline constexpr const char* kOrder = "Order";
inline constexpr const char* kBooks = "books";  // of the plain handlers
inline constexpr const char* kParticipants[] = {"Payment", "Reservation", "Shipment"};

// The order first, then the participants.
std::vector<SagaDefinition> cast();

}  // namespace sagabus::faults
