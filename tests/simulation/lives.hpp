// Sagas whose instances end: one begins again at once, the other only when its end has expired.
#pragma once

#include <string>
#include <vector>

#include "sagabus/definition.hpp"
#include "sagabus/describe.hpp"

namespace sagabus::testing::simulation {

// Counted from 1 for each runner. All of them count, whenever they come.
struct Lap {
  std::string runner;
  int number = 0;
};
SAGABUS_MESSAGE(Lap, runner, number)

// Those who come after the end, and before it has expired, find the door closed.
struct Visit {
  std::string runner;
  int number = 0;
};
SAGABUS_MESSAGE(Visit, runner, number)

struct LifeState {
  int first = 0;  // the number that it began with
  int count = 0;
};
SAGABUS_DESCRIBE(LifeState, first, count)

inline constexpr const char* kRaces = "Races";
inline constexpr const char* kVisits = "Visits";

// They tell the world by protocol::Receipt: of every lap, and of each end that a timeout brings.
std::vector<SagaDefinition> lives_cast();

}  // namespace sagabus::testing::simulation
