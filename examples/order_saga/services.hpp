// Whom the order saga talks to. Some of what they do fails, by rules that are easy to tell:
//
//   payments   refuse a total above the limit of the card
//   inventory  has no unicorns
//   shipping   reaches the lighthouse at the second try only
#pragma once

#include <sagabus/service.hpp>
#include <vector>

#include "books.hpp"

namespace orders {

inline constexpr std::int64_t kCardLimitCents = 50'000;

// The books must outlive the bus that runs the service.
sagabus::Service payments(Books& books);
sagabus::Service inventory(Books& books);
sagabus::Service shipping(Books& books);

// Takes down how orders end.
sagabus::Service audit(Books& books);

}  // namespace orders
