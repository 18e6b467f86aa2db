#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <thread>

#include "bus_fixture.hpp"
#include "sagabus/sync_wait.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Paid;
using fixture::State;
using ::testing::SizeIs;

TEST_F(BusTest, StopLetsRunningStepsEndAndReturnsTheRest) {
  int ended = 0;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State& s, SagaContext&) -> boost::asio::awaitable<void> {
            co_await clock_->sleep_for(5s);
            ++s.steps;
            ++ended;
          })
          .build();
  Bus& bus = start(options({saga.with({.concurrency = 4})}));
  for (int i = 0; i < 20; ++i) await(bus.publish(Paid{std::to_string(i), "t"}));
  run_now();
  const TimePoint before = clock_->now();
  await(bus.stop());
  EXPECT_EQ(clock_->now() - before, 5s);
  EXPECT_EQ(ended, 4);
  EXPECT_THAT(transport_.peek("Orders"), SizeIs(16));  // visible at once to another worker
}

TEST_F(BusTest, StopCancelsWhatTakesTooLongAndItIsDeliveredAgain) {
  bool held = true;
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State& s, SagaContext&) -> boost::asio::awaitable<void> {
            if (held) co_await clock_->sleep_for(1000h);
            ++s.steps;
          })
          .build();
  auto chosen = options({saga});
  chosen.shutdown_timeout = 30s;
  Bus& first = start(chosen);
  await(first.publish(Paid{"o", "t"}));
  run_now();
  const TimePoint before = clock_->now();
  await(first.stop());
  EXPECT_EQ(clock_->now() - before, 30s);
  EXPECT_FALSE(find("o"));
  held = false;
  start(chosen);
  run();
  EXPECT_EQ(state("o").steps, 1);
}

TEST(BusThreads, RunsOnThreadsOfItsOwnAndLosesNoUpdate) {
  constexpr int kMessages = 2000;
  constexpr int kInstances = 10;
  std::atomic<int> handled{0};
  std::promise<void> all;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State& s) {
                          ++s.steps;
                          if (++handled == kMessages) all.set_value();
                        })
                        .build();
  memory::SagaStore store;
  memory::Transport transport;
  Bus bus({.transport = transport, .store = store, .sagas = {saga}, .threads = 4});
  sync_wait(bus.start());
  for (int i = 0; i < kMessages; ++i) {
    sync_wait(bus.publish(Paid{std::to_string(i % kInstances), "t"}));
  }
  all.get_future().wait();
  sync_wait(bus.stop());
  for (int i = 0; i < kInstances; ++i) {
    const auto found = sync_wait(store.get_by_correlation_id("Orders", std::to_string(i)));
    EXPECT_EQ(from_value<State>(found.value().state).steps, kMessages / kInstances);
    EXPECT_EQ(found->version, static_cast<std::uint64_t>(kMessages / kInstances));
  }
}

TEST(BusThreads, TwoBusesOnOneStoreLoseNoUpdate) {
  constexpr int kMessages = 500;
  std::atomic<int> committed{0};
  std::promise<void> all;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([](const Paid&, State& s) { ++s.steps; })
                        .build();
  const Middleware count = [&](StepView& view, Next next) -> boost::asio::awaitable<void> {
    auto rest = next();
    co_await std::move(rest);
    if (view.outcome == StepOutcome::committed && ++committed == kMessages) all.set_value();
  };
  memory::SagaStore store;
  memory::Transport transport;
  BusOptions options{.transport = transport, .store = store, .sagas = {saga}, .threads = 2};
  options.middleware = {count};
  Bus first(options);
  Bus second(options);
  sync_wait(first.start());
  sync_wait(second.start());
  for (int i = 0; i < kMessages; ++i) sync_wait(first.publish(Paid{"one", "t"}));
  all.get_future().wait();
  sync_wait(first.stop());
  sync_wait(second.stop());
  const auto found = sync_wait(store.get_by_correlation_id("Orders", "one"));
  EXPECT_EQ(from_value<State>(found.value().state).steps, kMessages);
}

TEST(BusThreads, ItsDestructorCancelsAndWaits) {
  std::promise<void> begun;
  std::atomic<bool> inside{false};
  const auto saga =
      sagabus::saga<State>("Orders")
          .correlate<Paid>(&Paid::orderId, can_start)
          .initial([] { return State{}; })
          .on<Paid>()
          .handle([&](const Paid&, State&, SagaContext&) -> boost::asio::awaitable<void> {
            struct Inside {
              std::atomic<bool>& flag;
              explicit Inside(std::atomic<bool>& f) : flag(f) { flag = true; }
              ~Inside() { flag = false; }
            } const mark(inside);
            begun.set_value();
            boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor, 24h);
            co_await timer.async_wait(boost::asio::use_awaitable);
          })
          .build();
  memory::SagaStore store;
  memory::Transport transport;
  {
    Bus bus({.transport = transport, .store = store, .sagas = {saga}});
    sync_wait(bus.start());
    sync_wait(bus.publish(Paid{"o", "t"}));
    begun.get_future().wait();
  }
  EXPECT_FALSE(inside);
  EXPECT_EQ(transport.pending("Orders"), 1U);
}

