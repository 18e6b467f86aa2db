// A whole program with one saga: a coffee is ordered, paid for, and served.
// clang-format off
// [hello]
#include <atomic>
#include <iostream>
#include <sagabus/bus.hpp>
#include <sagabus/saga.hpp>
#include <sagabus/sqlite/embedded.hpp>
#include <sagabus/sync_wait.hpp>

struct CoffeeOrdered { std::string orderId, drink; };
struct CoffeePaid { std::string orderId; };
struct CoffeeServed { std::string drink; };
struct CoffeeState { std::string drink; };  // what the saga remembers in between
SAGABUS_MESSAGE(CoffeeOrdered, orderId, drink)
SAGABUS_MESSAGE(CoffeePaid, orderId)
SAGABUS_MESSAGE(CoffeeServed, drink)
SAGABUS_DESCRIBE(CoffeeState, drink)

int main() {
  using namespace sagabus;
  auto coffee = saga<CoffeeState>("Coffee")
      .correlate_all([](const auto& message) { return message.orderId; })
      .initial([](const CoffeeOrdered& m) { return CoffeeState{m.drink}; })
      .on<CoffeeOrdered>(can_start).handle([](const CoffeeOrdered&, CoffeeState&) {})
      .on<CoffeePaid>().handle([](const CoffeePaid&, CoffeeState& s, SagaContext& ctx) {
        ctx.publish(CoffeeServed{s.drink});
        ctx.complete();
      })
      .build();

  std::atomic<bool> served = false;
  auto counter = service("counter").on<CoffeeServed>([&](const CoffeeServed& m) {
    std::cout << "Your " << m.drink << ", please.\n";
    served = true;
    served.notify_one();
  });

  auto here = sqlite::embedded("hello.db");  // state and messages, durable, in one file
  Bus bus{{.transport = here.transport, .store = here.store, .sagas = {coffee}, .services = {counter}}};
  sync_wait(bus.start());
  const std::string order = new_uuid(*system_random());
  sync_wait(bus.publish(CoffeeOrdered{order, "flat white"}));
  sync_wait(bus.publish(CoffeePaid{order}));
  served.wait(false);
  sync_wait(bus.stop());
}
// [hello]
// clang-format on
