// What the calls of a run came to, and what is wrong with it. Safe to use from any thread.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace sagabus::chaos {

class Tally {
 public:
  std::atomic<unsigned> done = 0;       // calls that were reported done
  std::atomic<unsigned> learnt = 0;     // updates that a look showed to be done
  std::atomic<unsigned> ambiguous = 0;  // calls that failed and may have been carried out
  std::atomic<unsigned> failed = 0;     // calls that failed and were not
  std::atomic<unsigned> lost = 0;       // of the ambiguous: whose condition failed in a retry
  std::atomic<unsigned> cancelled = 0;  // calls that were cancelled before they ended
  std::atomic<long> longest_call_ms = 0;
  std::atomic<int> living = 0;  // coroutines

  void problem(std::string text) {
    const std::lock_guard lock(mutex_);
    problems_.push_back(std::move(text));
  }
  std::vector<std::string> problems() const {
    const std::lock_guard lock(mutex_);
    return problems_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> problems_;
};

}  // namespace sagabus::chaos
