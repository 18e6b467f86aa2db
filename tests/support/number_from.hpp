// How much a test does, and with which seed, may be set from outside.
#pragma once

#include <cstdlib>
#include <string>

namespace sagabus::test {

inline unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text ? static_cast<unsigned>(std::stoul(text)) : otherwise;
}

}  // namespace sagabus::test
