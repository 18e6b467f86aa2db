#include "sagabus/testing/virtual_clock.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

class VirtualClockTest : public ::testing::Test {
 protected:
  void sleep(std::chrono::nanoseconds duration, int name) {
    asio::co_spawn(context_, sleeper(duration, name), asio::detached);
    context_.restart();
    context_.poll();
  }
  asio::awaitable<void> sleeper(std::chrono::nanoseconds duration, int name) {
    co_await clock_.sleep_for(duration);
    woken_.push_back(name);
  }
  std::vector<int> run() {
    context_.restart();
    context_.poll();
    return std::exchange(woken_, {});
  }

  VirtualClock clock_;
  asio::io_context context_{1};
  std::vector<int> woken_;
};

using Names = std::vector<int>;

TEST_F(VirtualClockTest, StandsStillUntilToldToGo) {
  EXPECT_EQ(clock_.now(), VirtualClock::kDefaultStart);
  EXPECT_EQ(clock_.monotonic(), 0ns);
  clock_.advance(1500ms + 1ns);
  EXPECT_EQ(clock_.now(), VirtualClock::kDefaultStart + 1500ms);
  EXPECT_EQ(clock_.monotonic(), 1500ms + 1ns);
  EXPECT_THROW(clock_.advance(-1ns), std::invalid_argument);
}

TEST_F(VirtualClockTest, SleepersWakeInTheOrderOfTheirTimes) {
  sleep(3s, 3);
  sleep(1s, 1);
  sleep(2s, 20);
  sleep(2s, 21);
  sleep(9s, 9);
  EXPECT_EQ(clock_.sleepers(), 5U);
  EXPECT_EQ(clock_.until_next(), 1s);
  clock_.advance(999ms);
  EXPECT_EQ(run(), Names{});
  clock_.advance(1ms);
  EXPECT_EQ(run(), Names{1});
  clock_.advance(5s);
  EXPECT_EQ(run(), (Names{20, 21, 3}));
  EXPECT_EQ(clock_.sleepers(), 1U);
}

TEST_F(VirtualClockTest, NoSleepForNoTime) {
  sync_wait(clock_.sleep_for(0ns));
  sync_wait(clock_.sleep_for(-1s));
}

TEST_F(VirtualClockTest, GoesToTheNextSleeper) {
  EXPECT_FALSE(clock_.advance_to_next());
  sleep(7s, 7);
  sleep(7s, 70);
  sleep(8s, 8);
  EXPECT_TRUE(clock_.advance_to_next());
  EXPECT_EQ(clock_.monotonic(), 7s);
  EXPECT_EQ(run(), (Names{7, 70}));
  EXPECT_EQ(clock_.until_next(), 1s);
}

TEST_F(VirtualClockTest, TheTimeOfDayJumpsAlone) {
  sleep(1h, 1);
  clock_.set(VirtualClock::kDefaultStart + 48h);
  EXPECT_EQ(clock_.now(), VirtualClock::kDefaultStart + 48h);
  EXPECT_EQ(clock_.monotonic(), 0ns);
  EXPECT_EQ(run(), Names{});
  clock_.set(VirtualClock::kDefaultStart - 48h);
  clock_.advance(1h);
  EXPECT_EQ(clock_.now(), VirtualClock::kDefaultStart - 47h);
  EXPECT_EQ(run(), Names{1});
}

TEST_F(VirtualClockTest, ASleepCanBeCancelled) {
  asio::cancellation_signal signal;
  std::exception_ptr error;
  asio::co_spawn(context_, clock_.sleep_for(1s),
                 asio::bind_cancellation_slot(signal.slot(),
                                              [&](std::exception_ptr e) { error = std::move(e); }));
  context_.poll();
  EXPECT_EQ(clock_.sleepers(), 1U);
  signal.emit(asio::cancellation_type::terminal);
  run();
  EXPECT_EQ(clock_.sleepers(), 0U);
  ASSERT_TRUE(error);
  try {
    std::rethrow_exception(error);
  } catch (const boost::system::system_error& e) {
    EXPECT_EQ(e.code(), asio::error::operation_aborted);
  }
}

// How a sleep ended that was spawned with a signal.
class Spawned {
 public:
  Spawned(asio::io_context& context, asio::awaitable<void> sleep) {
    asio::co_spawn(context, std::move(sleep),
                   asio::bind_cancellation_slot(signal.slot(), [this](std::exception_ptr e) {
                     ended = true;
                     error = std::move(e);
                   }));
    context.poll();
    context.restart();
  }
  asio::cancellation_signal signal;
  bool ended = false;
  std::exception_ptr error;
};

