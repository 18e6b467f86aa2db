#include "sqlite/watch.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>

namespace sagabus::sqlite {

namespace asio = boost::asio;

// Takes a waiter off the list, also where its coroutine is destroyed.
class Watch::Registration {
 public:
  Registration(Watch& watch, std::shared_ptr<Waiter> waiter)
      : watch_(watch), waiter_(std::move(waiter)) {}
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;
  ~Registration() { watch_.remove(waiter_); }

 private:
  Watch& watch_;
  std::shared_ptr<Waiter> waiter_;
};

Watch::Watch(std::shared_ptr<Clock> clock, std::chrono::milliseconds interval, Poll poll)
    : clock_(std::move(clock)), interval_(interval), poll_(std::move(poll)) {
  forever_.expires_at(asio::steady_timer::time_point::max());
}

void Watch::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    if (!thread_.joinable()) return;
    interrupt();
  }
  thread_.join();
}

void Watch::interrupt() {
  idle_ = false;
  wakes_at_.reset();
  asio::post(context_, [this] {
    forever_.cancel();
    interruption_.emit(asio::cancellation_type::terminal);
  });
}

std::uint64_t Watch::generation(const std::string& endpoint) const {
  const auto it = generations_.find(endpoint);
  return epoch_ + (it == generations_.end() ? 0 : it->second);
}

std::uint64_t Watch::observe(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  active_ = true;
  if (!thread_.joinable()) {
    asio::co_spawn(context_, keep(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
  } else if (idle_) {
    interrupt();
  }
  return generation(endpoint);
}

void Watch::changed(const std::string& endpoint) {
  Waiters woken;
  {
    const std::lock_guard lock(mutex_);
    ++generations_[endpoint];
    for (const auto& waiter : waiters_) {
      if (waiter->endpoint == endpoint) woken.push_back(waiter);
    }
  }
  for (const auto& waiter : woken) waiter->resume();
}

std::size_t Watch::waiting() {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

void Watch::add(const std::shared_ptr<Waiter>& waiter) {
  bool late = false;
  {
    const std::lock_guard lock(mutex_);
    waiters_.push_back(waiter);
    late = generation(waiter->endpoint) != waiter->seen;
    if (idle_ || (wakes_at_ && waiter->due && *waiter->due < *wakes_at_)) interrupt();
  }
  if (late) waiter->resume();
}

void Watch::remove(const std::shared_ptr<Waiter>& waiter) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find(waiters_.begin(), waiters_.end(), waiter);
  if (it == waiters_.end()) return;
  *it = std::move(waiters_.back());
  waiters_.pop_back();
}

asio::awaitable<void> Watch::wait(std::string endpoint, std::uint64_t seen,
                                  std::optional<TimePoint> due) {
  const auto waiter = std::make_shared<Waiter>();
  waiter->endpoint = std::move(endpoint);
  waiter->seen = seen;
  waiter->due = due;
  const Registration registration(*this, waiter);
  Watch* const self = this;
  const auto start = [self](const std::shared_ptr<Waiter>& armed, asio::cancellation_slot slot) {
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr<Waiter>(armed)](asio::cancellation_type) {
        const auto it = weak.lock();
        if (!it) return;
        it->cancelled = true;
        it->resume();
      });
    }
    self->add(armed);
  };
  co_await sagabus::detail::suspend(waiter, start);
  if (waiter->cancelled) {
    throw boost::system::system_error(asio::error::operation_aborted);
  }
}

// Empty: until somebody interrupts.
std::optional<std::chrono::nanoseconds> Watch::next_pause() {
  const std::lock_guard lock(mutex_);
  idle_ = waiters_.empty() && !active_;
  active_ = false;
  if (idle_) return std::nullopt;
  const TimePoint now = clock_->now();
  TimePoint until = now + interval_;
  for (const auto& waiter : waiters_) {
    if (waiter->due) until = std::min(until, *waiter->due);
  }
  wakes_at_ = until;
  return std::max(until - now, std::chrono::milliseconds(0));
}

void Watch::wake(bool all) {
  Waiters woken;
  {
    const std::lock_guard lock(mutex_);
    const TimePoint now = clock_->now();
    if (all) ++epoch_;
    for (const auto& waiter : waiters_) {
      if (all || (waiter->due && *waiter->due <= now)) woken.push_back(waiter);
    }
  }
  for (const auto& waiter : woken) waiter->resume();
}

asio::awaitable<void> Watch::pause(std::optional<std::chrono::nanoseconds> length) {
  if (!length) {
    co_await forever_.async_wait(asio::as_tuple(asio::use_awaitable));
    co_return;
  }
  auto nap = clock_->sleep_for(*length);
  auto token =
      asio::bind_cancellation_slot(interruption_.slot(), asio::as_tuple(asio::use_awaitable));
  co_await asio::co_spawn(context_, std::move(nap), std::move(token));
}

asio::awaitable<void> Watch::keep() {
  for (;;) {
    const auto length = next_pause();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) co_return;
    }
    co_await pause(length);
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) co_return;
    }
    wake(co_await poll_());
  }
}

}  // namespace sagabus::sqlite
