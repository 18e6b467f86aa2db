#include "order_saga.hpp"

#include <fmt/format.h>

#include <charconv>

namespace sagabus::tools {
namespace {

constexpr std::string_view kPrefix = "order-";

// As long as the ids of real partners are.
std::string partner_id(std::string_view kind, const std::string& order_id) {
  std::string id(kind);
  id += "-9f1c6f0e-3f7b-4c57-9c49-";
  return id += order_id.substr(kPrefix.size());
}

void submit(const OrderSubmitted& m, OrderState&, SagaContext& ctx) {
  ctx.publish(PaymentCaptured{m.orderId, partner_id("txn", m.orderId)});
}

void pay(const PaymentCaptured& m, OrderState& s, SagaContext& ctx) {
  s.status = OrderStatus::paid;
  s.transactionId = m.transactionId;
  ctx.publish(InventoryReserved{m.orderId, partner_id("rsv", m.orderId), "warehouse-eu-central-3"});
}

void reserve(const InventoryReserved& m, OrderState& s, SagaContext& ctx) {
  s.status = OrderStatus::reserved;
  s.reservationId = m.reservationId;
  s.warehouse = m.warehouse;
  ctx.publish(ShipmentCreated{m.orderId, partner_id("trk", m.orderId)});
}

void ship(const ShipmentCreated& m, OrderState& s, SagaContext& ctx) {
  s.status = OrderStatus::shipped;
  s.trackingNumber = m.trackingNumber;
  ctx.publish(OrderCompleted{m.orderId});
  ctx.complete();
}

}  // namespace

SagaDefinition make_order_saga(std::string name) {
  const auto is = [](OrderStatus status) {
    return [status](const OrderState& s) { return s.status == status; };
  };
  return saga<OrderState>(std::move(name))
      .correlate<OrderSubmitted>(&OrderSubmitted::orderId, can_start)
      .correlate<PaymentCaptured>(&PaymentCaptured::orderId)
      .correlate<InventoryReserved>(&InventoryReserved::orderId)
      .correlate<ShipmentCreated>(&ShipmentCreated::orderId)
      .initial([](const OrderSubmitted& m) {
        OrderState state;
        state.orderId = m.orderId;
        state.customerId = m.customerId;
        state.total = m.total;
        state.currency = m.currency;
        state.shippingAddress = m.shippingAddress;
        return state;
      })
      .on<OrderSubmitted>()
      .handle(submit)
      .on<PaymentCaptured>()
      .when(is(OrderStatus::pending))
      .handle(pay)
      .on<InventoryReserved>()
      .when(is(OrderStatus::paid))
      .handle(reserve)
      .on<ShipmentCreated>()
      .when(is(OrderStatus::reserved))
      .handle(ship)
      .build();
}

OrderSubmitted make_order(std::uint64_t number) {
  OrderSubmitted order;
  order.orderId = fmt::format("{}{:012}", kPrefix, number);
  order.customerId = fmt::format("customer-{:06}", number % 1'000'000);
  order.total = 0.01 * static_cast<double>(1999 + number % 10'000);
  order.currency = "EUR";
  order.shippingAddress = "12 Harbour Street, 20457 Hamburg, DE";
  return order;
}

std::uint64_t order_number(const Envelope& message) {
  const Value* const id = message.payload.find("orderId");
  const std::string& text = *id->if_string();
  std::uint64_t number = 0;
  std::from_chars(text.data() + kPrefix.size(), text.data() + text.size(), number);
  return number;
}

}  // namespace sagabus::tools
