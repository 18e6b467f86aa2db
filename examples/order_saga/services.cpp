#include "services.hpp"

#include <stdexcept>

#include "messages.hpp"

namespace orders {

using sagabus::MessageContext;

// A service may see a message twice: when it died between its deed and the acknowledgement, say.
// The idempotency key is the same both times, so who keeps the books by it does the deed once.
// What a handler publishes bears the same message ids too, and a saga takes it once.

sagabus::Service payments(Ledger& ledger) {
  return sagabus::service("payments")
      .on<PaymentRequested>([&ledger](const PaymentRequested& m, MessageContext& ctx) {
        ledger.message_handled();
        if (m.totalCents > kCardLimitCents) {
          // Not an error: an answer like any other, and the saga knows what to do.
          return ctx.publish(PaymentFailed{m.orderId, "the card was refused"});
        }
        ledger.done(Deed::payment, m.orderId, ctx.idempotency_key());
        ctx.publish(PaymentCaptured{m.orderId, "txn-" + ctx.idempotency_key()});
      })
      .on<RefundRequested>([&ledger](const RefundRequested& m, MessageContext& ctx) {
        ledger.message_handled();
        ledger.undone(Deed::payment, m.orderId, ctx.idempotency_key());
      });
}

sagabus::Service inventory(Ledger& ledger) {
  return sagabus::service("inventory")
      .on<InventoryReserveRequested>(
          [&ledger](const InventoryReserveRequested& m, MessageContext& ctx) {
            ledger.message_handled();
            if (m.item == "unicorn") {
              return ctx.publish(InventoryReservationFailed{m.orderId, "no unicorns in stock"});
            }
            ledger.done(Deed::reservation, m.orderId, ctx.idempotency_key());
            ctx.publish(InventoryReserved{m.orderId, "rsv-" + ctx.idempotency_key()});
          })
      .on<InventoryReleaseRequested>(
          [&ledger](const InventoryReleaseRequested& m, MessageContext& ctx) {
            ledger.message_handled();
            ledger.undone(Deed::reservation, m.orderId, ctx.idempotency_key());
          });
}

sagabus::Service shipping(Ledger& ledger) {
  return sagabus::service("shipping")
      .on<ShipmentRequested>([&ledger](const ShipmentRequested& m, MessageContext& ctx) {
        ledger.message_handled();
        if (m.address == "The Lighthouse" && ctx.attempt() == 1) {
          // This is an error: the bus delivers the message again, after a while.
          ledger.handler_failed();
          throw std::runtime_error("the ferry is still out");
        }
        ledger.done(Deed::shipment, m.orderId, ctx.idempotency_key());
        ctx.publish(ShipmentCreated{m.orderId, "shp-" + ctx.idempotency_key()});
      })
      .on<ShipmentRecallRequested>(
          [&ledger](const ShipmentRecallRequested& m, MessageContext& ctx) {
            ledger.message_handled();
            ledger.undone(Deed::shipment, m.orderId, ctx.idempotency_key());
          });
}

sagabus::Service audit(Ledger& ledger) {
  return sagabus::service("audit")
      .on<OrderCompleted>([&ledger](const OrderCompleted& m, MessageContext& ctx) {
        ledger.message_handled();
        ledger.completed(m.orderId, ctx.idempotency_key());
      })
      .on<OrderCancelled>([&ledger](const OrderCancelled& m, MessageContext& ctx) {
        ledger.message_handled();
        ledger.cancelled(m.orderId, m.reason, ctx.idempotency_key());
      });
}

}  // namespace orders
