#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "progress_bar.hpp"

namespace sagabus::tools {

Progress::Progress(std::string what, std::uint64_t all) : what_(std::move(what)), all_(all) {}

Progress::~Progress() {
  hide();
}

void Progress::hide() {
  if (shown_) fmt::print(stderr, "\r\033[K");
  shown_ = false;
}

bool Progress::is_shown() {
  return isatty(STDERR_FILENO) != 0;
}

void Progress::show(std::uint64_t done) {
  const Clock::time_point now = Clock::now();
  if (now < next_ || !is_shown()) return;
  next_ = now + std::chrono::milliseconds(100);
  shown_ = true;
  const std::string far = all_ > 0 ? progress_bar(done, all_) : std::to_string(done);
  fmt::print(stderr, "\r\033[K  {} {}", far, what_);
}

}  // namespace sagabus::tools
