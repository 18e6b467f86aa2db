// Whom the order saga talks to. Some of what they do fails, by rules that are easy to tell:
//
//   payments   refuse a total above the limit of the card
//   inventory  has no unicorns
//   shipping   reaches the lighthouse at the second try only
#pragma once

#include <sagabus/service.hpp>
#include <vector>

#include "ledger.hpp"

namespace orders {

inline constexpr std::int64_t kCardLimitCents = 50'000;

// The ledger must outlive the bus that runs the service.
sagabus::Service payments(Ledger& ledger);
sagabus::Service inventory(Ledger& ledger);
sagabus::Service shipping(Ledger& ledger);

// Takes down how orders end.
sagabus::Service audit(Ledger& ledger);

}  // namespace orders
