#include "sagabus/testing/virtual_clock.hpp"

#include <atomic>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/system/system_error.hpp>
#include <limits>
#include <mutex>
#include <stdexcept>

#include "waiting/suspend.hpp"

namespace sagabus::testing {
namespace {

namespace asio = boost::asio;
using std::chrono::nanoseconds;

nanoseconds saturating_sum(nanoseconds a, nanoseconds b) {
  return b > nanoseconds::zero() && a > nanoseconds::max() - b ? nanoseconds::max() : a + b;
}

}  // namespace

struct VirtualClock::State {
  class Sleep;
  struct ByTime {
    bool operator()(const Sleep& a, const Sleep& b) const { return a.wakes_at() < b.wakes_at(); }
  };

  // Of one coroutine, which holds it.
  class Sleep : public sagabus::detail::Wakeup, public boost::intrusive::set_base_hook<> {
   public:
    Sleep(std::shared_ptr<State> state, nanoseconds wakes_at)
        : wakes_at_(wakes_at), state_(std::move(state)) {}
    Sleep(const Sleep&) = delete;
    Sleep& operator=(const Sleep&) = delete;
    ~Sleep() override {
      const std::lock_guard lock(state_->mutex);
      if (is_linked()) state_->sleepers.erase(state_->sleepers.iterator_to(*this));
    }

    nanoseconds wakes_at() const noexcept { return wakes_at_; }

    void begin() {
      const std::lock_guard lock(state_->mutex);
      if (wakes_at_ <= state_->monotonic.load()) return resume();
      state_->sleepers.insert(*this);
    }

    // Nothing where its time has come.
    void cancel() {
      const std::lock_guard lock(state_->mutex);
      if (!is_linked()) return;
      state_->sleepers.erase(state_->sleepers.iterator_to(*this));
      was_cut_short_ = true;
      resume();
    }

    // Once it is resumed.
    bool was_cut_short() const noexcept { return was_cut_short_; }

   private:
    bool was_cut_short_ = false;
    const nanoseconds wakes_at_;
    const std::shared_ptr<State> state_;
  };

  // Changed with the mutex held, and asked for more often than anything else.
  std::atomic<nanoseconds> monotonic{nanoseconds::zero()};
  std::atomic<nanoseconds> offset{nanoseconds::zero()};  // of the time of day

  // What is posted to a context that is on its end is destroyed at once, and its sleep with it.
  std::recursive_mutex mutex;
  // Those of one moment in the order in which they fell asleep.
  boost::intrusive::multiset<Sleep, boost::intrusive::compare<ByTime>> sleepers;

  // With the mutex held.
  void go_to(nanoseconds time);
  std::optional<nanoseconds> next() const;
};

void VirtualClock::State::go_to(nanoseconds time) {
  monotonic = time;
  while (!sleepers.empty() && sleepers.begin()->wakes_at() <= time) {
    Sleep& first = *sleepers.begin();
    sleepers.erase(sleepers.begin());
    first.resume();
  }
}

std::optional<nanoseconds> VirtualClock::State::next() const {
  if (sleepers.empty()) return std::nullopt;
  return sleepers.begin()->wakes_at();
}

VirtualClock::VirtualClock(TimePoint start) : state_(std::make_shared<State>()) {
  set(start);
}

TimePoint VirtualClock::now() const {
  for (;;) {  // until both are of one moment: monotonic never goes back
    const nanoseconds monotonic = state_->monotonic;
    const nanoseconds offset = state_->offset;
    if (monotonic != state_->monotonic.load()) continue;
    return TimePoint(std::chrono::floor<std::chrono::milliseconds>(monotonic + offset));
  }
}

nanoseconds VirtualClock::monotonic() const {
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
  if (time <= state->monotonic.load()) co_return;
  const auto asleep = std::make_shared<State::Sleep>(std::move(state), time);
  const auto start = [](const std::shared_ptr<State::Sleep>& armed, asio::cancellation_slot slot) {
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr<State::Sleep>(armed)](asio::cancellation_type) {
        if (const auto it = weak.lock()) it->cancel();
      });
    }
    armed->begin();
  };
  co_await sagabus::detail::suspend(asleep, start);
  if (asleep->was_cut_short()) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

void VirtualClock::advance(nanoseconds duration) {
  if (duration < nanoseconds::zero()) {
    throw std::invalid_argument("VirtualClock::advance: time does not go back (see set)");
  }
  const std::lock_guard lock(state_->mutex);
  state_->go_to(saturating_sum(state_->monotonic.load(), duration));
}

bool VirtualClock::advance_to_next() {
  const std::lock_guard lock(state_->mutex);
  const auto next = state_->next();
  if (next) state_->go_to(*next);
  return next.has_value();
}

void VirtualClock::set(TimePoint now) {
  const std::lock_guard lock(state_->mutex);
  state_->offset = now.time_since_epoch() - state_->monotonic.load();
}

std::size_t VirtualClock::sleepers() const {
  const std::lock_guard lock(state_->mutex);
  return state_->sleepers.size();
}

std::optional<nanoseconds> VirtualClock::until_next() const {
  const std::lock_guard lock(state_->mutex);
  const auto next = state_->next();
  if (!next) return std::nullopt;
  return *next - state_->monotonic.load();
}

}  // namespace sagabus::testing
