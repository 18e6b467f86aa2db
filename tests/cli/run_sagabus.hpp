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

  pid_t pid() const { return pid_; }
  void send_signal(int signal) const;
  bool has_ended();
  long peak_kb() const;  // the most memory it has held so far; 0 where it has ended
  Ran wait();

 private:
  bool out_is_caught_;
  int out_;
  int err_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// A run on a terminal of 80 columns, whose user sees what is printed and types.
class OnTerminal {
 public:
  explicit OnTerminal(const std::vector<std::string>& arguments, const RunOptions& options = {});
  ~OnTerminal();
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  // Returns at the end of the run, too.
  void wait_for(const std::string& text);
  void type(const std::string& line) const;
  // What Ctrl-C does, but for the output that a terminal may throw away then.
  void interrupt() const;
  Ran wait();  // all that was seen, what was typed included, is in `out`

 private:
  bool read_more();

  int terminal_ = -1;
  pid_t pid_ = -1;
  std::string seen_;
  std::size_t looked_at_ = 0;
  bool waited_ = false;
};

Ran run_sagabus(const std::vector<std::string>& arguments, const RunOptions& options = {});

// Exactly one line, and something in it.
bool is_one_line(const std::string& text);

}  // namespace sagabus::test
