// What every constructor asks of the surroundings it is given.
#pragma once

#include <stdexcept>
#include <string>

#include "sagabus/ambient.hpp"

namespace sagabus::detail {

// Throws std::invalid_argument naming the field that is null. `owner` comes before the name.
inline void check(const Ambient& ambient, const std::string& owner = {}) {
  if (!ambient.clock) throw std::invalid_argument(owner + "ambient.clock: missing");
  if (!ambient.random) throw std::invalid_argument(owner + "ambient.random: missing");
}

}  // namespace sagabus::detail
