#include "run_sagabus.hpp"

#include <fcntl.h>
#include <pty.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <system_error>

namespace sagabus::test {
namespace {

[[noreturn]] void fail(int error, const char* what) {
  throw std::system_error(error, std::generic_category(), what);
}

int open_file(const std::string& path) {
  const int file = path.empty() ? open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                                : open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (file < 0) fail(errno, "open");
  return file;
}

std::string read_file(int file) {
  std::string text;
  char buffer[4096];
  for (off_t offset = 0;;) {
    const ssize_t count = pread(file, buffer, sizeof buffer, offset);
    if (count <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    offset += count;
  }
}

std::vector<std::string> make_environment(const RunOptions& options) {
  auto changes = options.environment;
  changes.try_emplace("SAGABUS_STORE");
  changes.try_emplace("SAGABUS_TRANSPORT");
  std::vector<std::string> out;
  for (char** variable = environ; *variable; ++variable) {
    const std::string text = *variable;
    if (!changes.contains(text.substr(0, text.find('=')))) out.push_back(text);
  }
  for (const auto& [name, value] : changes) {
    if (value) out.push_back(name + '=' + *value);
  }
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Running::Running(const std::vector<std::string>& arguments, const RunOptions& options)
    : out_is_caught_(options.stdout_path.empty()),
      out_(open_file(options.stdout_path)),
      err_(open_file("")) {
  std::vector<std::string> words{SAGABUS_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = make_environment(options);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out_, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err_, STDERR_FILENO);
  const int error = posix_spawn(&pid_, SAGABUS_PROGRAM, &actions, nullptr, pointers(words).data(),
                                pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(error, "posix_spawn");
}

Running::~Running() {
  if (!status_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(out_);
  close(err_);
}

void Running::send_signal(int signal) const {
  if (!status_) kill(pid_, signal);  // the number may be another's by now
}

bool Running::has_ended() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_.has_value();
}

long Running::peak_kb() const {
  std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
  for (std::string word; status >> word;) {
    long kb = 0;
    if (word == "VmHWM:" && status >> kb) return kb;
  }
  return 0;
}

Ran Running::wait() {
  int status = 0;
  if (!status_) {
    if (waitpid(pid_, &status, 0) != pid_) fail(errno, "waitpid");
    status_ = status;
  }
  Ran ran;
  ran.exit = WIFEXITED(*status_) ? WEXITSTATUS(*status_) : 128 + WTERMSIG(*status_);
  if (out_is_caught_) ran.out = read_file(out_);
  ran.err = read_file(err_);
  return ran;
}

OnTerminal::OnTerminal(const std::vector<std::string>& arguments, const RunOptions& options) {
  std::vector<std::string> words{SAGABUS_PROGRAM};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables = make_environment(options);
  const std::vector<char*> argv = pointers(words);
  const std::vector<char*> envp = pointers(variables);
  winsize size{};
  size.ws_col = 80;
  size.ws_row = 25;
  pid_ = forkpty(&terminal_, nullptr, nullptr, &size);
  if (pid_ < 0) fail(errno, "forkpty");
  if (pid_ > 0) return;
  execve(SAGABUS_PROGRAM, argv.data(), envp.data());
  _exit(127);
}

OnTerminal::~OnTerminal() {
  if (!waited_) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(terminal_);
}

bool OnTerminal::read_more() {
  char buffer[4096];
  const ssize_t count = read(terminal_, buffer, sizeof buffer);
  if (count <= 0) return false;
  seen_.append(buffer, static_cast<std::size_t>(count));
  return true;
}

void OnTerminal::wait_for(const std::string& text) {
  for (;;) {
    const std::size_t at = seen_.find(text, looked_at_);
    if (at != std::string::npos) {
      looked_at_ = at + text.size();
      return;
    }
    if (!read_more()) return;
  }
}

void OnTerminal::type(const std::string& line) const {
  const std::string text = line + '\n';
  if (write(terminal_, text.data(), text.size()) < 0) fail(errno, "write");
}

void OnTerminal::interrupt() const {
  kill(pid_, SIGINT);
}

Ran OnTerminal::wait() {
  while (read_more()) {
  }
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) fail(errno, "waitpid");
  waited_ = true;
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), seen_, {}};
}

Ran run_sagabus(const std::vector<std::string>& arguments, const RunOptions& options) {
  Running running(arguments, options);
  return running.wait();
}

bool is_one_line(const std::string& text) {
  return text.size() > 1 && text.back() == '\n' && std::count(text.begin(), text.end(), '\n') == 1;
}

}  // namespace sagabus::test