TEST_F(VirtualClockTest, WhatIsAskedAfterACancellationDoesNotUndoIt) {
  Spawned it(context_, clock_.sleep_for(1h));
  asio::post(context_, [&] {
    it.signal.emit(asio::cancellation_type::terminal);
    EXPECT_EQ(clock_.sleepers(), 0U);
    it.signal.emit(asio::cancellation_type::total);  // which nobody here listens to
  });
  context_.poll();
  EXPECT_TRUE(it.ended);
  EXPECT_TRUE(it.error);
}

TEST_F(VirtualClockTest, ASleepWhoseTimeHasComeIsNotCancelled) {
  Spawned it(context_, clock_.sleep_for(1h));
  asio::post(context_, [&] {
    clock_.advance(1h);
    it.signal.emit(asio::cancellation_type::terminal);
  });
  context_.poll();
  EXPECT_TRUE(it.ended);
  EXPECT_FALSE(it.error);
}

asio::awaitable<void> sleep_again(VirtualClock& clock, bool& slept) {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool was_cancelled = false;
  try {
    co_await clock.sleep_for(1h);
  } catch (const boost::system::system_error&) {
    was_cancelled = true;
  }
  co_await clock.sleep_for(1min);
  slept = was_cancelled;
}

TEST_F(VirtualClockTest, WhoWasCancelledCanSleepAgain) {
  bool slept = false;
  Spawned it(context_, sleep_again(clock_, slept));
  it.signal.emit(asio::cancellation_type::terminal);
  context_.poll();
  context_.restart();
  EXPECT_FALSE(it.ended);
  clock_.advance(1min);
  context_.poll();
  EXPECT_TRUE(it.ended);
  EXPECT_TRUE(slept);
}

TEST_F(VirtualClockTest, NowIsNeverMadeOfTwoMoments) {
  const TimePoint base = clock_.now();
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    while (!done) {
      const TimePoint now = clock_.now();
      if (now < base || now > base + 1s) ++wrong;
    }
  });
  for (int i = 0; i < 200'000; ++i) {
    clock_.advance(1s);
    clock_.set(base);
  }
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
}

// Advances the clock when it is destroyed.
class AdvancesAtItsEnd {
 public:
  explicit AdvancesAtItsEnd(VirtualClock& clock) : clock_(&clock) {}
  AdvancesAtItsEnd(AdvancesAtItsEnd&& other) noexcept
      : clock_(std::exchange(other.clock_, nullptr)) {}
  AdvancesAtItsEnd& operator=(AdvancesAtItsEnd&&) = delete;
  ~AdvancesAtItsEnd() {
    if (clock_) clock_->advance(5s);
  }
  void operator()() const {}

 private:
  VirtualClock* clock_;
};

// A strand that has been shut down destroys at once what is posted to it, sleepers included.
TEST_F(VirtualClockTest, MayAdvanceWhileAContextIsDestroyed) {
  auto context = std::make_unique<asio::io_context>(1);
  asio::co_spawn(*context, clock_.sleep_for(1h), asio::detached);
  context->poll();
  context->restart();
  auto strand =
      std::make_unique<asio::strand<asio::io_context::executor_type>>(asio::make_strand(*context));
  asio::co_spawn(*strand, clock_.sleep_for(2s), asio::detached);
  context->poll();
  ASSERT_EQ(clock_.sleepers(), 2U);
  asio::post(*strand, AdvancesAtItsEnd(clock_));
  strand.reset();
  context.reset();
  EXPECT_EQ(clock_.sleepers(), 0U);
  EXPECT_EQ(clock_.monotonic(), 5s);
}

TEST_F(VirtualClockTest, SleepsForEverWithoutOverflow) {
  clock_.advance(1s);
  sleep(std::chrono::nanoseconds::max(), 1);
  clock_.advance(24h * 365 * 100);
  EXPECT_EQ(run(), Names{});
  EXPECT_EQ(clock_.sleepers(), 1U);
}

TEST_F(VirtualClockTest, MayGoBeforeItsSleepers) {
  auto clock = std::make_unique<VirtualClock>();
  asio::co_spawn(context_, clock->sleep_for(1s), asio::detached);
  context_.poll();
  clock.reset();
}

TEST_F(VirtualClockTest, WakesSleepersOfOtherThreads) {
  constexpr int kSleepers = 8;
  std::vector<std::thread> threads;
  for (int i = 0; i < kSleepers; ++i) {
    threads.emplace_back([this, i] { sync_wait(clock_.sleep_for(std::chrono::seconds(i + 1))); });
  }
  while (clock_.sleepers() < kSleepers) std::this_thread::yield();
  clock_.advance(1min);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(clock_.sleepers(), 0U);
}

}  // namespace
}  // namespace sagabus::testing
