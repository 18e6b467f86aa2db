// Store and transport in one SQLite file: all that a program on one machine needs.
//
//   auto here = sagabus::sqlite::embedded("orders.db");
//   sagabus::Bus bus{{.transport = here.transport, .store = here.store, ...}};
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "sagabus/ambient.hpp"
#include "sagabus/sqlite/store.hpp"
#include "sagabus/sqlite/transport.hpp"

namespace sagabus::sqlite {

// The options of StoreOptions and TransportOptions, which document them.
struct EmbeddedOptions {
  std::string path{};
  std::optional<double> ttl_days{};
  std::chrono::milliseconds visibility_timeout{std::chrono::seconds(30)};
  std::chrono::milliseconds deduplication_window{std::chrono::minutes(5)};
  std::chrono::milliseconds poll_interval{50};
  std::chrono::milliseconds busy_timeout{5000};
  Ambient ambient{};
};

struct Embedded {
  SagaStore store;
  Transport transport;
};

// Both share one open file: a step of a saga (its instance, what it sends, the acknowledgement of
// its message) is one transaction, and steps that end at the same time share one write to the disk.
// A store and a transport that are made apart do not join, even on the same file: their bus keeps
// an outbox. Throws std::invalid_argument for wrong options; opens the file with the first
// operation.
Embedded embedded(EmbeddedOptions options);
Embedded embedded(std::string path);

}  // namespace sagabus::sqlite
