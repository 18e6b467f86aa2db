#include "saga_ledger.hpp"

#include <algorithm>
#include <iterator>

#include "sagabus/definition.hpp"

namespace sagabus::detail {

SagaLedger::SagaLedger(const SagaData& saga) {
  lines_.resize(saga.messages.size());
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    lines_[i].saga_name = saga.name;
    lines_[i].message_type = saga.messages[i].type;
    const auto& timeout = saga.messages[i].timeout;
    if (timeout && !timeout->empty()) lines_[i].message_type += ": " + *timeout;
  }
}

void SagaLedger::add(std::size_t entry, bool committed, const Cost& cost) {
  const std::lock_guard lock(mutex_);
  LedgerLine& line = lines_[entry];
  ++line.deliveries;
  if (committed) ++line.commits;
  line.cost += cost;
}

void SagaLedger::append_to(Ledger& ledger) const {
  const std::lock_guard lock(mutex_);
  std::copy_if(lines_.begin(), lines_.end(), std::back_inserter(ledger),
               [](const LedgerLine& line) { return line.deliveries != 0; });
}

}  // namespace sagabus::detail
