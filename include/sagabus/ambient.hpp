// What every part of sagabus takes from its surroundings, in one place so that a test can replace
// it.
#pragma once

#include <memory>

#include "sagabus/clock.hpp"
#include "sagabus/log.hpp"
#include "sagabus/random.hpp"

namespace sagabus {

struct Ambient {
  std::shared_ptr<Clock> clock = system_clock();
  std::shared_ptr<RandomSource> random = system_random();
  Logger log{};  // says nothing by default
};

}  // namespace sagabus
