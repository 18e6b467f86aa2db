#include "confirm.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <iostream>
#include <iterator>
#include <system_error>

namespace sagabus::tools {
namespace {

int told_file = -1;  // where tell() writes; of one question at a time

extern "C" void tell(int) {
  const int before = errno;
  const char byte = 0;
  static_cast<void>(!::write(told_file, &byte, 1));
  errno = before;
}

// While it lives, Ctrl-C and SIGTERM are told through a pipe: whoever listens for them else (run)
// does so on the thread that waits for the answer. They may come on any thread.
class ToldSignals {
 public:
  ToldSignals() {
    if (::pipe2(pipe_, O_CLOEXEC | O_NONBLOCK) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    told_file = pipe_[1];
    struct sigaction action {};
    action.sa_handler = tell;
    action.sa_flags = SA_RESTART;
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &action, &before_[i]);
    }
  }
  ~ToldSignals() {
    for (std::size_t i = 0; i < std::size(kSignals); ++i) {
      sigaction(kSignals[i], &before_[i], nullptr);
    }
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  ToldSignals(const ToldSignals&) = delete;
  ToldSignals& operator=(const ToldSignals&) = delete;

  // Can be read once there was one.
  int file() const { return pipe_[0]; }
  bool was_one() const {
    char byte = 0;
    return ::read(pipe_[0], &byte, 1) == 1;
  }

 private:
  static constexpr int kSignals[] = {SIGINT, SIGTERM};
  int pipe_[2] = {-1, -1};
  struct sigaction before_[std::size(kSignals)];
};

}  // namespace

void add_consent(CLI::App& verb, Consent& consent) {
  add_switch(verb, "--yes", consent.yes, "Do not ask");
  add_switch(verb, "--dry-run", consent.dry_run, "Only say what would be done");
}

void require_consent(const Consent& consent, std::string_view to_do) {
  if (consent.is_asked_for()) require_terminal(to_do);
}

void require_terminal(std::string_view to_do) {
  if (isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0) return;
  throw Failure(Exit::wrong_use,
                fmt::format("there is no terminal to ask on: give --yes to {}", to_do));
}

std::optional<std::string> ask_for_line(const std::string& question) {
  const ToldSignals signals;
  fmt::print(stderr, "{}: ", question);
  pollfd sources[] = {{STDIN_FILENO, POLLIN, 0}, {signals.file(), POLLIN, 0}};
  while (poll(sources, 2, -1) < 0) {
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "the terminal");
  }
  if (signals.was_one()) {
    fmt::print(stderr, "\n");
    throw Failure(Exit::interrupted, "interrupted: nothing was changed");
  }
  std::string answer;
  if (!std::getline(std::cin, answer)) {
    fmt::print(stderr, "\n");
    return std::nullopt;
  }
  return answer;
}

bool is_sure(const std::string& question, std::string_view name) {
  return ask_for_line(question) == name;
}

}  // namespace sagabus::tools
