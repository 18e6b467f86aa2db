// Runs the command in a process of its own.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace sagabus::test {

struct Ran {
  int exit = -1;  // 128 + the signal, where one ended it
  std::string out;
  std::string err;
};

struct RunOptions {
  std::map<std::string, std::optional<std::string>> environment{};  // nothing: unset
  std::string stdout_path{};                                        // empty: caught
};

// A run that goes on. It reads nothing from standard input. SAGABUS_STORE and
// SAGABUS_TRANSPORT are not inherited.
class Running {
 public:
  explicit Running(const std::vector<std::string>& arguments, const RunOptions& options = {});
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void send_signal(int signal) const;
  bool has_ended();
  Ran wait();

 private:
  bool out_is_caught_;
  int out_;
  int err_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

Ran run_sagabus(const std::vector<std::string>& arguments, const RunOptions& options = {});

// Exactly one line, and something in it.
bool is_one_line(const std::string& text);

}  // namespace sagabus::test
