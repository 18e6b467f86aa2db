#include "faults/cast.hpp"

#include <sagabus/saga.hpp>

namespace sagabus::faults {
namespace {

// The second answer leads on. Both of its messages leave in one dispatch, for different receivers.
void answered(const std::string& order, OrderState& state, SagaContext& context) {
  const int answers = state.payments + state.reservations;
  context.publish(OrderProgressed{order, answers});
  if (answers == 2) context.publish(ShipmentRequested{order});
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
      })
      .on<PaymentTaken>()
      .handle([](const PaymentTaken& m, OrderState& s, SagaContext& ctx) {
        ++s.payments;
        answered(m.orderId, s, ctx);
      })
      .on<GoodsReserved>()
      .handle([](const GoodsReserved& m, OrderState& s, SagaContext& ctx) {
        ++s.reservations;
        answered(m.orderId, s, ctx);
      })
      .on<GoodsShipped>()  // comes after both answers: only who goes by an old guess can doubt it
      .when([](const OrderState& s) { return s.payments > 0 && s.reservations > 0; })
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
