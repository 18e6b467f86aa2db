#include "simulation/shop.hpp"

#include "protocol/storm_cast.hpp"
#include "sagabus/saga.hpp"
#include "testing/simulation/store.hpp"

namespace sagabus::testing::simulation {

using protocol::Receipt;

SagaDefinition shop() {
  return saga<ShopState>(kShop)
      // Two instances to a stock.
      .correlate<Order>(
          [](const Order& m) { return m.stock + (m.number % 2 == 0 ? " even" : " odd"); },
          can_start)
      .initial([](const Order&) { return ShopState{}; })
      .on<Order>()
      .handle([](const Order& m, ShopState& s, SagaContext& ctx) {
        const bool sold_out = !ctx.refused().empty();
        if (sold_out && !is_answered(m.number)) return;
        ++s.orders;
        if (sold_out) return ctx.publish(Receipt{m.stock, "sold out", m.number});
        ctx.transact(std::make_shared<TakeOne>(m.stock, taker_of(m.number)));
        ctx.publish(Receipt{m.stock, "sold", m.number});
      })
      .build();
}

bool is_answered(int number) {
  return number % 2 == 0;
}

std::string taker_of(int number) {
  return "order " + std::to_string(number);
}

}  // namespace sagabus::testing::simulation
