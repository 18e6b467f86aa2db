#include "sagabus/clock.hpp"

#include <time.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace sagabus {
namespace {

class SystemClock final : public Clock {
 public:
  TimePoint now() const override {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  }

  std::chrono::nanoseconds monotonic() const override {
    timespec t{};
    ::clock_gettime(CLOCK_BOOTTIME, &t);  // unlike steady_clock, it counts suspension
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
  }

  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    if (duration <= std::chrono::nanoseconds::zero()) co_return;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, duration);
    co_await timer.async_wait(boost::asio::use_awaitable);
  }
};

}  // namespace

std::shared_ptr<Clock> system_clock() {
  static const auto clock = std::make_shared<SystemClock>();
  return clock;
}

}  // namespace sagabus
