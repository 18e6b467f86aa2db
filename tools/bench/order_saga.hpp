// The canonical order saga: four messages, and a state of ten fields, about 400 bytes as JSON.
//
//   OrderSubmitted -> PaymentCaptured -> InventoryReserved -> ShipmentCreated -> (OrderCompleted)
//
// Each step publishes one message. The saga plays its own partners: instead of PaymentRequested, to
// which a payment service would answer PaymentCaptured, it publishes PaymentCaptured itself, and so
// on. OrderCompleted is for nobody.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "sagabus/saga.hpp"

namespace sagabus::tools {

struct OrderSubmitted {
  std::string orderId;
  std::string customerId;
  double total = 0;
  std::string currency;
  std::string shippingAddress;
};
SAGABUS_MESSAGE(OrderSubmitted, orderId, customerId, total, currency, shippingAddress)

struct PaymentCaptured {
  std::string orderId;
  std::string transactionId;
};
SAGABUS_MESSAGE(PaymentCaptured, orderId, transactionId)

struct InventoryReserved {
  std::string orderId;
  std::string reservationId;
  std::string warehouse;
};
SAGABUS_MESSAGE(InventoryReserved, orderId, reservationId, warehouse)

struct ShipmentCreated {
  std::string orderId;
  std::string trackingNumber;
};
SAGABUS_MESSAGE(ShipmentCreated, orderId, trackingNumber)

struct OrderCompleted {
  std::string orderId;
};
SAGABUS_MESSAGE(OrderCompleted, orderId)

enum class OrderStatus { pending, paid, reserved, shipped };
SAGABUS_DESCRIBE_ENUM(OrderStatus, pending, paid, reserved, shipped)

struct OrderState {
  std::string orderId;
  std::string customerId;
  OrderStatus status = OrderStatus::pending;
  double total = 0;
  std::string currency;
  std::string shippingAddress;
  std::string transactionId;
  std::string reservationId;
  std::string warehouse;
  std::string trackingNumber;
};
SAGABUS_DESCRIBE(OrderState, orderId, customerId, status, total, currency, shippingAddress,
                 transactionId, reservationId, warehouse, trackingNumber)

SagaDefinition make_order_saga(std::string name);

// The message that starts the order of that number.
OrderSubmitted make_order(std::uint64_t number);

// The number of the order that a message of the saga is about.
std::uint64_t order_number(const Envelope& message);

}  // namespace sagabus::tools
