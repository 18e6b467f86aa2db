// A program that a test starts, and that does not outlive the test.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace sagabus::test {

class ChildProcess {
 public:
  // The first word is the program. What it prints goes to the open file `output`.
  ChildProcess(std::vector<std::string> words, int output) {
    std::vector<char*> argv;
    for (std::string& it : words) argv.push_back(it.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    const int error = ::posix_spawn(&id_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("posix_spawn " + words.front());
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess() { kill(); }

  void signal(int number) const {
    if (id_ > 0) ::kill(id_, number);
  }
  // All its threads stand still when this returns: one that is amid a system call stops only when
  // that is over.
  void stop() const {
    if (id_ <= 0) return;
    signal(SIGSTOP);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(id_), &info, WSTOPPED | WEXITED | WNOWAIT);
  }
  // Ends it at once. Harmless where it has been waited for.
  void kill() {
    if (id_ <= 0) return;
    signal(SIGKILL);
    wait();
  }
  // Waits for its end; the status as waitpid gives it.
  int wait() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = 0;
    return status;
  }

 private:
  pid_t id_ = 0;
};

}  // namespace sagabus::test
