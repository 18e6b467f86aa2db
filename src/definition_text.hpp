// What people read of a definition.
#pragma once

#include <string>

#include "sagabus/definition.hpp"

namespace sagabus::detail {

// "PaymentTaken", "timeout payment", "any timeout".
inline std::string text_of(const SagaMessage& message) {
  if (!message.timeout) return message.type;
  return message.timeout->empty() ? std::string("any timeout") : "timeout " + *message.timeout;
}

}  // namespace sagabus::detail
