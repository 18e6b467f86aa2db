// Processes that die at any moment, and answers that get lost: every order takes effect once.
//
//   SAGABUS_KILLS   how many workers at work are killed for each test (40)
//   SAGABUS_NAPS    how many times one is stopped for longer than its leases last instead (2)
//   SAGABUS_SEED    draws where and when (a new one each time, printed)
#include <gmock/gmock.h>

#include <algorithm>
#include <iostream>
#include <random>

#include "faults/kill_run.hpp"
#include "faults/lossy_proxy.hpp"
#include "integration/dynamodb_support.hpp"
#include "support/number_from.hpp"

namespace sagabus::faults {
namespace {

constexpr unsigned kLoseEvery = 10;
constexpr std::size_t kProblemsShown = 20;

KillSettings with_kills() {
  KillSettings settings;
  settings.kills = test::number_from("SAGABUS_KILLS", 40);
  return settings;
}

KillSettings with_naps() {
  KillSettings settings;
  settings.naps = test::number_from("SAGABUS_NAPS", 2);
  return settings;
}

void expect_every_effect_once(Plan plan, SagaStore store = {},
                              KillSettings settings = with_kills()) {
  settings.seed = test::number_from("SAGABUS_SEED", std::random_device()());
  settings.plan = std::move(plan);
  settings.store = std::move(store);
  std::cout << "SAGABUS_SEED=" << settings.seed << std::endl;
  KillRun run(settings);
  try {
    run.run();
  } catch (const std::exception& error) {
    ADD_FAILURE() << error.what();
  }
  const std::vector<std::string> problems = run.problems();
  std::cout << run.summary() << std::endl;
  EXPECT_EQ(problems.size(), 0U);
  for (std::size_t i = 0; i < std::min(problems.size(), kProblemsShown); ++i) {
    ADD_FAILURE() << problems[i];
  }
  for (const Point point : points_of(settings.plan)) {
    const auto index = static_cast<std::size_t>(point);
    EXPECT_GE(run.kills().at().at(index), settings.kills / 18) << kPoints.at(index);
  }
}

TEST(KillSqlite, EveryEffectHappensOnce) {
  expect_every_effect_once({});
}

TEST(KillSqlite, EveryEffectHappensOnceAlsoWhereAnswersAreLost) {
  expect_every_effect_once({.lose_every = kLoseEvery});
}

TEST(KillSqlite, EveryEffectHappensOnceAlsoWhereWorkersSleep) {
  expect_every_effect_once({}, {}, with_naps());
}

TEST(KillSqlite, EveryEffectHappensOnceInOneTransaction) {
  expect_every_effect_once({.joint = true});
}

TEST(KillSqlite, EveryEffectHappensOnceInOneTransactionAlsoWhereAnswersAreLost) {
  expect_every_effect_once({.joint = true, .lose_every = kLoseEvery});
}

class KillDynamoDb : public dynamodb::DynamoDbTest {
 protected:
  KillDynamoDb() : store_(make()) {}

  const SagaStore store_;
};

TEST_F(KillDynamoDb, EveryEffectHappensOnce) {
  expect_every_effect_once({.table = table_, .endpoint = test::dynamodb_endpoint()}, store_);
}

TEST_F(KillDynamoDb, EveryEffectHappensOnceAlsoWhereWorkersSleep) {
  expect_every_effect_once({.table = table_, .endpoint = test::dynamodb_endpoint()}, store_,
                           with_naps());
}

TEST_F(KillDynamoDb, EveryEffectHappensOnceAlsoWhereAnswersAreLost) {
  const LossyProxy proxy(test::dynamodb_endpoint(), kLoseEvery);
  Plan plan{.table = table_, .endpoint = proxy.endpoint(), .lose_every = kLoseEvery};
  expect_every_effect_once(std::move(plan), store_);
  std::cout << proxy.lost() << " answers of DynamoDB lost" << std::endl;
  EXPECT_GT(proxy.lost(), 0U);
}

class KillSqs : public KillDynamoDb {
 protected:
  Plan plan() const {
    return {.table = table_,
            .endpoint = test::dynamodb_endpoint(),
            .queue_prefix = "kill" + new_nonce(*system_random()),
            .sqs_endpoint = test::sqs_endpoint()};
  }
  // Whatever a worker has in its hands when it is killed is hidden for seconds: there has to be
  // more.
  static KillSettings settings() {
    KillSettings settings = with_kills();
    settings.orders = 64;
    return settings;
  }
};

TEST_F(KillSqs, EveryEffectHappensOnce) {
  expect_every_effect_once(plan(), store_, settings());
}

TEST_F(KillSqs, EveryEffectHappensOnceAlsoWhereWorkersSleep) {
  expect_every_effect_once(plan(), store_, with_naps());
}

// Plain handlers may see a message twice there, and sagas do not.
TEST_F(KillSqs, EveryEffectOfSagasHappensOnceAlsoOnStandardQueues) {
  Plan standard = plan();
  standard.fifo = false;
  expect_every_effect_once(std::move(standard), store_, settings());
}

}  // namespace
}  // namespace sagabus::faults
