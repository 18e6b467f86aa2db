// Everything at once: conditional updates through a proxy that spoils some of them in every way.
//
//   SAGABUS_UPDATES   how many (20,000)
//   SAGABUS_SEED      draws the mishaps (a new one each time, printed)
#include <gmock/gmock.h>

#include <algorithm>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <deque>
#include <filesystem>
#include <iostream>
#include <random>
#include <thread>

#include "chaos/chaos_test.hpp"
#include "chaos/living.hpp"
#include "support/number_from.hpp"

namespace sagabus::chaos {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr unsigned kOwners = 32;
constexpr unsigned kCountersEach = 8;
constexpr double kMishapRate = 0.04;
constexpr unsigned kCancelOneIn = 50;
constexpr unsigned kCancelWithinUs = 20'000;
constexpr auto kDeadline = 1s;  // some calls do not make it
constexpr auto kGrace = 5s;
constexpr std::size_t kProblemsShown = 20;

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// Counts its counters up in turn.
class Owner {
 public:
  Owner(const CounterSettings& settings, Tally& tally, unsigned number, unsigned seed)
      : tally_(tally), random_(seed + number) {
    for (unsigned i = 0; i < kCountersEach; ++i) {
      counters_.emplace_back(settings, tally, fmt::format("{}-{}", number, i));
    }
  }

  asio::awaitable<void> run(unsigned updates) {
    const Living living(tally_.living);
    try {
      for (Counter& counter : counters_) co_await counter.create();
      for (unsigned i = 0; i < updates; ++i) {
        co_await counters_[i % kCountersEach].advance(cancel_after());
      }
      for (Counter& counter : counters_) co_await counter.audit();
    } catch (const std::exception& error) {
      tally_.problem(error.what());
    }
  }

 private:
  std::optional<std::chrono::microseconds> cancel_after() {
    if (random_() % kCancelOneIn != 0) return std::nullopt;
    return std::chrono::microseconds(random_() % kCancelWithinUs);
  }

  Tally& tally_;
  std::mt19937 random_;
  std::deque<Counter> counters_;
};

// On two threads, each owner on a strand of its own. Who hangs is left behind.
void run_all(asio::io_context& context, std::deque<Owner>& owners, unsigned updates) {
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const auto share =
        static_cast<unsigned>(updates * (i + 1) / owners.size() - updates * i / owners.size());
    asio::co_spawn(asio::make_strand(context), owners[i].run(share), asio::detached);
  }
  const auto longest = 60s + updates * 2ms;  // several times what it takes
  std::thread other([&] { context.run_for(longest); });
  context.run_for(longest);
  other.join();
}

class Mix : public ChaosTest {
 protected:
  dynamodb::ClientOptions options() const {
    dynamodb::ClientOptions options = client_options();
    options.attempt_timeout = 300ms;
    return options;
  }

  void run(unsigned updates, unsigned seed) {
    ChaosProxy proxy(test::dynamodb_endpoint());
    proxy.plan().mix(seed, kMishapRate);
    const Disturbed spoilt = disturbed(proxy, options());
    CounterSettings settings{table_, spoilt.client, witness()};
    settings.call.deadline = kDeadline;
    settings.grace = kGrace;
    {
      std::deque<Owner> owners;
      for (unsigned i = 0; i < kOwners; ++i) owners.emplace_back(settings, tally_, i, seed);
      asio::io_context context;
      run_all(context, owners, updates);
      EXPECT_EQ(tally_.living, 0) << "coroutines hang";
    }
    EXPECT_EQ(spoilt.http->stats().in_use, 0);
    EXPECT_EQ(spoilt.http->stats().waiting, 0);
    EXPECT_EQ(spoilt.http->stats().idle, 0);
    print(proxy, spoilt.http->stats());
    for (std::size_t i = 0; i < kMishaps && updates >= 20'000; ++i) {
      EXPECT_GT(proxy.count(static_cast<Mishap>(i)), 0U) << static_cast<Mishap>(i);
    }
  }

  void print(const ChaosProxy& proxy, const aws::HttpClientStats& stats) const {
    for (std::size_t i = 0; i < kMishaps; ++i) {
      const auto mishap = static_cast<Mishap>(i);
      std::cout << (i == 0 ? "" : ", ") << proxy.count(mishap) << " " << mishap;
    }
    std::cout << fmt::format(
                     "\ncalls: {} done, {} ambiguous ({} by a failed condition), {} failed, {} "
                     "cancelled; the longest took {} ms\nupdates that a look showed to be done: "
                     "{}; connections opened: {}",
                     tally_.done, tally_.ambiguous, tally_.lost, tally_.failed, tally_.cancelled,
                     tally_.longest_call_ms, tally_.learnt, stats.connections_opened)
              << std::endl;
  }

  Tally tally_;
};

TEST_F(Mix, EveryUpdateThatIsReportedDoneIsThereOnce) {
  const unsigned updates = test::number_from("SAGABUS_UPDATES", 20'000);
  const unsigned seed = test::number_from("SAGABUS_SEED", std::random_device()());
  std::cout << "SAGABUS_SEED=" << seed << std::endl;
  const std::size_t descriptors = open_descriptors();
  run(updates, seed);
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(tally_.done + tally_.learnt, updates);
  EXPECT_GT(tally_.done, updates / 2);
  EXPECT_GT(tally_.cancelled, 0U);
  const std::vector<std::string> problems = tally_.problems();
  EXPECT_EQ(problems.size(), 0U);
  for (std::size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i) {
    ADD_FAILURE() << problems[i];
  }
}

}  // namespace
}  // namespace sagabus::chaos
