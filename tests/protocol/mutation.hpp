// Which fault this run of the tests is to have, if any.
#pragma once

#include <cstdlib>
#include <string_view>

namespace sagabus::protocol {

// For the patches of mutate.py.
inline bool mutated(std::string_view name) {
  static const char* const chosen = std::getenv("SAGABUS_MUTATION");
  return chosen && name == chosen;
}

}  // namespace sagabus::protocol
