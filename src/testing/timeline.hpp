// What happened in a harness, as text for people.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sagabus/testing/harness.hpp"

namespace sagabus::testing {

// An instance after another, in the order in which they were met first; its steps in their order.
class Timeline {
 public:
  explicit Timeline(TimePoint start) : start_(start) {}

  void add(const HarnessStep& step);
  void add(const WaitingTimeout& timeout);
  // At the end, after all instances.
  void add(const DeadLetter& letter);
  void add_pending_fault(std::string_view text);

  std::string text() const;  // every line ends with a newline

 private:
  std::string& of(std::string_view saga_name, std::string_view correlation_id);
  std::string time(TimePoint at) const;
  void add_changes(std::string& text, const HarnessStep& step) const;
  void add_messages(std::string& text, const OutboxEntry& entry) const;
  void add_timeouts(std::string& text, const HarnessStep& step) const;

  const TimePoint start_;
  std::vector<std::pair<std::string, std::string>> instances_;  // by title
  std::string letters_;
  std::string faults_;
};

}  // namespace sagabus::testing
