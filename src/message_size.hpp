// How large a message is on its way: pure functions.
#pragma once

#include <cstddef>

#include "sagabus/envelope.hpp"

namespace sagabus::detail {

// Its JSON form has at most that many bytes. Is written out only where that is near.
bool fits(const Envelope& envelope, std::size_t most);

// Throws ValidationError naming the message's type, its size and the limit, where it does not fit.
void check_size(const Envelope& envelope, std::size_t most);

}  // namespace sagabus::detail
