// A program of its own that uses the installed sagabus: one saga that counts visits.
#include <atomic>
#include <iostream>
#include <sagabus/bus.hpp>
#include <sagabus/saga.hpp>
#include <sagabus/sqlite/embedded.hpp>
#include <sagabus/sync_wait.hpp>

struct Visit {
  std::string guest;
};
SAGABUS_MESSAGE(Visit, guest)

struct Guest {
  int visits = 0;
};
SAGABUS_DESCRIBE(Guest, visits)

int main(int argc, char** argv) {
  std::atomic<int> visits = 0;
  const auto welcome = sagabus::saga<Guest>("Welcome")
                           .correlate<Visit>(&Visit::guest, sagabus::can_start)
                           .initial([] { return Guest{}; })
                           .on<Visit>()
                           .handle([&](const Visit&, Guest& guest) {
                             visits = ++guest.visits;
                             visits.notify_one();
                           })
                           .build();
  const auto here = sagabus::sqlite::embedded(argc > 1 ? argv[1] : "quickstart.db");
  sagabus::Bus bus{{.transport = here.transport, .store = here.store, .sagas = {welcome}}};
  sagabus::sync_wait(bus.start());
  sagabus::sync_wait(bus.publish(Visit{"you"}));
  visits.wait(0);
  sagabus::sync_wait(bus.stop());
  std::cout << "You have been here " << visits << " times.\n";
}
