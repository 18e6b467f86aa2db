// Counts the coroutines that have not ended, wherever they hang.
#pragma once

#include <atomic>

namespace sagabus::chaos {

// Lives in a coroutine's frame.
class Living {
 public:
  explicit Living(std::atomic<int>& count) : count_(count) { ++count_; }
  ~Living() { --count_; }
  Living(const Living&) = delete;
  Living& operator=(const Living&) = delete;

 private:
  std::atomic<int>& count_;
};

}  // namespace sagabus::chaos
