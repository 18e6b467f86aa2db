#include "sagabus/memory/store.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "sagabus/sync_wait.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus {
namespace {

std::string option_error(double ttl_days) {
  try {
    memory::SagaStore store{{.ttl_days = ttl_days}};
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "<no error>";
}

TEST(MemoryStore, ChecksItsOptions) {
  EXPECT_EQ(option_error(0), "ttl_days: 0, expected more than 0 and at most 36500");
  EXPECT_EQ(option_error(-1.5), "ttl_days: -1.5, expected more than 0 and at most 36500");
  EXPECT_EQ(option_error(40'000), "ttl_days: 40000, expected more than 0 and at most 36500");
  EXPECT_EQ(option_error(std::numeric_limits<double>::quiet_NaN()),
            "ttl_days: nan, expected more than 0 and at most 36500");
  EXPECT_EQ(option_error(0.25), "<no error>");
}

TEST(MemoryStore, NeedsAClockAndARandomSource) {
  Ambient ambient;
  ambient.clock = nullptr;
  EXPECT_THROW((memory::SagaStore{{.ambient = ambient}}), std::invalid_argument);
  ambient = {.random = nullptr};
  EXPECT_THROW((memory::SagaStore{{.ambient = ambient}}), std::invalid_argument);
}

TEST(MemoryStore, RoundsTheTimeToLiveUpToWholeSeconds) {
  const auto clock = std::make_shared<testing::VirtualClock>(
      TimePoint(std::chrono::milliseconds(1'767'225'600'001)));
  Ambient ambient;
  ambient.clock = clock;
  memory::SagaStore store{{.ttl_days = 0.5 + 0.3 / 86'400, .ambient = ambient}};
  Instance given;
  given.saga_name = "S";
  given.correlation_id = "c";
  given.completed = true;
  const Instance stored = sync_wait(store.insert(given));
  const auto found = sync_wait(store.get_by_id("S", stored.saga_id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->expires_at, TimePoint(std::chrono::seconds(1'767'225'601 + 43'200 + 1)));
}

TEST(MemoryStore, HandsOutTheInstanceItWasGiven) {
  memory::SagaStore store;
  Instance first;
  first.saga_name = "S";
  first.correlation_id = "c";
  first.saga_id = derive_saga_id("S", "c");
  first.version = 1;
  const auto given = std::make_shared<const Instance>(std::move(first));
  ASSERT_TRUE(sync_wait(store.backend()->commit({given, {}})).committed);
  EXPECT_EQ(sync_wait(store.backend()->load({"S", "c", given->saga_id})), given);  // not a copy
}

TEST(MemoryStore, ForgetsExpiredInstancesInTheLongRun) {
  const auto clock = std::make_shared<testing::VirtualClock>();
  Ambient ambient;
  ambient.clock = clock;
  memory::SagaStore store{{.ttl_days = 1.0, .ambient = ambient}};
  Instance given;
  given.saga_name = "S";
  given.completed = true;
  std::weak_ptr<const Instance> oldest;
  for (int i = 0; i < 3000; ++i) {
    given.correlation_id = std::to_string(i);
    const Instance stored = sync_wait(store.insert(given));
    if (i == 0) oldest = sync_wait(store.backend()->get_by_id("S", stored.saga_id));
    clock->advance(std::chrono::hours(1));
  }
  EXPECT_TRUE(oldest.expired());
  EXPECT_EQ(sync_wait(store.count_by_name("S")), 23U);  // the last one is an hour old
}

}  // namespace
}  // namespace sagabus
