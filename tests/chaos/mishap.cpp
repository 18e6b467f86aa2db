#include "chaos/mishap.hpp"

#include <ostream>

namespace sagabus::chaos {

std::string_view name_of(Mishap mishap) {
  constexpr std::array<std::string_view, kMishaps> kNames{
      "none",
      "refuse",
      "reset_when_connected",
      "reset_before_request",
      "reset_in_request",
      "reset_after_request",
      "reset_in_answer",
      "stall_before_server",
      "stall_after_server",
      "late",
      "trickle",
      "trickle_slowly",
      "truncate",
      "corrupt_body",
      "corrupt_head",
      "error_500",
      "error_503",
      "throttle",
      "html_error",
      "html_success",
      "empty_success",
      "drop_idle",
  };
  return kNames.at(static_cast<std::size_t>(mishap));
}

std::ostream& operator<<(std::ostream& out, Mishap mishap) {
  return out << name_of(mishap);
}

void Plan::inflict(Mishap mishap, int times) {
  const std::lock_guard lock(mutex_);
  ordered_.insert(ordered_.end(), static_cast<std::size_t>(times), mishap);
}

void Plan::mix(unsigned seed, double rate) {
  const std::lock_guard lock(mutex_);
  random_.seed(seed);
  rate_ = rate;
}

Draw Plan::next() {
  const std::lock_guard lock(mutex_);
  Draw draw;
  draw.where = uniform();
  if (!ordered_.empty()) {
    draw.mishap = ordered_.front();
    ordered_.pop_front();
  } else if (uniform() < rate_) {
    draw.mishap = static_cast<Mishap>(std::uniform_int_distribution<int>(
        static_cast<int>(Mishap::none) + 1, static_cast<int>(kMishaps) - 1)(random_));
  }
  return draw;
}

}  // namespace sagabus::chaos
