// An order that is cancelled where its payment does not come in time.
#include <chrono>
#include <iostream>
#include <sagabus/bus.hpp>
#include <sagabus/saga.hpp>
#include <sagabus/sqlite/embedded.hpp>
#include <sagabus/sync_wait.hpp>
#include <semaphore>
#include <thread>

using namespace std::chrono_literals;

struct OrderPlaced {
  std::string orderId;
};
SAGABUS_MESSAGE(OrderPlaced, orderId)

struct OrderPaid {
  std::string orderId;
};
SAGABUS_MESSAGE(OrderPaid, orderId)

struct Order {
  std::string orderId{};
};
SAGABUS_DESCRIBE(Order, orderId)

sagabus::SagaDefinition order_saga(std::counting_semaphore<>& ended) {
  // [saga]
  return sagabus::saga<Order>("Order")
      .correlate<OrderPlaced>(&OrderPlaced::orderId, sagabus::can_start)
      .correlate<OrderPaid>(&OrderPaid::orderId)
      .initial([](const OrderPlaced& m) { return Order{m.orderId}; })
      .on<OrderPlaced>()
      .handle([](const OrderPlaced&, Order&, sagabus::SagaContext& ctx) {
        ctx.set_timeout("reminder", 1s);
        ctx.set_timeout("payment", 3s);
      })
      .on<OrderPaid>()
      .handle([&ended](const OrderPaid&, Order& s, sagabus::SagaContext& ctx) {
        std::cout << s.orderId << ": paid, " << ctx.timeout_remaining("payment")->count()
                  << " ms before the deadline" << std::endl;
        ctx.complete();  // takes its timeouts with it
        ended.release();
      })
      .on_timeout("reminder")
      .handle([](Order& s) { std::cout << s.orderId << ": please pay" << std::endl; })
      .on_timeout("payment")
      .handle([&ended](Order& s, sagabus::SagaContext& ctx) {
        std::cout << s.orderId << ": not paid, cancelled" << std::endl;
        ctx.complete();
        ended.release();
      })
      .restart_when_completed()
      .build();
  // [saga]
}

int main(int argc, char** argv) {
  auto here = sagabus::sqlite::embedded(argc > 1 ? argv[1] : "payment_deadline.db");
  std::counting_semaphore<> ended(0);
  sagabus::BusOptions options;
  options.transport = here.transport;
  options.store = here.store;
  options.sagas = {order_saga(ended)};
  sagabus::Bus bus{std::move(options)};
  sagabus::sync_wait(bus.start());
  sagabus::sync_wait(bus.publish(OrderPlaced{"order-1"}));
  sagabus::sync_wait(bus.publish(OrderPlaced{"order-2"}));
  std::this_thread::sleep_for(1500ms);
  sagabus::sync_wait(bus.publish(OrderPaid{"order-1"}));
  ended.acquire();
  ended.acquire();
  sagabus::sync_wait(bus.stop());
}
