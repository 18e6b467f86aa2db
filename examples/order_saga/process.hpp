// A process of our own making.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace orders {

// Killed with its handle, where it has not ended by then.
class Process {
 public:
  // The first word is the program, the rest what it is told. It inherits no open files but the
  // standard ones, and no Ctrl-C. Throws std::system_error.
  explicit Process(std::vector<std::string> words);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  pid_t id() const noexcept { return id_; }
  void signal(int number) const;  // harmless where it has ended

  // Its status, as waitpid gives it; nothing where it is still running.
  std::optional<int> ended();
  int wait();
  std::optional<int> wait_for(std::chrono::milliseconds time);

 private:
  std::optional<int> wait(int options);

  pid_t id_ = 0;
  std::optional<int> status_;
};

// Has the kernel kill this process when its parent ends, however that ends.
void die_with_parent(pid_t parent);

// For people: "was killed by signal 9", "ended with exit code 1".
std::string describe_status(int status);

}  // namespace orders
