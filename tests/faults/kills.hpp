// What was killed, and what it was doing.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "faults/journal.hpp"
#include "faults/plan.hpp"

namespace sagabus::faults {

// Only workers that had begun something count.
class Kills {
 public:
  // A worker with this plan was killed, and this is its journal. Throws std::runtime_error where it
  // was not where the plan says: then somebody else has killed it.
  void add(const Plan& plan, const std::vector<Line>& lines);

  unsigned total() const;
  // By point; the last is at a random moment.
  const std::array<unsigned, kPoints.size()>& at() const noexcept { return at_; }

  std::string text() const;

 private:
  std::array<unsigned, kPoints.size()> at_{};
  unsigned before_work_ = 0;  // too early to count
  // Kills that met at least one of these half-way, and those that met none.
  unsigned commits_ = 0;
  unsigned dispatches_ = 0;
  unsigned acknowledgements_ = 0;
  unsigned none_ = 0;
  unsigned answers_lost_ = 0;  // by those who were killed, before
};

}  // namespace sagabus::faults
