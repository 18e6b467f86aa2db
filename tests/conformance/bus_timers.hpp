// A saga that sets timeouts as it is told, over a store whose time is the test's.
#pragma once

#include "conformance/bus_on_store.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::test {

struct Wound {
  std::string id;
};
SAGABUS_MESSAGE(Wound, id)

struct Set {
  std::string id;
  std::string name;
  std::int64_t after = 0;  // ms; 0: cleared
};
SAGABUS_MESSAGE(Set, id, name, after)

struct Alarm {
  std::string id;
};
SAGABUS_MESSAGE(Alarm, id)

struct Clockwork {
  std::vector<std::string> rung{};
};
SAGABUS_DESCRIBE(Clockwork, rung)

class BusTimers : public BusOnStore {
 protected:
  BusTimers() { fire_timers_ = true; }

  SagaDefinition clockwork() const {
    return saga<Clockwork>(name_)
        .correlate<Wound>(&Wound::id, can_start)
        .correlate<Set>(&Set::id)
        .correlate<Alarm>(&Alarm::id)
        .correlate<Ended>(&Ended::id)
        .initial([] { return Clockwork{}; })
        .on<Set>()
        .handle([](const Set& m, Clockwork&, SagaContext& ctx) {
          if (m.after == 0) return ctx.clear_timeout(m.name);
          ctx.set_timeout(m.name, std::chrono::milliseconds(m.after));
        })
        .on<Alarm>()
        .handle([](const Alarm&, Clockwork& s) { s.rung.push_back("alarm"); })
        .on<SagaTimeoutExpired>()
        .handle([](const SagaTimeoutExpired& m, Clockwork& s) {
          s.rung.push_back(m.timeoutName.value_or(""));
        })
        .on<Ended>()
        .handle([](const Ended&, Clockwork&, SagaContext& ctx) { ctx.complete(); })
        .restart_when_completed()
        .build();
  }

  // As time does: step by step.
  void live(std::chrono::milliseconds time) {
    for (const TimePoint end = clock_->now() + time; clock_->now() < end;)
      pass(std::chrono::milliseconds(250));
  }
  std::vector<std::string> rung(const std::string& id = "o") const {
    return from_value<Clockwork>(find(id).value().state).rung;
  }
  std::size_t rows() const {
    return sync_wait(store_.backend()->timers()->list(100, {})).rows.size();
  }
};

}  // namespace sagabus::test

#define SAGABUS_BUS_TIMERS(name, factory) \
  using ::sagabus::test::BusTimers;       \
  INSTANTIATE_TEST_SUITE_P(name, BusTimers, ::testing::Values(factory))
