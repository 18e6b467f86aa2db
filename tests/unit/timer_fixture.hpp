// A saga that sets timeouts and schedules messages as a test has put it down, in virtual time.
#pragma once

#include <functional>
#include <map>

#include "bus_fixture.hpp"
#include "sagabus/timer.hpp"
#include "sagabus/timer_store.hpp"

namespace fixture {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Begin {
  std::string id;
};
SAGABUS_MESSAGE(Begin, id)

// Does what the test has put down under that name.
struct Do {
  std::string id;
  std::string what;
};
SAGABUS_MESSAGE(Do, id, what)

struct Rung {
  std::string id;
  std::string bell;
};
SAGABUS_MESSAGE(Rung, id, bell)

struct Watcher {
  std::string id{};
  std::vector<std::string> heard{};
  std::optional<ScheduledMessage> scheduled{};
};
SAGABUS_DESCRIBE(Watcher, id, heard, scheduled)

class TimerTest : public BusTest {
 protected:
  using Act = std::function<void(Watcher&, SagaContext&)>;

  // What on_timeout("tea"), on_timeout("nap") and the handler of any other are called with.
  void hear(Watcher& s, const std::string& name) {
    s.heard.push_back(name);
    heard_at_.push_back(clock_->now() - begin_);
    const auto then = on_hearing_.find(name);
    if (then != on_hearing_.end()) hearing_ = &then->second;
  }

  SagaDefinition saga() {
    return sagabus::saga<Watcher>("Watch")
        .correlate<Begin>(&Begin::id, can_start)
        .correlate<Do>(&Do::id)
        .correlate<Rung>(&Rung::id)
        .initial([](const Begin& m) { return Watcher{m.id}; })
        .on<Begin>()
        .handle([this](const Begin&, Watcher& s, SagaContext& ctx) {
          if (on_begin_) on_begin_(s, ctx);
        })
        .on<Do>()
        .handle([this](const Do& m, Watcher& s, SagaContext& ctx) { acts_.at(m.what)(s, ctx); })
        .on<Rung>()
        .handle([this](const Rung& m, Watcher& s) { hear(s, "rung " + m.bell); })
        .on_timeout("tea")
        .when([this](const Watcher&) { return open_; })
        .handle([this](const SagaTimeoutExpired& m, Watcher& s, SagaContext& ctx) {
          last_ = m;
          hear(s, "tea");
          if (hearing_) std::exchange(hearing_, nullptr)->operator()(s, ctx);
        })
        .on_timeout("nap")
        .handle([this](Watcher& s) { hear(s, "nap"); })
        .on<SagaTimeoutExpired>()
        .handle([this](const SagaTimeoutExpired& m, Watcher& s) {
          last_ = m;
          hear(s, m.timeoutName.value_or("any"));
        })
        .restart_when_completed()
        .build();
  }

  Bus& begin(BusOptions options) {
    begin_ = clock_->now();
    return start(std::move(options));
  }
  Bus& begin() { return begin(options({saga()})); }

  void send(Bus& bus, const std::string& what, Act act, const std::string& id = "w") {
    acts_[what] = std::move(act);
    await(bus.publish(Do{id, what}));
  }
  // What can be done at this moment, with nothing of what comes later.
  void pass(std::chrono::milliseconds time) {
    run_now();
    clock_->advance(time);
    run_now();
  }

  Watcher watcher(const std::string& id = "w") {
    return from_value<Watcher>(find(id, "Watch").value().state);
  }
  std::vector<Timer> timers(const std::string& id = "w") {
    return find(id, "Watch").value().bookkeeping.timers;
  }
  std::vector<TimerRow> rows() {
    std::string from_the_start;
    return await(store_.backend()->timers()->list(1000, std::move(from_the_start))).rows;
  }
  std::string letter() {
    const auto letters = transport_.peek("Watch.dlq");
    return letters.empty() ? "" : letters.back()->headers.at("x-saga-error-message");
  }

  TimePoint begin_{};
  Act on_begin_;
  std::map<std::string, Act> acts_;
  std::map<std::string, Act> on_hearing_;
  Act* hearing_ = nullptr;
  bool open_ = true;
  std::vector<std::chrono::milliseconds> heard_at_;
  SagaTimeoutExpired last_;
};

}  // namespace fixture
