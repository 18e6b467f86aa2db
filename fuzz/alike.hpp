// Values that are the same once they have been in DynamoDB.
#pragma once

#include "sagabus/value.hpp"

namespace sagabus::fuzz {

// Numbers by what they are, not by their kind; members by name, the last of a name.
bool alike(const Value& a, const Value& b);

}  // namespace sagabus::fuzz
