#include "sagabus/testing/virtual_clock.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>
#include <map>
#include <mutex>
#include <stdexcept>

namespace sagabus::testing {
namespace {

namespace asio = boost::asio;
using std::chrono::nanoseconds;

using Bell = asio::experimental::concurrent_channel<void(boost::system::error_code)>;

nanoseconds saturating_sum(nanoseconds a, nanoseconds b) {
  return b > nanoseconds::zero() && a > nanoseconds::max() - b ? nanoseconds::max() : a + b;
}

}  // namespace

struct VirtualClock::State {
  std::mutex mutex;
  nanoseconds monotonic{0};
  nanoseconds offset{0};                       // of the time of day
  std::multimap<nanoseconds, Bell*> sleepers;  // by when they wake; each bell is in its coroutine

  // With the mutex held.
  void go_to(nanoseconds time) {
    monotonic = time;
    while (!sleepers.empty() && sleepers.begin()->first <= time) {
      sleepers.begin()->second->try_send(boost::system::error_code());  // posts, runs nothing here
      sleepers.erase(sleepers.begin());
    }
  }
};

namespace {

// Takes a sleeper off the list again where its sleep was cut short.
template <class State>
class Asleep {
 public:
  Asleep(State& state, nanoseconds wakes_at, Bell& bell)
      : state_(state), bell_(bell), wakes_at_(wakes_at) {
    const std::lock_guard lock(state_.mutex);
    if (wakes_at_ <= state_.monotonic) {
      bell_.try_send(boost::system::error_code());
    } else {
      state_.sleepers.emplace(wakes_at_, &bell);
    }
  }
  Asleep(const Asleep&) = delete;
  Asleep& operator=(const Asleep&) = delete;
  ~Asleep() {
    const std::lock_guard lock(state_.mutex);
    auto [first, last] = state_.sleepers.equal_range(wakes_at_);
    for (; first != last; ++first) {
      if (first->second != &bell_) continue;
      state_.sleepers.erase(first);
      return;
    }
  }

 private:
  State& state_;
  Bell& bell_;
  const nanoseconds wakes_at_;
};

}  // namespace

VirtualClock::VirtualClock(TimePoint start) : state_(std::make_shared<State>()) {
  set(start);
}

TimePoint VirtualClock::now() const {
  const std::lock_guard lock(state_->mutex);
  return TimePoint(
      std::chrono::floor<std::chrono::milliseconds>(state_->monotonic + state_->offset));
}

nanoseconds VirtualClock::monotonic() const {
  const std::lock_guard lock(state_->mutex);
  return state_->monotonic;
}

// Reckoned when it is called, not when it is awaited: time may go by in between.
asio::awaitable<void> VirtualClock::sleep_for(nanoseconds duration) {
  return sleep_until(saturating_sum(monotonic(), duration));
}

asio::awaitable<void> VirtualClock::sleep_until(nanoseconds time) {
  return sleep(state_, time);
}

asio::awaitable<void> VirtualClock::sleep(std::shared_ptr<State> state, nanoseconds time) {
  {
    const std::lock_guard lock(state->mutex);
    if (time <= state->monotonic) co_return;
  }
  Bell bell(co_await asio::this_coro::executor, 1);
  const Asleep asleep(*state, time, bell);
  boost::system::error_code error;
  co_await bell.async_receive(asio::redirect_error(asio::use_awaitable, error));
  if (error) throw boost::system::system_error(asio::error::operation_aborted);
}

void VirtualClock::advance(nanoseconds duration) {
  if (duration < nanoseconds::zero()) {
    throw std::invalid_argument("VirtualClock::advance: time does not go back (see set)");
  }
  const std::lock_guard lock(state_->mutex);
  state_->go_to(saturating_sum(state_->monotonic, duration));
}

bool VirtualClock::advance_to_next() {
  const std::lock_guard lock(state_->mutex);
  if (state_->sleepers.empty()) return false;
  state_->go_to(state_->sleepers.begin()->first);
  return true;
}

void VirtualClock::set(TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  state_->offset = now.time_since_epoch() - state_->monotonic;
}

std::size_t VirtualClock::sleepers() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sleepers.size();
}

std::optional<nanoseconds> VirtualClock::until_next() const {
  const std::lock_guard lock(state_->mutex);
  if (state_->sleepers.empty()) return std::nullopt;
  return state_->sleepers.begin()->first - state_->monotonic;
}

}  // namespace sagabus::testing
