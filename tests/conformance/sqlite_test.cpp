#include "conformance/bus_timers.hpp"
#include "integration/sqlite_support.hpp"
#include "sagabus/conformance/store.hpp"
#include "sagabus/conformance/transport.hpp"

namespace {

namespace sqlite = sagabus::sqlite;
using sagabus::testing::StoreFactory;
using sagabus::testing::StoreSettings;
using sagabus::testing::TransportFactory;
using sagabus::testing::TransportSettings;

// In memory where that can be had: virtual time goes on while the disk is slow, and these tests are
// not about the disk.
std::string file() {
  static const std::filesystem::path memory = "/dev/shm";
  static const sqlite::TempDirectory directory(
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path());
  return directory.file();
}

StoreFactory store_factory() {
  StoreFactory factory;
  factory.make = [](const StoreSettings& settings) {
    return sqlite::SagaStore{
        {.path = file(), .ttl_days = settings.ttl_days, .ambient = settings.ambient}};
  };
  factory.shared = true;
  return factory;
}

TransportFactory transport_factory() {
  TransportFactory factory;
  factory.make = [](const TransportSettings& settings) {
    return sqlite::Transport{{.path = file(),
                              .visibility_timeout = settings.visibility_timeout,
                              .deduplication_window = settings.deduplication_window,
                              .poll_interval = std::chrono::minutes(1),
                              .ambient = settings.ambient}};
  };
  factory.quiet_time = std::chrono::milliseconds(100);
  return factory;
}

SAGABUS_STORE_CONFORMANCE(Sqlite, store_factory());
SAGABUS_BUS_ON_STORE(Sqlite, store_factory());
SAGABUS_BUS_TIMERS(Sqlite, store_factory());
SAGABUS_TRANSPORT_CONFORMANCE(Sqlite, transport_factory());

}  // namespace
