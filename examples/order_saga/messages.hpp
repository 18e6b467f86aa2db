// What the order saga, its services and its customers say to one another.
//
// One line behind each struct makes it a message: it names the fields that travel. On the wire a
// message is JSON under the struct's name, so that services in other languages take part.
#pragma once

#include <cstdint>
#include <sagabus/describe.hpp>
#include <string>

namespace orders {

// From customers.

struct OrderSubmitted {
  std::string orderId;
  std::string customerId;
  std::string item;
  int quantity = 1;
  std::int64_t totalCents = 0;  // money is counted, not measured
  std::string address;
};
SAGABUS_MESSAGE(OrderSubmitted, orderId, customerId, item, quantity, totalCents, address)

struct CancelOrder {
  std::string orderId;
  std::string reason;
};
SAGABUS_MESSAGE(CancelOrder, orderId, reason)

// To and from payments.

struct PaymentRequested {
  std::string orderId;
  std::string customerId;
  std::int64_t totalCents = 0;
};
SAGABUS_MESSAGE(PaymentRequested, orderId, customerId, totalCents)

struct PaymentCaptured {
  std::string orderId;
  std::string transactionId;
};
SAGABUS_MESSAGE(PaymentCaptured, orderId, transactionId)

struct PaymentFailed {
  std::string orderId;
  std::string reason;
};
SAGABUS_MESSAGE(PaymentFailed, orderId, reason)

struct RefundRequested {
  std::string orderId;
  std::string transactionId;
  std::int64_t totalCents = 0;
};
SAGABUS_MESSAGE(RefundRequested, orderId, transactionId, totalCents)

// To and from inventory.

struct InventoryReserveRequested {
  std::string orderId;
  std::string item;
  int quantity = 1;
};
SAGABUS_MESSAGE(InventoryReserveRequested, orderId, item, quantity)

struct InventoryReserved {
  std::string orderId;
  std::string reservationId;
};
SAGABUS_MESSAGE(InventoryReserved, orderId, reservationId)

struct InventoryReservationFailed {
  std::string orderId;
  std::string reason;
};
SAGABUS_MESSAGE(InventoryReservationFailed, orderId, reason)

struct InventoryReleaseRequested {
  std::string orderId;
  std::string reservationId;
};
SAGABUS_MESSAGE(InventoryReleaseRequested, orderId, reservationId)

// To and from shipping.

struct ShipmentRequested {
  std::string orderId;
  std::string reservationId;
  std::string address;
};
SAGABUS_MESSAGE(ShipmentRequested, orderId, reservationId, address)

struct ShipmentCreated {
  std::string orderId;
  std::string trackingId;
};
SAGABUS_MESSAGE(ShipmentCreated, orderId, trackingId)

struct ShipmentRecallRequested {
  std::string orderId;
  std::string trackingId;
};
SAGABUS_MESSAGE(ShipmentRecallRequested, orderId, trackingId)

// How an order ends: with one of the two, once.

struct OrderCompleted {
  std::string orderId;
  std::string trackingId;
};
SAGABUS_MESSAGE(OrderCompleted, orderId, trackingId)

struct OrderCancelled {
  std::string orderId;
  std::string reason;
};
SAGABUS_MESSAGE(OrderCancelled, orderId, reason)

}  // namespace orders