TEST(BusThreads, RunEndsWhenAnotherThreadStopsIt) {
  memory::SagaStore store;
  memory::Transport transport;
  Bus bus({.transport = transport, .store = store, .sagas = {fixture::orders().build()}});
  std::thread runner([&] { bus.run(); });
  while (!bus.is_running()) std::this_thread::yield();
  sync_wait(bus.stop());
  runner.join();
  EXPECT_FALSE(bus.is_running());
}

TEST(BusThreads, RunEndsWhenAHandlerStopsIt) {
  Bus* running = nullptr;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State&) -> boost::asio::awaitable<void> {
                          co_await running->stop();
                        })
                        .build();
  memory::SagaStore store;
  memory::Transport transport;
  Bus bus({.transport = transport, .store = store, .sagas = {saga}, .shutdown_timeout = 0ms});
  running = &bus;
  std::thread runner([&] { bus.run(); });
  while (!bus.is_running()) std::this_thread::yield();
  sync_wait(bus.publish(Paid{"o", "t"}));
  runner.join();
  EXPECT_FALSE(bus.is_running());
  EXPECT_EQ(transport.pending("Orders"), 1U);
}

// A stop that meets a start at any moment ends it: were the signal lost, this would hang.
TEST(BusThreads, MayBeStoppedWhileItStarts) {
  for (int i = 0; i < 200; ++i) {
    memory::SagaStore store;
    memory::Transport transport;
    Bus bus({.transport = transport,
             .store = store,
             .sagas = {fixture::orders("A").build(), fixture::orders("B").build()},
             .threads = 2});
    std::thread starter([&] {
      try {
        sync_wait(bus.start());
      } catch (const std::logic_error&) {  // NOLINT(bugprone-empty-catch): stopped before
      }
    });
    for (int wait = 0; wait < i; ++wait) std::this_thread::yield();
    sync_wait(bus.stop());
    starter.join();
    EXPECT_FALSE(bus.is_running());
  }
}

// A clock on which waits are over in no time.
class ImpatientClock final : public Clock {
 public:
  TimePoint now() const override { return system_clock()->now(); }
  std::chrono::nanoseconds monotonic() const override { return system_clock()->monotonic(); }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    return system_clock()->sleep_for(duration / 100);
  }
};

// It waited for ever for its last word to be said.
TEST(BusThreads, ItsDestructorEndsWhereTheExecutorNoLongerRuns) {
  boost::asio::io_context io(1);
  const auto clock = std::make_shared<ImpatientClock>();
  const memory::Transport transport;
  {
    BusOptions options;
    options.transport = transport;
    options.store = memory::SagaStore();
    options.sagas = {fixture::orders().build()};
    options.executor = io.get_executor();
    options.ambient.clock = clock;
    Bus bus(std::move(options));
    boost::asio::co_spawn(io, bus.start(), boost::asio::detached);
    while (!bus.is_running()) io.poll_one();
  }
  EXPECT_FALSE(io.stopped());  // what waits there was left to itself
}

TEST(BusThreads, RunsOnAnExecutorOfTheUsers) {
  boost::asio::thread_pool pool(2);
  memory::SagaStore store;
  memory::Transport transport;
  std::promise<void> handled;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State&) { handled.set_value(); })
                        .build();
  Bus bus({.transport = transport,
           .store = store,
           .sagas = {saga},
           .executor = boost::asio::any_io_executor(pool.get_executor())});
  sync_wait(bus.start());
  sync_wait(bus.publish(Paid{"o", "t"}));
  handled.get_future().wait();
  sync_wait(bus.stop());
  pool.join();
}

// A saga whose only handler waits for a day, unless it is cancelled.
SagaDefinition waiting_saga(const std::shared_ptr<Clock>& clock) {
  return sagabus::saga<State>("Orders")
      .correlate<Paid>(&Paid::orderId, can_start)
      .initial([] { return State{}; })
      .on<Paid>()
      .handle([clock](const Paid&, State&) -> boost::asio::awaitable<void> {
        co_await clock->sleep_for(24h);
      })
      .build();
}

