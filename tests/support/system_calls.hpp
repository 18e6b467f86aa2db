// How often this thread makes system calls of some kinds. Whoever links this has them replaced.
#pragma once

#include <cstdint>

namespace sagabus {

// Not recv and epoll_wait: how often they find nothing depends on who is faster.
struct SystemCalls {
  std::uint64_t sends = 0;   // send, sendmsg
  std::uint64_t polls = 0;   // poll
  std::uint64_t timers = 0;  // timerfd_settime
};

SystemCalls system_calls_of_this_thread() noexcept;

}  // namespace sagabus
