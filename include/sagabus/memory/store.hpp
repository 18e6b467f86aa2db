// A store in this process's memory, for tests and benchmarks. Nothing survives the process.
#pragma once

#include <optional>

#include "sagabus/store.hpp"

namespace sagabus::memory {

struct StoreOptions {
  // Completed instances are gone so many days after their last write; fractions are fine, down to
  // whole seconds. Empty: they stay. Positive, up to 36,500. Longer than the transport keeps a
  // message, and than messages may come late.
  std::optional<double> ttl_days{};

  // The clock by which instances expire.
  Ambient ambient{};
};

// A handle to a store of its own; copies share it. Converts to sagabus::SagaStore, whose functions
// it has: none of them waits, and each takes effect as one step.
class SagaStore : public sagabus::SagaStore {
 public:
  SagaStore();

  // Throws std::invalid_argument for an option out of its range.
  explicit SagaStore(StoreOptions options);
};

}  // namespace sagabus::memory
