#include "sqs/recollection.hpp"

#include <gtest/gtest.h>

namespace sagabus::sqs {
namespace {

TEST(SqsRecollection, CountsFailuresAndHarmlessReturnsApart) {
  Recollection it;
  EXPECT_EQ(it.recall("m").failures, 0U);
  it.given_back("m", true, false);
  it.given_back("m", false, false);
  it.given_back("m", true, true);
  const Recollection::Memory memory = it.recall("m");
  EXPECT_EQ(memory.failures, 2U);
  EXPECT_EQ(memory.returns, 2U);
  EXPECT_TRUE(memory.uncertain);
  it.given_back("m", false, false);
  EXPECT_TRUE(it.recall("m").uncertain);
  EXPECT_EQ(it.recall("n").returns, 0U);
  it.forget("m");
  EXPECT_EQ(it.recall("m").failures, 0U);
}

TEST(SqsRecollection, ForgetsTheOldest) {
  Recollection it(3);
  for (const char* id : {"a", "b", "c", "a", "d"}) it.given_back(id, true, false);
  EXPECT_EQ(it.recall("a").failures, 0U);
  EXPECT_EQ(it.recall("b").failures, 1U);
  EXPECT_EQ(it.recall("d").failures, 1U);
}

}  // namespace
}  // namespace sagabus::sqs
