#include "order_saga.hpp"

#include <sagabus/saga.hpp>

#include "messages.hpp"

namespace orders {
namespace {

using sagabus::SagaContext;

// The way back. The state says what has been done, so one function undoes it at every stage.
void cancel(OrderState& s, SagaContext& ctx) {
  if (s.trackingId) ctx.publish(ShipmentRecallRequested{s.orderId, *s.trackingId});
  if (s.reservationId) ctx.publish(InventoryReleaseRequested{s.orderId, *s.reservationId});
  if (s.transactionId) ctx.publish(RefundRequested{s.orderId, *s.transactionId, s.totalCents});
  ctx.publish(OrderCancelled{s.orderId, *s.cancelReason});
  s.status = OrderStatus::cancelled;
  ctx.complete();
}

// A refusal cancels. Where the customer was faster, it is the customer's reason that counts.
void refused(const std::string& reason, OrderState& s, SagaContext& ctx) {
  if (!s.cancelReason) s.cancelReason = reason;
  cancel(s, ctx);
}

}  // namespace

// Handlers change a copy of the state and say what they want sent. Only when that state is safely
// stored does anything leave: a crash, a lost race or an exception in between leaves no trace.
//
// A message is taken only by who waits for it: should a customer order twice, or a service answer
// twice, the second message finds the order further on, and is ignored.
sagabus::SagaDefinition order_saga() {
  return sagabus::saga<OrderState>(kOrderSaga)
      .correlate_all([](const auto& message) { return message.orderId; })

      // There: each answer leads to the next request.
      .initial([](const OrderSubmitted& m) {
        return OrderState{m.orderId, m.customerId, m.item, m.quantity, m.totalCents, m.address};
      })
      .on<OrderSubmitted>(sagabus::can_start)
      .in(OrderStatus::submitted)
      .leads_to(OrderStatus::awaiting_payment)
      .handle([](const OrderSubmitted& m, OrderState& s, SagaContext& ctx) {
        s.status = OrderStatus::awaiting_payment;
        ctx.publish(PaymentRequested{m.orderId, m.customerId, m.totalCents});
      })
      .on<PaymentCaptured>()
      .in(OrderStatus::awaiting_payment)
      .leads_to(OrderStatus::awaiting_stock, OrderStatus::cancelled)
      .handle([](const PaymentCaptured& m, OrderState& s, SagaContext& ctx) {
        s.transactionId = m.transactionId;
        if (s.cancelReason) return cancel(s, ctx);
        s.status = OrderStatus::awaiting_stock;
        ctx.publish(InventoryReserveRequested{s.orderId, s.item, s.quantity});
      })
      .on<InventoryReserved>()
      .in(OrderStatus::awaiting_stock)
      .leads_to(OrderStatus::awaiting_shipment, OrderStatus::cancelled)
      .handle([](const InventoryReserved& m, OrderState& s, SagaContext& ctx) {
        s.reservationId = m.reservationId;
        if (s.cancelReason) return cancel(s, ctx);
        s.status = OrderStatus::awaiting_shipment;
        ctx.publish(ShipmentRequested{s.orderId, m.reservationId, s.address});
      })
      .on<ShipmentCreated>()
      .in(OrderStatus::awaiting_shipment)
      .leads_to(OrderStatus::completed, OrderStatus::cancelled)
      .handle([](const ShipmentCreated& m, OrderState& s, SagaContext& ctx) {
        s.trackingId = m.trackingId;
        if (s.cancelReason) return cancel(s, ctx);
        s.status = OrderStatus::completed;
        ctx.publish(OrderCompleted{s.orderId, m.trackingId});
        ctx.complete();
      })

      // And back again.
      .on<PaymentFailed>()
      .in(OrderStatus::awaiting_payment)
      .leads_to(OrderStatus::cancelled)
      .handle([](const PaymentFailed& m, OrderState& s, SagaContext& ctx) {
        refused(m.reason, s, ctx);
      })
      .on<InventoryReservationFailed>()
      .in(OrderStatus::awaiting_stock)
      .leads_to(OrderStatus::cancelled)
      .handle([](const InventoryReservationFailed& m, OrderState& s, SagaContext& ctx) {
        refused(m.reason, s, ctx);
      })

      // From outside, at any time. A request is always under way, and it may be carried out yet:
      // so only note the wish, let the answer come, and then undo whatever was done.
      .on<CancelOrder>()
      .in(OrderStatus::awaiting_payment, OrderStatus::awaiting_stock,
          OrderStatus::awaiting_shipment)
      .stays<OrderStatus>()
      .when([](const OrderState& s) { return !s.cancelReason; })
      .handle([](const CancelOrder& m, OrderState& s) { s.cancelReason = m.reason; })

      .build();
}

}  // namespace orders
