#include "hold.hpp"

#include <algorithm>

#include "sagabus/policy.hpp"

namespace sagabus::detail {
namespace {

using std::chrono::milliseconds;

// Each lane asks again after that: what is away is not to be overrun, and its return is to be seen
// within seconds.
constexpr RetryPolicy kHoldBackoff{.base_delay = milliseconds(200),
                                   .max_delay = milliseconds(10000)};

// What processing it again takes, and more.
constexpr std::chrono::seconds kForTheStep(5);

bool asks_to_be_held(const Work& work) {
  return work.verdict && work.verdict->hold;
}

}  // namespace

std::optional<milliseconds> hold(std::span<Work> works, const TransportBackend& transport,
                                 RandomSource& random) {
  unsigned holds = 0;
  for (const Work& work : works) {
    if (asks_to_be_held(work)) holds = std::max(holds, work.holds + 1);
  }
  if (holds == 0) return std::nullopt;
  const milliseconds rest = retry_delay(kHoldBackoff, holds, uniform(random));
  const bool may_rest = std::all_of(works.begin(), works.end(), [&](const Work& work) {
    return !asks_to_be_held(work) || transport.may_hold(work.delivery) > rest + kForTheStep;
  });
  if (!may_rest) return std::nullopt;
  for (Work& work : works) {
    if (!asks_to_be_held(work)) continue;
    work.delivery.redelivered = work.delivery.redelivered || work.verdict->how.uncertain;
    work.verdict.reset();
    work.holds = holds;
  }
  return rest;
}

}  // namespace sagabus::detail
