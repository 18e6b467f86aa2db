#include "sqs/batch_line.hpp"

#include <gmock/gmock.h>

namespace sagabus::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

struct Nobody final : EntryOwner {
  void ended(const std::exception_ptr&) override {}
};

BatchEntry entry(std::string name, std::string group = {}, std::size_t bytes = 1) {
  BatchEntry out;
  out.members = std::move(name);
  out.group = std::move(group);
  out.bytes = bytes;
  return out;
}

std::vector<std::string> names(const std::vector<BatchEntry>& entries) {
  std::vector<std::string> out;
  for (const BatchEntry& e : entries) out.push_back(e.members);
  return out;
}

TEST(SqsBatchLine, TenAtATimeInTheirOrder) {
  BatchLine line(1000);
  EXPECT_THAT(line.take(), IsEmpty());
  for (int i = 0; i < 12; ++i) line.add(entry(std::to_string(i)));
  EXPECT_EQ(line.ready(), 12U);
  EXPECT_THAT(names(line.take()), ElementsAre("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"));
  EXPECT_THAT(names(line.take()), ElementsAre("10", "11"));
  EXPECT_THAT(line.take(), IsEmpty());
}

TEST(SqsBatchLine, WithinTheBytesOfARequest) {
  BatchLine line(100);
  line.add(entry("a", "", 60));
  line.add(entry("b", "", 40));
  line.add(entry("c", "", 1));
  line.add(entry("large", "", 500));
  line.add(entry("d", "", 1));
  EXPECT_THAT(names(line.take()), ElementsAre("a", "b"));
  EXPECT_THAT(names(line.take()), ElementsAre("c"));
  EXPECT_THAT(names(line.take()), ElementsAre("large"));  // alone: the service judges it
  EXPECT_THAT(names(line.take()), ElementsAre("d"));
}

TEST(SqsBatchLine, OneOfAGroupIsOnItsWayAtATime) {
  BatchLine line(1000);
  line.add(entry("a1", "a"));
  line.add(entry("a2", "a"));
  line.add(entry("b1", "b"));
  line.add(entry("a3", "a"));
  const auto first = line.take();
  EXPECT_THAT(names(first), ElementsAre("a1", "b1"));
  EXPECT_THAT(line.take(), IsEmpty());
  line.settle(first[1]);
  EXPECT_THAT(line.take(), IsEmpty());
  line.settle(first[0]);
  const auto second = line.take();
  EXPECT_THAT(names(second), ElementsAre("a2"));
  line.add(entry("a4", "a"));
  line.settle(second[0]);
  const auto third = line.take();
  EXPECT_THAT(names(third), ElementsAre("a3"));
  line.settle(third[0]);
  const auto fourth = line.take();
  EXPECT_THAT(names(fourth), ElementsAre("a4"));
  line.settle(fourth[0]);
  line.add(entry("a5", "a"));
  EXPECT_THAT(names(line.take()), ElementsAre("a5"));
}

TEST(SqsBatchLine, OneThatIsTriedAgainIsNotOvertaken) {
  BatchLine line(1000);
  line.add(entry("a1", "a"));
  line.add(entry("a2", "a"));
  auto taken = line.take();
  line.add(entry("b1", "b"));
  line.put_back(std::move(taken[0]));
  const auto again = line.take();
  EXPECT_THAT(names(again), ElementsAre("a1", "b1"));
  line.settle(again[0]);
  EXPECT_THAT(names(line.take()), ElementsAre("a2"));
}

TEST(SqsBatchLine, ThoseBehindARefusedOneOfTheSameOwnerDoNotGo) {
  const auto mine = std::make_shared<Nobody>();
  const auto other = std::make_shared<Nobody>();
  const auto owned = [](std::string name, std::string group, std::shared_ptr<EntryOwner> owner) {
    BatchEntry out = entry(std::move(name), std::move(group));
    out.owner = std::move(owner);
    return out;
  };
  BatchLine line(1000);
  line.add(owned("a1", "a", mine));
  line.add(owned("a2", "a", mine));
  line.add(owned("a3", "a", other));
  line.add(owned("a4", "a", mine));
  line.add(owned("b1", "b", mine));
  const auto taken = line.take();
  EXPECT_THAT(names(taken), ElementsAre("a1", "b1"));
  EXPECT_THAT(names(line.take_followers(taken[0])), ElementsAre("a2", "a4"));
  line.settle(taken[0]);
  EXPECT_THAT(names(line.take()), ElementsAre("a3"));
  EXPECT_THAT(line.take_followers(taken[1]), IsEmpty());
}

TEST(SqsBatchLine, AllCanBeTakenOut) {
  BatchLine line(1000);
  line.add(entry("a1", "a"));
  line.add(entry("a2", "a"));
  line.add(entry("x"));
  EXPECT_THAT(line.clear(), SizeIs(3));
  EXPECT_EQ(line.ready(), 0U);
  line.add(entry("a3", "a"));
  EXPECT_THAT(names(line.take()), ElementsAre("a3"));
}

}  // namespace
}  // namespace sagabus::sqs
