// Timeouts and scheduled messages, over every store whose time is the test's.
#include "conformance/bus_timers.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

}  // namespace

TEST_P(BusTimers, ComeOnceWhoeverFiresThem) {
  Worker& one = worker(clockwork());
  worker(clockwork(), one.transport);
  for (const char* id : {"a", "b", "c", "d"}) {
    give(one, Wound{id}, std::string("w") + id);
    give(one, Set{id, "near", 2'000}, std::string("n") + id);
    give(one, Set{id, "far", 40'000}, std::string("f") + id);
    give(one, Set{id, "moved", 5'000}, std::string("m") + id);
    give(one, Set{id, "moved", 60'000}, std::string("l") + id);
    give(one, Set{id, "cleared", 5'000}, std::string("c") + id);
    give(one, Set{id, "cleared", 0}, std::string("x") + id);
  }
  live(1750ms);
  EXPECT_THAT(rung("a"), IsEmpty());
  live(2s);
  EXPECT_THAT(rung("a"), ElementsAre("near"));
  live(40s);
  EXPECT_THAT(rung("a"), ElementsAre("near", "far"));
  live(60s);
  for (const char* id : {"a", "b", "c", "d"}) {
    EXPECT_THAT(rung(id), ElementsAre("near", "far", "moved"));
    EXPECT_THAT(find(id)->bookkeeping.timers, IsEmpty());
  }
  EXPECT_EQ(rows(), 0U);
}

TEST_P(BusTimers, NeverComeToTheNextLife) {
  Worker& one = worker(clockwork());
  give(one, Wound{"o"}, "first");
  give(one, Set{"o", "tea", 30'000}, "set");
  give(one, Ended{"o"}, "end");
  give(one, Wound{"o"}, "again");
  give(one, Wound{"gone"}, "gone");
  give(one, Set{"gone", "tea", 30'000}, "set it too");
  erase("gone");
  live(45s);
  EXPECT_THAT(rung(), IsEmpty());
  EXPECT_FALSE(find("gone"));
  EXPECT_THAT(letters(one), IsEmpty());
  EXPECT_EQ(rows(), 0U);
}

TEST_P(BusTimers, AreTakenOverFromAWorkerThatStops) {
  Worker& one = worker(clockwork());
  worker(clockwork(), one.transport);
  live(1s);
  give(one, Wound{"o"}, "w");
  give(one, Set{"o", "tea", 30'000}, "s");
  await(one.bus->stop());
  live(45s);
  EXPECT_THAT(rung(), ElementsAre("tea"));
}

TEST_P(BusTimers, SendScheduledMessagesUnlessTheyAreCancelled) {
  Worker& one = worker(clockwork());
  give(one, Wound{"o"}, "w");
  std::optional<ScheduledMessage> cancelled;
  const auto schedule = [&](Bus& bus) -> boost::asio::awaitable<void> {
    const Alarm alarm{"o"};
    co_await bus.schedule(alarm, 20s);
    cancelled = co_await bus.schedule(alarm, 20s);
  };
  await(schedule(*one.bus));
  EXPECT_EQ(rows(), 2U);
  const auto cancel = [&](Bus& bus) -> boost::asio::awaitable<void> {
    const bool was_there = co_await bus.cancel(*cancelled);
    EXPECT_TRUE(was_there);
  };
  await(cancel(*one.bus));
  live(30s);
  EXPECT_THAT(rung(), ElementsAre("alarm"));
}

TEST_P(BusTimers, ThatCameDueWhileNobodyWasThereCome) {
  {
    Worker& one = worker(clockwork());
    give(one, Wound{"o"}, "w");
    give(one, Set{"o", "tea", 30'000}, "s");
    await(one.bus->stop());
  }
  clock_->advance(100h);
  worker(clockwork());
  live(15s);
  EXPECT_THAT(rung(), ElementsAre("tea"));
  EXPECT_EQ(rows(), 0U);
}

}  // namespace sagabus::test
