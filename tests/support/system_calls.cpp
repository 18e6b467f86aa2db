#include "support/system_calls.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

namespace {

thread_local sagabus::SystemCalls counts;

}  // namespace

namespace sagabus {

SystemCalls system_calls_of_this_thread() noexcept {
  return counts;
}

}  // namespace sagabus

extern "C" {

ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  ++counts.sends;
  return ::syscall(SYS_sendmsg, socket, message, flags);
}

ssize_t send(int socket, const void* data, std::size_t size, int flags) {
  ++counts.sends;
  return ::syscall(SYS_sendto, socket, data, size, flags, nullptr, 0);
}

int poll(pollfd* events, nfds_t size, int timeout) {
  ++counts.polls;
  const timespec limit{timeout / 1000, timeout % 1000 * 1'000'000L};
  return static_cast<int>(
      ::syscall(SYS_ppoll, events, size, timeout < 0 ? nullptr : &limit, nullptr, 0));
}

int timerfd_settime(int timer, int flags, const itimerspec* value, itimerspec* before) noexcept {
  ++counts.timers;
  return static_cast<int>(::syscall(SYS_timerfd_settime, timer, flags, value, before));
}

}  // extern "C"
