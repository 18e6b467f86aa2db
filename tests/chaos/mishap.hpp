// What may befall a request on its way, and a plan that draws it.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <iosfwd>
#include <mutex>
#include <random>
#include <string_view>

namespace sagabus::chaos {

enum class Mishap {
  none,
  refuse,                // a reset, and nobody listens for a moment
  reset_when_connected,  // a reset, and another as soon as the next connection is made
  reset_before_request,  // the server knows nothing of it
  reset_in_request,      // the server got a part
  reset_after_request,   // the server has carried it out
  reset_in_answer,
  stall_before_server,  // it never gets there
  stall_after_server,   // carried out, but the answer does not come
  late,                 // gets there when the client has given up
  trickle,              // the answer comes a byte at a time, soon enough
  trickle_slowly,       // the same, too slowly for any patience
  truncate,             // the answer ends early, with a farewell
  corrupt_body,         // one bit of an answer that has a CRC32
  corrupt_head,         // so that it is no HTTP any more
  error_500,            // carried out, but said to have failed
  error_503,            // not carried out
  throttle,
  html_error,     // a balancer's page in place of the answer
  html_success,   // another's, with status 200: not carried out
  empty_success,  // carried out, but what comes is a 200 with nothing in it
  drop_idle,      // the connection is closed when, or a little after, the answer is there
};
inline constexpr std::size_t kMishaps = static_cast<std::size_t>(Mishap::drop_idle) + 1;

std::string_view name_of(Mishap mishap);
std::ostream& operator<<(std::ostream& out, Mishap mishap);

struct Draw {
  Mishap mishap = Mishap::none;
  double where = 0;  // in [0, 1): at which part of the message, or which sort of it
};

// Safe to use from any thread.
class Plan {
 public:
  // The next requests fare so, before any others.
  void inflict(Mishap mishap, int times = 1);
  // Of the others each fares badly with this probability, and then all mishaps are as likely.
  void mix(unsigned seed, double rate);

  Draw next();

 private:
  double uniform() { return std::uniform_real_distribution<double>()(random_); }

  std::mutex mutex_;
  std::deque<Mishap> ordered_;
  std::mt19937 random_;
  double rate_ = 0;
};

}  // namespace sagabus::chaos