TEST_F(BusTest, AStopGoesToItsEndAlsoWhereItsCallerIsCancelled) {
  Bus& bus = start(options({waiting_saga(clock_)}));
  await(bus.publish(Paid{"o", "t"}));
  run_now();
  boost::asio::cancellation_signal signal;
  boost::asio::co_spawn(io_, bus.stop(),
                        boost::asio::bind_cancellation_slot(signal.slot(), boost::asio::detached));
  run_now();
  signal.emit(boost::asio::cancellation_type::terminal);
  run();
  EXPECT_FALSE(bus.is_running());
  EXPECT_THAT(transport_.peek("Orders"), SizeIs(1));
  await(bus.stop());
}

TEST_F(BusTest, AStopWhoseContextIsDestroyedLeavesNothingBehind) {
  Bus& bus = start(options({waiting_saga(clock_)}));
  await(bus.publish(Paid{"o", "t"}));
  run_now();
  {
    boost::asio::io_context gone;
    boost::asio::co_spawn(gone, bus.stop(), boost::asio::detached);
    gone.poll();
  }
  clock_->advance(24h);  // the step ends, and opens what the stop had waited for
  run_now();
  await(bus.stop());
  EXPECT_EQ(find("o")->version, 1U);
}

TEST_F(BusTest, AHandlerThatStopsItsBusIsCancelled) {
  Bus* bus = nullptr;
  const auto saga = sagabus::saga<State>("Orders")
                        .correlate<Paid>(&Paid::orderId, can_start)
                        .initial([] { return State{}; })
                        .on<Paid>()
                        .handle([&](const Paid&, State&) -> boost::asio::awaitable<void> {
                          co_await bus->stop();
                        })
                        .build();
  auto chosen = options({saga});
  chosen.shutdown_timeout = 30s;
  bus = &start(std::move(chosen));
  await(bus->publish(Paid{"o", "t"}));
  const TimePoint before = clock_->now();
  run();
  EXPECT_EQ(clock_->now() - before, 30s);
  await(bus->stop());
  EXPECT_FALSE(find("o"));
  EXPECT_THAT(transport_.peek("Orders"), SizeIs(1));
}

TEST_F(BusTest, StopReturnsMessagesWhileItWaitsForSteps) {
  auto chosen = options({waiting_saga(clock_).with({.concurrency = 4})});
  chosen.shutdown_timeout = 30s;
  transport_faults_->give_back_takes = [&] { return clock_->sleep_for(5s); };
  Bus& bus = start(std::move(chosen));
  for (int i = 0; i < 8; ++i) await(bus.publish(Paid{std::to_string(i), "t"}));
  run_now();
  const TimePoint before = clock_->now();
  await(bus.stop());
  EXPECT_EQ(clock_->now() - before, 35s);  // the last four, once they were cancelled
  EXPECT_THAT(transport_.peek("Orders"), SizeIs(8));
}

TEST_F(BusTest, OnlyWhatWasBeingCommittedIsInDoubt) {
  const auto redelivered = [&](std::vector<SagaDefinition> sagas) {
    auto chosen = options(std::move(sagas));
    chosen.shutdown_timeout = 1s;
    Bus& bus = start(std::move(chosen));
    await(bus.publish(Paid{"o", "t"}));
    run_now();
    await(bus.stop());
    auto deliveries = await(transport_.backend()->receive("Orders", 1));
    const bool in_doubt = deliveries.at(0).redelivered;
    await(transport_.backend()->acknowledge(std::move(deliveries[0])));
    return in_doubt;
  };
  EXPECT_FALSE(redelivered({waiting_saga(clock_)}));
  // A handler that is cancelled and comes to its end all the same: nothing is committed then.
  EXPECT_FALSE(redelivered({sagabus::saga<State>("Orders")
                                .correlate<Paid>(&Paid::orderId, can_start)
                                .initial([] { return State{}; })
                                .on<Paid>()
                                .handle([&](const Paid&, State&) -> boost::asio::awaitable<void> {
                                  try {
                                    co_await clock_->sleep_for(24h);
                                  } catch (const boost::system::system_error&) {
                                    co_return;
                                  }
                                })
                                .build()}));
  store_faults_->commit_takes = [&] { return clock_->sleep_for(24h); };
  EXPECT_TRUE(redelivered({sagabus::saga<State>("Orders")
                               .correlate<Paid>(&Paid::orderId, can_start)
                               .initial([] { return State{}; })
                               .build()}));
}

TEST_F(BusTest, MayBeStoppedWhileItStarts) {
  auto chosen = options({fixture::orders().build()});
  Bus& bus = *buses_.emplace_back(std::make_unique<Bus>(std::move(chosen)));
  {
    boost::asio::io_context gone;  // destroyed with the start half-way
    boost::asio::co_spawn(gone, bus.start(), boost::asio::detached);
  }
  boost::asio::co_spawn(io_, bus.start(), boost::asio::detached);
  await(bus.stop());
  run();
  EXPECT_FALSE(bus.is_running());
}

}  // namespace
