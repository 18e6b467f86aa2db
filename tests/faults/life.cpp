#include "faults/life.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace sagabus::faults {
namespace {

std::vector<std::string> command(const Plan& plan) {
  std::vector<std::string> words{SAGABUS_KILL_WORKER};
  for (std::string& it : to_words(plan)) words.push_back(std::move(it));
  return words;
}

}  // namespace

Pipe::Pipe() {
  if (::pipe2(ends_, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
}

Pipe::~Pipe() {
  ::close(ends_[0]);
  close_writer();
}

void Pipe::close_writer() {
  if (ends_[1] >= 0) ::close(std::exchange(ends_[1], -1));
}

bool Pipe::drain() const {
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(reader(), buffer, sizeof buffer);
    if (size == 0) return false;
    if (size < 0 && errno == EAGAIN) return true;
    if (size < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "read");
  }
}

Life::Life(Plan plan, std::optional<Moment> moment)
    : plan_(std::move(plan)), moment_(moment), process_(command(plan_), pipe_.writer()) {
  pipe_.close_writer();  // so that its end is the end of the pipe
  if (moment_ && moment_->from_start) kill_at_ = std::chrono::steady_clock::now() + moment_->after;
}

bool Life::hear() {
  if (!pipe_.drain()) return false;
  if (moment_ && !kill_at_) kill_at_ = std::chrono::steady_clock::now() + moment_->after;
  return true;
}

void Life::kill_if_due(Time now) {
  if (!kill_at_ || now < *kill_at_) return;
  kill_at_.reset();
  process_.signal(SIGKILL);
}

}  // namespace sagabus::faults
