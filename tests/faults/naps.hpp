// Workers that are stopped for longer than their leases last, as a machine that is suspended, and
// then go on with what they had in their hands.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "faults/life.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::faults {

class Naps {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Lives = std::vector<std::unique_ptr<Life>>;

  // One after another, `count` in all, each of another worker than the one before. `can_write` says
  // whether anybody can write to the file of the messages: a worker that is stopped amid a
  // transaction holds all others up, and proves nothing about them.
  Naps(unsigned count, TimerBackend& timers, std::function<bool()> can_write);

  // Begins or ends one, if that is due. The lives must be the same ones each time.
  void turn(const Lives& lives, Time now);
  // When one is to begin or to end; nothing where all are over.
  std::optional<Time> next() const { return next_; }

  // Naps that nobody took over from. The first one of all cannot be told.
  const std::vector<std::string>& problems() const noexcept { return problems_; }

 private:
  void begin(const Life& life);
  void end(const Life& life, Time now);
  std::vector<std::string> holders() const;  // of the leases, each once

  const unsigned count_;
  TimerBackend& timers_;
  const std::function<bool()> can_write_;
  unsigned begun_ = 0;
  bool asleep_ = false;
  std::optional<Time> next_;
  std::vector<std::string> kept_by_;  // the leases, at the end of the last nap
  std::vector<std::string> problems_;
};

}  // namespace sagabus::faults
