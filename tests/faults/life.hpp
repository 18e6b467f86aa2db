// A worker as the test sees it, from its start to its end.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "faults/plan.hpp"
#include "support/child_process.hpp"

namespace sagabus::faults {

// Closed with it, and not inherited. Neither end blocks.
class Pipe {
 public:
  Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe();

  int reader() const noexcept { return ends_[0]; }
  int writer() const noexcept { return ends_[1]; }
  void close_writer();

  // Takes all that is in it. False where nothing more can come.
  bool drain() const;

 private:
  int ends_[2] = {-1, -1};
};

class Life {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Random moments count from the first sign of life, or from the start.
  struct Moment {
    std::chrono::milliseconds after{0};
    bool from_start = false;
  };

  Life(Plan plan, std::optional<Moment> moment);

  const Plan& plan() const noexcept { return plan_; }
  int events() const noexcept { return pipe_.reader(); }

  // To be called when there is an event. False where the process has ended.
  bool hear();
  // When it is to be killed, where that is known.
  std::optional<Time> kill_at() const noexcept { return kill_at_; }
  void kill_if_due(Time now);

  void kill() { process_.kill(); }
  void stop() const { process_.stop(); }
  void go_on() const { process_.signal(SIGCONT); }
  int wait() { return process_.wait(); }

 private:
  const Plan plan_;
  const std::optional<Moment> moment_;
  Pipe pipe_;
  test::ChildProcess process_;
  std::optional<Time> kill_at_;
};

}  // namespace sagabus::faults
