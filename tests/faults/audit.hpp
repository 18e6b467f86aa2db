// What the sagas themselves say in the end, by what they counted.
#pragma once

#include <string>
#include <vector>

#include "sagabus/store.hpp"

namespace sagabus::faults {

// All that the store holds of the cast.
std::vector<Instance> read_instances(const SagaStore& store);

// A line for each of these orders that has not ended, lacks a participant, or to which something
// happened another number of times than once; and for each instance that belongs to none of them.
std::vector<std::string> audit(const std::vector<Instance>& instances,
                               const std::vector<std::string>& orders);

}  // namespace sagabus::faults
