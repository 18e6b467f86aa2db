#include "faults/cast.hpp"

#include <sagabus/clock.hpp>
#include <sagabus/saga.hpp>

namespace sagabus::faults {
namespace {

using namespace std::chrono_literals;

// The third answer leads on: one of them is a timeout. Both of its messages leave in one dispatch,
// for different receivers.
void answered(const std::string& order, OrderState& state, SagaContext& context) {
  const int answers = state.payments + state.reservations + state.picks;
  context.publish(OrderProgressed{order, answers});
  if (answers == 3) context.publish(ShipmentRequested{order});
}

SagaDefinition order() {
  return saga<OrderState>(kOrder)
      .correlate_all([](const auto& message) { return message.orderId; })
      .initial([](const OrderPlaced&) { return OrderState{}; })
      .on<OrderPlaced>(can_start)
      .handle([](const OrderPlaced& m, OrderState& s, SagaContext& ctx) {
        ++s.placed;
        ctx.publish(PaymentRequested{m.orderId});
        ctx.publish(ReservationRequested{m.orderId});
        ctx.schedule(OrderReviewed{m.orderId}, 20ms);
        ctx.cancel(ctx.schedule(OrderEnded{m.orderId}, 1s));
        ctx.set_timeout("pick", 30ms);
        ctx.set_timeout("never", 1h);
      })
      .on<PaymentTaken>()
      .handle([](const PaymentTaken& m, OrderState& s, SagaContext& ctx) {
        ++s.payments;
        if (ctx.timeout_remaining("pick")) ctx.set_timeout("pick", 20ms);  // sooner or later
        if (s.reservations == 0) ctx.set_timeout("never", 500ms);
        answered(m.orderId, s, ctx);
      })
      .on<GoodsReserved>()
      .handle([](const GoodsReserved& m, OrderState& s, SagaContext& ctx) {
        ++s.reservations;
        ctx.clear_timeout("never");
        ctx.set_timeout("never", 1h);
        answered(m.orderId, s, ctx);
      })
      .on_timeout("pick")
      .handle([](const SagaTimeoutExpired& m, OrderState& s, SagaContext& ctx) {
        ++s.picks;
        s.early += m.timeoutSetAt + std::chrono::milliseconds(m.timeoutMs) > system_clock()->now();
        answered(m.correlationId, s, ctx);
      })
      .on_timeout("never")
      .when([](const OrderState& s) { return s.reservations > 0; })  // set anew by then
      .handle([](OrderState& s) { s.picks += 100; })
      .on<GoodsShipped>()  // comes after all answers: only who goes by an old guess can doubt it
      .when([](const OrderState& s) { return s.payments > 0 && s.reservations > 0 && s.picks > 0; })
      .handle([](const GoodsShipped& m, OrderState& s, SagaContext& ctx) {
        ++s.shipments;
        ctx.publish(OrderEnded{m.orderId});
        ctx.complete();
      })
      .build();
}

// Never completes: a completed instance would ignore a second request instead of counting it.
template <class Request, class Done>
SagaDefinition participant(const char* name) {
  return saga<DeedState>(name)
      .correlate_all([](const auto& message) { return message.orderId; })
      .initial([](const Request&) { return DeedState{}; })
      .template on<Request>(can_start)
      .handle([](const Request& m, DeedState& s, SagaContext& ctx) {
        ++s.times;
        ctx.publish(Done{m.orderId});
      })
      .build();
}

}  // namespace

std::vector<SagaDefinition> cast() {
  return {order(), participant<PaymentRequested, PaymentTaken>(kParticipants[0]),
          participant<ReservationRequested, GoodsReserved>(kParticipants[1]),
          participant<ShipmentRequested, GoodsShipped>(kParticipants[2])};
}

}  // namespace sagabus::faults
