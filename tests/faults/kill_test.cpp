// Processes that die at any moment, and answers that get lost: every order takes effect once.
//
//   SAGABUS_KILLS   how many workers at work are killed for each test (40)
//   SAGABUS_SEED    draws where and when (a new one each time, printed)
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <random>

#include "faults/kill_run.hpp"
#include "faults/lossy_proxy.hpp"
#include "integration/dynamodb_support.hpp"

namespace sagabus::faults {
namespace {

constexpr unsigned kLoseEvery = 10;
constexpr std::size_t kProblemsShown = 20;

unsigned number_from(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text ? static_cast<unsigned>(std::stoul(text)) : otherwise;
}

void expect_every_effect_once(Plan plan, SagaStore store = {}) {
  KillSettings settings;
  settings.kills = number_from("SAGABUS_KILLS", 40);
  settings.seed = number_from("SAGABUS_SEED", std::random_device()());
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

TEST_F(KillDynamoDb, EveryEffectHappensOnceAlsoWhereAnswersAreLost) {
  const LossyProxy proxy(test::dynamodb_endpoint(), kLoseEvery);
  Plan plan{.table = table_, .endpoint = proxy.endpoint(), .lose_every = kLoseEvery};
  expect_every_effect_once(std::move(plan), store_);
  std::cout << proxy.lost() << " answers of DynamoDB lost" << std::endl;
  EXPECT_GT(proxy.lost(), 0U);
}

}  // namespace
}  // namespace sagabus::faults
