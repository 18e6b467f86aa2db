// One saga's part of the ledger.
#pragma once

#include <mutex>
#include <vector>

#include "sagabus/ledger.hpp"

namespace sagabus::detail {

struct SagaData;

// Safe to use from any thread.
class SagaLedger {
 public:
  explicit SagaLedger(const SagaData& saga);

  // One delivery of the message type with that place in the definition.
  void add(std::size_t entry, bool committed, const Cost& cost);

  void append_to(Ledger& ledger) const;

 private:
  mutable std::mutex mutex_;
  Ledger lines_;  // one for each message type
};

}  // namespace sagabus::detail
