// The bank's departments, and the applicants, who play their parts.
#pragma once

#include <sagabus/service.hpp>

#include "cast.hpp"

namespace loans {

// Both leave alone what is not about their cast, such as what an earlier run has left in a queue.
// The cast must outlive the bus.

sagabus::Service bank(const Cast& cast);

// `patience`: how long one waits before asking for a better offer. Less than an offer is valid.
sagabus::Service applicants(const Cast& cast, std::chrono::milliseconds patience);

}  // namespace loans
