// What the three public headers of this box share.
#pragma once

#include <string_view>

#include "sagabus/sqlite/embedded.hpp"
#include "sqlite/lane.hpp"

namespace sagabus::sqlite {

// `what` is the type that the user builds. Throw std::invalid_argument.
void check_store(std::string_view what, std::optional<double> ttl_days);
void check_transport(std::string_view what, const TransportOptions& options);

// How many operations the store's database has run, in how many writes to the disk.
LaneCounters counters_of(const SagaStore& store);

// How many receivers have found nothing and wait.
std::size_t waiting_receivers(const Transport& transport);

class EmbeddedFactory {
 public:
  static Embedded make(EmbeddedOptions options);
};

}  // namespace sagabus::sqlite
