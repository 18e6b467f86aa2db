// The tests of the bus over a store, over the store that has faults built in.
#include "conformance/bus_timers.hpp"
#include "sagabus/memory/store.hpp"

namespace {

sagabus::testing::StoreFactory store_factory() {
  sagabus::testing::StoreFactory factory;
  factory.make = [](const sagabus::testing::StoreSettings& settings) {
    return sagabus::memory::SagaStore{{.ttl_days = settings.ttl_days, .ambient = settings.ambient}};
  };
  return factory;
}

SAGABUS_BUS_ON_STORE(Mutant, store_factory());
SAGABUS_BUS_TIMERS(Mutant, store_factory());

}  // namespace
