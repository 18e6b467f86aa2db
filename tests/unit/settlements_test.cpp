#include "settlements.hpp"

#include <gmock/gmock.h>

#include "sagabus/error.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using namespace sagabus::detail;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

OutboxEntry entry(std::string worker, std::uint64_t sequence) {
  return {std::to_string(sequence), std::move(worker), sequence, {}};
}

TEST(Watermark, IsAShortText) {
  const Watermark watermark{17, {3, 12}};
  EXPECT_EQ(write_watermark(watermark), R"({"f":1,"t":17,"o":[3,12]})");
  EXPECT_EQ(read_watermark(write_watermark(watermark)), watermark);
}

TEST(Watermark, CoversAllButWhatIsOpen) {
  const Watermark watermark{17, {3, 12}};
  EXPECT_TRUE(watermark.covers(1));
  EXPECT_FALSE(watermark.covers(3));
  EXPECT_FALSE(watermark.covers(12));
  EXPECT_TRUE(watermark.covers(17));
  EXPECT_FALSE(watermark.covers(18));
}

TEST(Watermark, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"", "{}", "17", R"({"f":2,"t":17,"o":[]})", R"({"f":1,"t":-1,"o":[]})",
        R"({"f":1,"t":5,"o":[3,2]})", R"({"f":1,"t":5,"o":[6]})", R"({"f":1,"t":5,"o":["a"]})"}) {
    EXPECT_THROW(read_watermark(text), ValidationError) << text;
  }
}

class SettlementsTest : public ::testing::Test {
 protected:
  std::uint64_t begin(std::string_view message_id) {
    return own_.begin({"s1", message_id}).sequence;
  }
  void learn(const std::string& worker, const Watermark& watermark) {
    own_.to_look_up({entry(worker, 1'000'000)}, now_);
    own_.learn(worker, watermark);
  }
  bool settled(const OutboxEntry& e) const { return own_.unsettled({e}).empty(); }

  Settlements own_{"w1"};
  std::chrono::nanoseconds now_ = 1h;
};

TEST_F(SettlementsTest, KnowsItsOwnFinishedSteps) {
  const auto first = begin("a");
  const auto second = begin("b");
  own_.settle(second);
  EXPECT_FALSE(settled(entry("w1", first)));
  EXPECT_TRUE(settled(entry("w1", second)));
  EXPECT_FALSE(settled(entry("w2", second)));
  EXPECT_FALSE(settled(entry("w1", second + 1)));
}

TEST_F(SettlementsTest, KnowsOfOthersWhatTheyTold) {
  learn("w2", {17, {3}});
  EXPECT_TRUE(settled(entry("w2", 17)));
  EXPECT_FALSE(settled(entry("w2", 3)));
  EXPECT_FALSE(settled(entry("w2", 18)));
  EXPECT_FALSE(settled(entry("w3", 17)));
}

TEST_F(SettlementsTest, TellsWhatIsNewOnce) {
  EXPECT_EQ(own_.news(), std::nullopt);
  const auto first = begin("a");
  const auto second = begin("b");
  own_.settle(second);
  EXPECT_EQ(own_.news(), (Watermark{2, {first}}));
  EXPECT_EQ(own_.news(), std::nullopt);
  own_.settle(first);
  EXPECT_EQ(own_.news(), (Watermark{2, {}}));
}

TEST_F(SettlementsTest, CallsOnceForAllThatIsNew) {
  int calls = 0;
  own_.on_news([&] { ++calls; });
  const auto first = begin("a");
  const auto second = begin("b");
  EXPECT_EQ(calls, 0);
  own_.settle(first);
  own_.settle(second);
  EXPECT_EQ(calls, 1);
  own_.news();
  own_.settle(begin("c"));
  EXPECT_EQ(calls, 2);
}

TEST_F(SettlementsTest, AWatermarkIsShortHoweverMuchIsOpen) {
  for (int i = 0; i < 5000; ++i) begin(std::to_string(i));
  const auto last = begin("last");
  own_.settle(last);
  const Watermark told = own_.news().value();
  EXPECT_THAT(told.open, SizeIs(500));
  EXPECT_EQ(told.through, 500U);
  EXPECT_FALSE(told.covers(last));  // said less than is true
  EXPECT_LT(write_watermark(told).size(), 4096U);
}

// Its number would stay open for ever otherwise.
TEST_F(SettlementsTest, AStepInDoubtGoesOnUnderItsNumber) {
  const auto first = begin("a");
  own_.doubt({"s1", "a"}, first);
  EXPECT_NE(begin("b"), first);
  EXPECT_NE(own_.begin({"s2", "a"}).sequence, first);  // of another saga that takes it
  EXPECT_FALSE(settled(entry("w1", first)));
  EXPECT_EQ(begin("a"), first);
  EXPECT_NE(begin("a"), first);
}

TEST_F(SettlementsTest, WhatIsSettledIsInDoubtNoMore) {
  const auto first = begin("a");
  EXPECT_EQ(own_.in_doubt({"s1", "a"}), 0U);
  own_.doubt({"s1", "a"}, first);
  EXPECT_EQ(own_.in_doubt({"s1", "a"}), first);
  own_.settle(first);
  EXPECT_EQ(own_.in_doubt({"s1", "a"}), 0U);
  EXPECT_NE(begin("a"), first);  // or two steps would share a number, one of them settled
}

TEST_F(SettlementsTest, KeepsOnlySoManyDoubts) {
  for (int i = 0; i < 20'000; ++i) own_.doubt({"s1", std::to_string(i)}, begin(std::to_string(i)));
  int kept = 0;
  for (int i = 0; i < 20'000; ++i) kept += own_.in_doubt({"s1", std::to_string(i)}) != 0 ? 1 : 0;
  EXPECT_EQ(kept, 10'000);
}

TEST_F(SettlementsTest, AsksForWorkersThatItDoesNotKnow) {
  const std::vector<OutboxEntry> entries{entry("w1", 5), entry("w2", 5), entry("w2", 6),
                                         entry("w3", 5)};
  EXPECT_THAT(own_.to_look_up(entries, now_), ElementsAre("w2", "w3"));
  EXPECT_THAT(own_.to_look_up(entries, now_ + 1s), IsEmpty());
  own_.learn("w2", Watermark{6, {}});
  EXPECT_THAT(own_.to_look_up(entries, now_ + 5s), ElementsAre("w3"));
}

TEST_F(SettlementsTest, AsksSeldomForThoseThatSayNothingNew) {
  const std::vector<OutboxEntry> entries{entry("gone", 5)};
  int looks = 0;
  for (auto passed = 0s; passed < 24h; passed += 1s) {
    looks += static_cast<int>(own_.to_look_up(entries, now_ + passed).size());
  }
  EXPECT_LT(looks, 160);
  EXPECT_GT(looks, 140);  // but it does, every 10 minutes
}

TEST_F(SettlementsTest, AsksAgainSoonWhereThereWasSomethingNew) {
  const std::vector<OutboxEntry> entries{entry("busy", 1000)};
  for (std::uint64_t through = 1; through < 100; ++through) {
    ASSERT_THAT(own_.to_look_up(entries, now_), ElementsAre("busy")) << through;
    own_.learn("busy", Watermark{through, {}});
    now_ += 5s;
  }
}

}  // namespace
