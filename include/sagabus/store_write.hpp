// Writes of a user's own that a store carries out with a step: SagaContext::transact.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "sagabus/value.hpp"

namespace sagabus {

// Only the store that it is for knows what it says; sagabus/dynamodb/transact.hpp makes those of
// DynamoDB. Unchanging once made, so that a step may be tried with it again.
class StoreWrite {
 public:
  StoreWrite() = default;
  StoreWrite(const StoreWrite&) = delete;
  StoreWrite& operator=(const StoreWrite&) = delete;
  virtual ~StoreWrite() = default;

  // For error texts, such as "dynamodb: Update in stock"; nothing of its content.
  virtual std::string describe() const = 0;
};
using StoreWritePtr = std::shared_ptr<const StoreWrite>;

// One whose condition did not hold.
struct RefusedWrite {
  std::size_t index = 0;  // its place among the step's calls of transact(), from 0
  Value found{};          // what stood there, as an object; null where nothing did
};

}  // namespace sagabus
