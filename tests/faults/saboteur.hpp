// Sits in a worker, around its store and its transport: kills the process at a named point, loses
// answers, and keeps the journal.
#pragma once

#include <atomic>
#include <memory>

#include "faults/journal.hpp"
#include "faults/plan.hpp"
#include "testing/decorators.hpp"

namespace sagabus::faults {

class Saboteur {
 public:
  explicit Saboteur(const Plan& plan);

  // Both refer to this object.
  SagaStore around(const SagaStore& store);
  Transport around(const Transport& transport);

 private:
  void pass(Point point);   // does not return where the plan says so
  void lose_answer();       // throws where it is its turn
  static void show_life();  // to the test, which waits for events
  void after_commit(const CommitRequest& request, const CommitResult& result);

  const Plan plan_;
  const Journal journal_;
  std::atomic<unsigned> passings_ = 0;
  std::atomic<unsigned> answers_ = 0;
};

}  // namespace sagabus::faults
