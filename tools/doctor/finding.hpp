// What `sagabus doctor` has found, and how it is printed.
#pragma once

#include <string>
#include <string_view>

namespace sagabus::tools {

enum class Severity { ok, warning, error };

struct Finding {
  Severity severity = Severity::ok;
  std::string check;     // "credentials"
  std::string found;     // one sentence without a full stop
  std::string advice{};  // what to do about it; empty where there is nothing to do
};

// Prints findings as they come, to standard output: lines for people, in colour on a terminal, or
// one JSON object a line.
class Report {
 public:
  explicit Report(bool json);

  // What the next findings are about: "store" or "transport". Outlives them.
  void about(std::string_view part) { part_ = part; }
  void add(const Finding& finding);
  // As add, where that without which there is no more to see is not there: the table or the file.
  void add_missing(const Finding& finding);

  bool has_errors() const noexcept { return errors_ > 0; }
  bool has_missing() const noexcept { return missing_; }

 private:
  void print_for_people(const Finding& finding) const;

  bool json_;
  bool colours_;
  std::string_view part_{};
  unsigned errors_ = 0;
  bool missing_ = false;
};

}  // namespace sagabus::tools
