// The order saga: payment, stock, shipment, and the way back where one of them fails.
#pragma once

#include <cstdint>
#include <optional>
#include <sagabus/definition.hpp>
#include <sagabus/describe.hpp>
#include <string>

namespace orders {

// What the saga waits for, or how it ended.
enum class OrderStatus {
  submitted,
  awaiting_payment,
  awaiting_stock,
  awaiting_shipment,
  completed,
  cancelled
};
SAGABUS_DESCRIBE_ENUM(OrderStatus, submitted, awaiting_payment, awaiting_stock, awaiting_shipment,
                      completed, cancelled)

struct OrderState {
  std::string orderId;
  std::string customerId;
  std::string item;
  int quantity = 1;
  std::int64_t totalCents = 0;
  std::string address;
  OrderStatus status = OrderStatus::submitted;
  // What has been done, and would have to be undone.
  std::optional<std::string> transactionId{};
  std::optional<std::string> reservationId{};
  std::optional<std::string> trackingId{};
  std::optional<std::string> cancelReason{};  // set once somebody wants it cancelled
};
SAGABUS_DESCRIBE(OrderState, orderId, customerId, item, quantity, totalCents, address, status,
                 transactionId, reservationId, trackingId, cancelReason)

inline constexpr const char* kOrderSaga = "OrderSaga";

sagabus::SagaDefinition order_saga();

}  // namespace orders
