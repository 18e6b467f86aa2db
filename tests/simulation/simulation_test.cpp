// Everything that may go wrong, over many seeds.
//
//   SAGABUS_SEED               the first seed (1)
//   SAGABUS_SIMULATION_SEEDS   how many of them (2000; 100 under sanitizers)
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <iostream>

#include "protocol/storm_cast.hpp"
#include "support/number_from.hpp"
#include "testing/simulation/simulation.hpp"

namespace sagabus::testing::simulation {
namespace {

using protocol::Deposit;
using protocol::SameId;
using protocol::Stage;
using ::testing::IsEmpty;

#ifdef __SANITIZE_ADDRESS__
constexpr unsigned kSeeds = 100;
#else
constexpr unsigned kSeeds = 2000;
#endif

// With fewer seeds, what is rare may not have come up.
constexpr unsigned kMany = 50;

// The cast of the storm, on one seed.
class History {
 public:
  explicit History(std::uint64_t seed) : seed_(seed), simulation_(settings()) {
    const auto random = seeded_random(~seed);  // other draws than the simulation's
    accounts_ = static_cast<int>(1 + random->next() % 3);
    deposits_ = static_cast<int>(1 + random->next() % 8);
    for (int account = 0; account < accounts_; ++account) {
      publish(Stage{name_of(account), 0});
      for (int i = 0; i < deposits_; ++i) publish(Deposit{name_of(account), i});
    }
    simulation_.run();
  }

  std::vector<std::string> problems() const {
    std::vector<std::string> all = simulation_.problems();
    all.insert(all.end(), disorder_.begin(), disorder_.end());
    const auto add = [&](const std::vector<std::string>& more) {
      all.insert(all.end(), more.begin(), more.end());
    };
    for (int account = 0; account < accounts_; ++account) {
      const std::string name = name_of(account);
      add(ears_.problems(name, "deposit", deposits_, SameId::is_a_repeat));
      add(ears_.problems(name, "stage", protocol::kStages, SameId::is_a_repeat));
      add(ears_.problems(name, "beat", protocol::kBeats, SameId::is_a_repeat));
      add(ears_.problems(name, "mirror", deposits_, SameId::is_a_repeat));
    }
    for (const char* saga : {protocol::kLedger, protocol::kMirror}) {
      for (const auto& letter : simulation_.queues().peek(fmt::format("{}.dlq", saga))) {
        all.push_back(fmt::format("{} was buried: {}", letter->id,
                                  letter->headers.at(std::string(headers::kErrorType))));
      }
    }
    return all;
  }

  const Simulation& simulation() const { return simulation_; }

 private:
  static std::string name_of(int account) {
    return std::string(static_cast<std::size_t>(account + 1), 'a');
  }

  Settings settings() {
    Settings settings;
    settings.seed = seed_;
    settings.sagas = protocol::storm_cast(protocol::Pace::minutes);
    settings.services = {ears_.service()};
    settings.configure = [](BusOptions& options) {
      options.inbox_bytes = std::size_t{32} * 1024;  // so much that ids leave by their age
      options.inbox_window = std::chrono::hours(3);
    };
    settings.copied = [](const Envelope& envelope) {
      return envelope.type != message_name<protocol::Receipt>();
    };
    settings.never_ignored = [](const Envelope& envelope) {
      return envelope.type == message_name<Deposit>() ||
             envelope.type == message_name<protocol::Mirror>();
    };
    settings.taken = [this](const Instance& instance, const std::string& id) {
      note_order(instance.correlation_id, id);
    };
    return settings;
  }

  // Those of one account, on a FIFO queue, in the order in which they were sent.
  void note_order(const std::string& account, const std::string& id) {
    const std::string prefix = "deposit-" + account + "-";
    if (!id.starts_with(prefix)) return;
    const int number = std::stoi(id.substr(prefix.size()));
    int& last = last_.try_emplace(account, -1).first->second;
    if (simulation_.climate().fifo && number <= last) {
      disorder_.push_back(fmt::format("{} came after {}", id, last));
    }
    last = number;
  }

  void publish(const Stage& message) {
    simulation_.publish(message, {.id = "stage-" + message.account});
  }
  void publish(const Deposit& message) {
    simulation_.publish(message,
                        {.id = fmt::format("deposit-{}-{}", message.account, message.number)});
  }

  const std::uint64_t seed_;
  protocol::Ears ears_;
  std::map<std::string, int> last_;
  std::vector<std::string> disorder_;
  Simulation simulation_;
  int accounts_ = 0;
  int deposits_ = 0;
};

TEST(Simulation, EveryEffectHappensOnceAndAllComesToRest) {
  const std::uint64_t first = test::seed_from("SAGABUS_SEED", 1);
  const unsigned seeds = test::number_from("SAGABUS_SIMULATION_SEEDS", kSeeds);
  ASSERT_GT(seeds, 0U);
  Tally sum;
  Network::Mishaps mishaps;
  std::uint64_t events = 0;
  std::uint64_t digest = 0;
  const auto began = std::chrono::steady_clock::now();
  for (unsigned i = 0; i < seeds; ++i) {
    const std::uint64_t seed = first + i;
    const History run(seed);
    ASSERT_THAT(run.problems(), IsEmpty())
        << "to see it again: SAGABUS_SIMULATION_SEEDS=1 SAGABUS_SEED=" << seed;
    const Tally& tally = run.simulation().tally();
    sum.messages += tally.messages;
    sum.commits += tally.commits;
    sum.handlers += tally.handlers;
    sum.deaths += tally.deaths;
    sum.stalls += tally.stalls;
    sum.deploys += tally.deploys;
    const Network::Mishaps& more = run.simulation().mishaps();
    mishaps.stragglers += more.stragglers;
    mishaps.lost_requests += more.lost_requests;
    mishaps.lost_answers += more.lost_answers;
    mishaps.throttled += more.throttled;
    events += run.simulation().trace().events();
    digest = digest * 31 + run.simulation().trace().digest();
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::cout << fmt::format(
      "{} seeds in {:.1f} s: {} messages ({:.0f} a second), {} commits, {} requests, {} handlers, "
      "{} deaths, {} stalls, {} deploys, {} stragglers, {} requests and {} answers lost, {} "
      "throttled; digest {:016x}\n",
      seeds, took.count(), sum.messages, static_cast<double>(sum.messages) / took.count(),
      sum.commits, events, sum.handlers, sum.deaths, sum.stalls, sum.deploys, mishaps.stragglers,
      mishaps.lost_requests, mishaps.lost_answers, mishaps.throttled, digest);
  if (seeds < kMany) return;
  EXPECT_GT(sum.deaths, 0U);
  EXPECT_GT(sum.stalls, 0U);
  EXPECT_GT(sum.deploys, 0U);
  EXPECT_GT(mishaps.stragglers, 0U);
  EXPECT_GT(mishaps.lost_requests, 0U);
  EXPECT_GT(mishaps.lost_answers, 0U);
  EXPECT_GT(mishaps.throttled, 0U);
}

TEST(Simulation, IsTheSameEachTime) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const History a(seed);
    const History b(seed);
    EXPECT_EQ(a.simulation().trace().digest(), b.simulation().trace().digest()) << seed;
    EXPECT_EQ(a.simulation().tally().handlers, b.simulation().tally().handlers) << seed;
  }
  EXPECT_NE(History(1).simulation().trace().digest(), History(2).simulation().trace().digest());
}

}  // namespace
}  // namespace sagabus::testing::simulation
