// The versions of each instance, put together from the journals of all workers.
//
// What is sound evidence of a process that dies at any moment: "try" stands in the journal before
// the write can be in the store, "won" and "lost" only after the store has said so. So a version
// that is in the store has a "try"; it has a "won" too, or a "try" whose end nobody wrote down.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "faults/journal.hpp"

namespace sagabus::faults {

class History {
 public:
  // One life's journal.
  void add(const std::vector<Line>& lines);

  // A line for each version that is missing, was written twice, or belongs to another life than
  // the instance has in the end. `instances` is all that the store holds.
  std::vector<std::string> problems(const std::vector<Instance>& instances) const;

  std::uint64_t commits() const noexcept { return commits_; }
  std::uint64_t races_lost() const noexcept { return races_lost_; }

 private:
  struct Key {
    std::string saga;
    std::string saga_id;
    std::string birth;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Version {
    int won = 0;
    int open = 0;  // tries that neither won nor lost
  };
  using Versions = std::map<std::uint64_t, Version>;

  static std::string problem_of(const Versions& versions, std::uint64_t last);

  std::map<Key, Versions> lives_;
  std::uint64_t commits_ = 0;
  std::uint64_t races_lost_ = 0;
};

}  // namespace sagabus::faults
