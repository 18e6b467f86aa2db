#include "simulation/lives.hpp"

#include "protocol/storm_cast.hpp"
#include "sagabus/saga.hpp"

namespace sagabus::testing::simulation {
namespace {

using namespace std::chrono_literals;
using protocol::Receipt;

void rest_later(SagaContext& ctx, const LifeState& state) {
  ctx.set_timeout("rest", state.first % 2 == 0 ? 15s : 100s);
}

void end_by_rest(const SagaTimeoutExpired& m, LifeState& s, SagaContext& ctx) {
  ctx.publish(Receipt{m.correlationId, "rest", s.first});
  ctx.complete();
}

// A race is over after one to three laps, or when its runner rests.
SagaDefinition races() {
  return saga<LifeState>(kRaces)
      .restart_when_completed()
      .correlate<Lap>(&Lap::runner, can_start)
      .initial([](const Lap& m) {
        return LifeState{m.number, 0};
      })
      .on<Lap>()
      .handle([](const Lap& m, LifeState& s, SagaContext& ctx) {
        ++s.count;
        ctx.publish(Receipt{m.runner, "lap", m.number});
        if (s.count > s.first % 3) return ctx.complete();
        rest_later(ctx, s);
      })
      .on_timeout("rest")
      .handle(end_by_rest)
      .build();
}

SagaDefinition visits() {
  return saga<LifeState>(kVisits)
      .correlate<Visit>(&Visit::runner, can_start)
      .initial([](const Visit& m) {
        return LifeState{m.number, 0};
      })
      .on<Visit>()
      .handle([](const Visit& m, LifeState& s, SagaContext& ctx) {
        ctx.publish(Receipt{m.runner, "visit", m.number});
        if (++s.count == 2) return ctx.complete();
        rest_later(ctx, s);
      })
      .on_timeout("rest")
      .handle(end_by_rest)
      .build();
}

}  // namespace

std::vector<SagaDefinition> lives_cast() {
  return {races(), visits()};
}

}  // namespace sagabus::testing::simulation
