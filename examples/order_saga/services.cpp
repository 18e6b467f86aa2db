#include "services.hpp"

#include <stdexcept>

#include "messages.hpp"

namespace orders {

using sagabus::MessageContext;

// A service may see a message twice: when it died between its deed and the acknowledgement, say.
// The idempotency key is the same both times, so who keeps the books by it does the deed once.
// What a handler publishes bears the same message ids too, and a saga takes it once.

sagabus::Service payments(Books& books) {
  return sagabus::service("payments")
      .on<PaymentRequested>([&books](const PaymentRequested& m, MessageContext& ctx) {
        books.count(Outcome::handled);
        if (m.totalCents > kCardLimitCents) {
          // Not an error: an answer like any other, and the saga knows what to do.
          return ctx.publish(PaymentFailed{m.orderId, "the card was refused"});
        }
        books.enter({Effect::payment, m.orderId, ctx.idempotency_key()});
        ctx.publish(PaymentCaptured{m.orderId, "txn-" + ctx.idempotency_key()});
      })
      .on<RefundRequested>([&books](const RefundRequested& m, MessageContext& ctx) {
        books.count(Outcome::handled);
        books.enter({Effect::refund, m.orderId, ctx.idempotency_key()});
      });
}

sagabus::Service inventory(Books& books) {
  return sagabus::service("inventory")
      .on<InventoryReserveRequested>(
          [&books](const InventoryReserveRequested& m, MessageContext& ctx) {
            books.count(Outcome::handled);
            if (m.item == "unicorn") {
              return ctx.publish(InventoryReservationFailed{m.orderId, "no unicorns in stock"});
            }
            books.enter({Effect::reservation, m.orderId, ctx.idempotency_key()});
            ctx.publish(InventoryReserved{m.orderId, "rsv-" + ctx.idempotency_key()});
          })
      .on<InventoryReleaseRequested>(
          [&books](const InventoryReleaseRequested& m, MessageContext& ctx) {
            books.count(Outcome::handled);
            books.enter({Effect::release, m.orderId, ctx.idempotency_key()});
          });
}

sagabus::Service shipping(Books& books) {
  return sagabus::service("shipping")
      .on<ShipmentRequested>([&books](const ShipmentRequested& m, MessageContext& ctx) {
        books.count(Outcome::handled);
        if (m.address == "The Lighthouse" && ctx.attempt() == 1) {
          // This is an error: the bus delivers the message again, after a while.
          books.count(Outcome::failed);
          throw std::runtime_error("the ferry is still out");
        }
        books.enter({Effect::shipment, m.orderId, ctx.idempotency_key()});
        ctx.publish(ShipmentCreated{m.orderId, "shp-" + ctx.idempotency_key()});
      })
      .on<ShipmentRecallRequested>([&books](const ShipmentRecallRequested& m, MessageContext& ctx) {
        books.count(Outcome::handled);
        books.enter({Effect::recall, m.orderId, ctx.idempotency_key()});
      });
}

sagabus::Service audit(Books& books) {
  return sagabus::service("audit")
      .on<OrderCompleted>([&books](const OrderCompleted& m, MessageContext& ctx) {
        books.count(Outcome::handled);
        books.enter({Effect::completion, m.orderId, ctx.idempotency_key()});
      })
      .on<OrderCancelled>([&books](const OrderCancelled& m, MessageContext& ctx) {
        books.count(Outcome::handled);
        books.enter({Effect::cancellation, m.orderId, ctx.idempotency_key(), m.reason});
      });
}

}  // namespace orders
