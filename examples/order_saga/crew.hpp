// The worker processes of the demo: starts them, kills some of them, and sends them home.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "process.hpp"

namespace orders {

struct CrewOptions {
  std::vector<std::string> command;  // of a worker
  std::size_t workers = 1;
  std::size_t kills = 0;   // spread evenly over the orders
  std::size_t orders = 1;  // at least one
  std::function<void(const std::string& line)> say;
};

// Used by one thread, which must outlive it: the workers die with that thread. Whoever is still at
// work at the crew's end is killed.
class Crew {
 public:
  // Throws std::system_error where a worker cannot be started.
  explicit Crew(CrewOptions options);

  // To be called time and again, with the number of orders that are settled. Kills whoever is due,
  // and starts another in its place. Throws std::runtime_error where a worker has ended by itself.
  void look_after(std::size_t settled);

  // Asks them to finish what they are at, and waits for them. Throws std::runtime_error for one
  // that does not end, or not well.
  void send_home();

  std::size_t killed() const noexcept { return killed_; }

 private:
  void kill_one(std::size_t settled);

  const CrewOptions options_;
  std::vector<std::unique_ptr<Process>> workers_;
  std::size_t killed_ = 0;
};

}  // namespace orders
