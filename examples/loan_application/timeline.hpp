// What happened to each application, for people to read.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <map>
#include <mutex>
#include <sagabus/middleware.hpp>
#include <sagabus/service.hpp>
#include <string>
#include <vector>

#include "cast.hpp"

namespace loans {

// Safe to use from any thread. Must outlive the bus.
class Timeline {
 public:
  // Only the applications of this cast count.
  explicit Timeline(const Cast& cast) : cast_(cast) {}

  // Around the steps of the loan saga: writes each down, with the state it led to.
  sagabus::Middleware middleware();

  // Learns how applications end.
  sagabus::Service archive();

  // False where not all applications of the cast had ended after that time.
  bool wait_for_all(std::chrono::milliseconds time);

  void print() const;

  // One line for each application that ended otherwise than its applicant expects, or not once.
  std::vector<std::string> problems() const;

 private:
  struct Entry {
    sagabus::TimePoint submitted{};
    std::vector<std::string> lines;
    std::map<std::string, std::string> ends;  // outcome by the id of the message that told it
  };

  void write(const sagabus::StepView& step);

  const Cast& cast_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::map<std::string, Entry> entries_;
  std::size_t ended_count_ = 0;
};

}  // namespace loans
