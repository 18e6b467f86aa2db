#include "conformance/bus_timers.hpp"
#include "sagabus/conformance/store.hpp"
#include "sagabus/conformance/transport.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"

namespace {

namespace memory = sagabus::memory;
using sagabus::testing::StoreFactory;
using sagabus::testing::StoreSettings;
using sagabus::testing::TransportFactory;
using sagabus::testing::TransportSettings;

StoreFactory store_factory() {
  StoreFactory factory;
  factory.make = [](const StoreSettings& settings) {
    return memory::SagaStore{{.ttl_days = settings.ttl_days, .ambient = settings.ambient}};
  };
  return factory;
}

TransportFactory transport_factory(bool ordered_by_key = false) {
  TransportFactory factory;
  factory.make = [ordered_by_key](const TransportSettings& settings) {
    return memory::Transport{{.visibility_timeout = settings.visibility_timeout,
                              .deduplication_window = settings.deduplication_window,
                              .ordered_by_key = ordered_by_key,
                              .ambient = settings.ambient}};
  };
  factory.ordered_by_key = ordered_by_key;
  factory.quiet_time = std::chrono::milliseconds(0);
  return factory;
}

SAGABUS_STORE_CONFORMANCE(Memory, store_factory());
SAGABUS_BUS_ON_STORE(Memory, store_factory());
SAGABUS_BUS_TIMERS(Memory, store_factory());
SAGABUS_TRANSPORT_CONFORMANCE(Memory, transport_factory());
SAGABUS_TRANSPORT_CONFORMANCE(MemoryOrdered, transport_factory(true));

}  // namespace
