#include "aws/credential_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "aws/descriptor.hpp"
#include "aws/split_command.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr std::size_t kMaxOutput = 64 * 1024;
constexpr milliseconds kFirstPause(1);
constexpr milliseconds kLongestPause(20);

// "KEY=secret tool" would work in a shell; here KEY=secret is the program, and no name to show.
[[noreturn]] void refuse_program(const std::string& program, const std::string& why) {
  throw AccessDenied("credential_process " + program.substr(0, program.find('=')) + " " + why);
}

class SpawnActions {
 public:
  // Its output comes first: opening the input may overwrite `output`, where that is number 0.
  explicit SpawnActions(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    // Asio's sockets are open to child processes otherwise.
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
#endif
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions_);
  }

  const posix_spawn_file_actions_t* get() const {
    return &actions_;
  }

 private:
  posix_spawn_file_actions_t actions_;
};

// A process group of its own, and signals as a shell would give them to it.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    posix_spawnattr_init(&attributes_);
    sigset_t signals;
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { posix_spawnattr_destroy(&attributes_); }

  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

// The running program. Killed and waited for with the object, where it has not ended by then.
class CredentialProcess {
 public:
  // The first word is the program.
  explicit CredentialProcess(std::vector<std::string> words) : program_(words.front()) {
    std::array<int, 2> ends;
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) refuse("cannot be started", errno);
    pipe_ = Descriptor(ends[0]);
    const Descriptor output(ends[1]);
    const int flags = ::fcntl(pipe_.number(), F_GETFL);
    if (::fcntl(pipe_.number(), F_SETFL, flags | O_NONBLOCK) != 0) {
      refuse("cannot be started", errno);
    }
    start(std::move(words), output.number());
  }
  CredentialProcess(const CredentialProcess&) = delete;
  CredentialProcess& operator=(const CredentialProcess&) = delete;
  ~CredentialProcess() {
    if (id_ <= 0) return;
    // Neither number can be another's before the wait. The group may be one that it has left.
    ::kill(-id_, SIGKILL);
    const bool killed = ::kill(id_, SIGKILL) == 0;
    while (::waitpid(id_, nullptr, killed ? 0 : WNOHANG) < 0 && errno == EINTR) {
    }
  }

  // Whether it has ended. Throws where it ended badly.
  bool ended() {
    int status = 0;
    const pid_t found = ::waitpid(id_, &status, WNOHANG);
    if (found == 0 || (found < 0 && errno == EINTR)) return false;
    id_ = 0;  // may be another's from now on
    if (found < 0) refuse("has lost its status", errno);
    if (WIFSIGNALED(status)) refuse("was ended by signal " + std::to_string(WTERMSIG(status)));
    if (WEXITSTATUS(status) != 0) {
      refuse("ended with status " + std::to_string(WEXITSTATUS(status)));
    }
    return true;
  }

  // Takes what there is, so that the program can write on. Throws where it is too much.
  void take_output() {
    std::array<char, 4096> buffer;
    for (;;) {
      const ssize_t got = ::read(pipe_.number(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;
      output_.append(buffer.data(), static_cast<std::size_t>(got));
      if (output_.size() > kMaxOutput) refuse("wrote more than 64 KiB");
    }
  }

  std::string output() { return std::move(output_); }

  [[noreturn]] void refuse(const std::string& why, int error = 0) const {
    const std::string reason = error ? ": " + std::generic_category().message(error) : "";
    refuse_program(program_, why + reason);
  }

 private:
  void start(std::vector<std::string> words, int output) {
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const SpawnActions actions(output);
    const SpawnAttributes attributes;
    pid_t id = 0;
    const int error =
        ::posix_spawnp(&id, argv[0], actions.get(), attributes.get(), argv.data(), environ);
    if (error != 0) refuse("cannot be started", error);
    id_ = id;
  }

  const std::string program_;
  Descriptor pipe_;
  pid_t id_ = 0;  // 0 where there is nothing to wait for
  std::string output_;
};

}  // namespace

// Polls both the pipe and the end of the program. Waiting for the pipe beside a timer would take a
// strand, and need the polling still: a program may close its output and live on, or end and leave
// the output open in a process that it has started.
asio::awaitable<std::string> run_credential_process(std::string command, nanoseconds timeout) {
  const auto started = std::chrono::steady_clock::now();
  CredentialProcess process(split_command(command));
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (milliseconds pause = kFirstPause; !process.ended();
       pause = std::min(2 * pause, kLongestPause)) {
    process.take_output();
    const nanoseconds elapsed = std::chrono::steady_clock::now() - started;
    if (elapsed >= timeout) process.refuse("has not ended in time");
    timer.expires_after(std::min<nanoseconds>(pause, timeout - elapsed));
    co_await timer.async_wait(asio::use_awaitable);
  }
  process.take_output();
  co_return process.output();
}

}  // namespace sagabus::aws
