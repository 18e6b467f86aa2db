// One configuration: orders run, two workers carry them out, are killed and replaced, until enough
// have been killed. Then the rest of the orders runs to its end, and the books are checked.
#pragma once

#include <poll.h>

#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "faults/books.hpp"
#include "faults/history.hpp"
#include "faults/kills.hpp"
#include "faults/life.hpp"
#include "faults/naps.hpp"
#include "faults/queues.hpp"
#include "integration/sqlite_support.hpp"
#include "sagabus/bus.hpp"

namespace sagabus::faults {

struct KillSettings {
  unsigned kills = 0;
  unsigned naps = 0;
  std::uint32_t seed = 0;
  Plan plan{};           // what all workers have in common; the database and the journal are ours
  unsigned orders = 32;  // in flight
  SagaStore store{};     // to look into in the end; empty: the database
};

class KillRun {
 public:
  explicit KillRun(KillSettings settings);

  // Throws std::runtime_error where nothing happens any more, the time is up, or a worker ended
  // otherwise than by SIGKILL.
  void run();

  // All that is not as it should be, once run() has ended. Ends bus and workers.
  std::vector<std::string> problems();

  const Kills& kills() const noexcept { return kills_; }
  std::string summary() const;

 private:
  using Clock = std::chrono::steady_clock;

  BusOptions bus_options();
  SagaStore store() const;
  bool is_quiet();
  bool no_timers() const;
  bool has_events() const;

  std::vector<pollfd> events() const;  // of the plain handlers, then of each life
  void turn();                         // waits for the next event, and deals with it
  std::chrono::milliseconds patience() const;
  void begin_life();
  Point rarest() const;
  void end_life(Life& life);
  void end_workers();
  unsigned draw(unsigned least, unsigned most);

  const KillSettings settings_;
  sqlite::TempDirectory directory_;
  const std::string database_ = directory_.file();
  Pipe own_events_;
  Books books_;
  History history_;
  Kills kills_;
  unsigned lives_begun_ = 0;
  std::uint64_t settled_by_repeats_ = 0;
  std::mt19937 random_;
  const Clock::time_point deadline_;
  Clock::time_point last_event_ = Clock::now();
  sqlite::Embedded here_;
  const std::unique_ptr<Queues> queues_;
  Naps naps_;
  Bus bus_;
  std::vector<std::unique_ptr<Life>> lives_;  // first to go
};

}  // namespace sagabus::faults
