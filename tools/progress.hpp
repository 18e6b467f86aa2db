// Shows on a terminal how far a verb is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace sagabus::tools {

// Writes on standard error where that is a terminal, and nothing elsewhere; a few times a second at
// most. The line goes with the object.
class Progress {
 public:
  // `all` is 0 where it is not known.
  Progress(std::string what, std::uint64_t all);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  static bool is_shown();

  void show(std::uint64_t done);
  // Makes room for another line; the next show() may come back.
  void hide();

 private:
  using Clock = std::chrono::steady_clock;

  const std::string what_;
  const std::uint64_t all_;
  Clock::time_point next_ = Clock::now();
  bool shown_ = false;
};

}  // namespace sagabus::tools
