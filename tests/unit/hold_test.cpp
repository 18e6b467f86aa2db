// Messages that wait in hand for a store or a transport that is away.
#include <fmt/format.h>

#include <set>

#include "bus_fixture.hpp"
#include "sagabus/sync_wait.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::BusTest;
using fixture::Paid;
using fixture::PaymentRequested;
using fixture::Submitted;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::SizeIs;

class HoldTest : public BusTest {
 protected:
  HoldTest() {
    memory::TransportOptions hides_for_long;
    hides_for_long.visibility_timeout = 24h;
    hides_for_long.ambient = ambient_;
    transport_ = memory::Transport(std::move(hides_for_long));
    transport_faults_->may_hold = 12h;
    transport_faults_->after_receive = [this] { ++receives_; };
    transport_faults_->before_give_back = [this](const Delivery&, const GiveBack& how) {
      returned_.push_back(how);
    };
  }

  // For one instance, or for all.
  void store_is_away_for(std::chrono::milliseconds time, std::string instance = {}) {
    back_at_ = clock_->now() + time;
    const auto refuse = [this, instance](const std::string& asked) {
      if (clock_->now() >= back_at_ || (!instance.empty() && asked != instance)) return;
      ++asked_;
      waited_.insert(asked);
      throw Throttled("the store is away");
    };
    store_faults_->before_load = [refuse](const InstanceKey& key) { refuse(key.correlation_id); };
    store_faults_->before_commit = [refuse](const CommitRequest& request) {
      refuse(request.next->correlation_id);
    };
  }

  TimePoint back_at_{};
  int asked_ = 0;
  std::set<std::string> waited_;
  int receives_ = 0;
  std::vector<GiveBack> returned_;
};

TEST_F(HoldTest, AnOutageOfHoursIsOneDelivery) {
  store_is_away_for(3h);
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_EQ(receives_, 1);
  EXPECT_THAT(returned_, IsEmpty());
  EXPECT_GT(asked_, 3 * 3600 / 10);  // at least every 10 s
  EXPECT_LT(asked_, 3 * 3600 / 4);   // every 5 s in the mean
}

TEST_F(HoldTest, WhatCannotBeHeldForLongEnoughIsGivenBack) {
  transport_faults_->may_hold = 5s;
  store_is_away_for(3s);
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(returned_,
              ElementsAre(AllOf(Field(&GiveBack::delay, 1s), Field(&GiveBack::failed, false)),
                          Field(&GiveBack::delay, 2s)));
}

TEST_F(HoldTest, NoMoreIsTakenThanTwoForEachLane) {
  store_is_away_for(1h);
  BusOptions two = options({fixture::orders().build()});
  two.concurrency = 2;
  Bus& bus = start(std::move(two));
  for (int i = 0; i < 20; ++i) await(bus.publish(Submitted{fmt::format("o{}", i), 1}));
  run();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(state(fmt::format("o{}", i)).steps, 1);
  EXPECT_THAT(waited_, SizeIs(Le(4)));
  EXPECT_THAT(returned_, IsEmpty());
}

TEST_F(HoldTest, OneInstanceWaitsAndOthersGoOn) {
  store_is_away_for(1min, "hot");
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"hot", 1}));
  await(bus.publish(Paid{"hot", "t"}));
  await(bus.publish(Submitted{"cool", 1}));
  run_now();
  EXPECT_EQ(state("cool").steps, 1);
  EXPECT_FALSE(find("hot"));
  run();
  EXPECT_EQ(state("hot").steps, 2);  // in their order
  EXPECT_THAT(returned_, IsEmpty());
}

TEST_F(HoldTest, WhatIsRefusedTimeAndAgainKeepsNotTheOnlyLane) {
  store_is_away_for(1h, "hot");
  BusOptions one = options({fixture::orders().build()});
  one.concurrency = 1;
  Bus& bus = start(std::move(one));
  await(bus.publish(Submitted{"hot", 1}));
  await(bus.publish(Submitted{"cool", 1}));
  for (int i = 0; i < 5; ++i) {
    run_now();
    clock_->advance_to_next();
  }
  EXPECT_TRUE(find("cool"));
  EXPECT_LT(clock_->now(), back_at_);
  run();
  EXPECT_EQ(state("hot").steps, 1);
}

TEST_F(HoldTest, AStepThatLosesEveryRaceIsRunAgainForItsOwnInstance) {
  int rivals = 16;  // as many as a step bears
  store_faults_->before_commit = [&](const CommitRequest& request) {
    if (!request.expected || rivals == 0) return;
    --rivals;
    const Instance there = sync_wait(store_.get_by_correlation_id("Orders", "o")).value();
    sync_wait(store_.update(there, there.version));
  };
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  run();
  EXPECT_EQ(rivals, 0);
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_EQ(transport_.pending("Orders"), 0U);
  EXPECT_THAT(transport_.peek("Orders.dlq"), IsEmpty());
  EXPECT_THAT(returned_, IsEmpty());
}

TEST_F(HoldTest, WhatMayHaveBeenCommittedIsTriedAgainAsUncertain) {
  std::vector<std::string> told;
  int losses = 3;
  store_faults_->after_commit = [&](const CommitRequest&, const CommitResult&) {
    if (losses-- > 0) throw TransientError("the answer was lost");
  };
  Bus& bus = start(options({fixture::orders().build()}, {tap(told)}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 1);
  EXPECT_THAT(told, SizeIs(1));
  EXPECT_EQ(receives_, 2);  // the tap's too
  EXPECT_THAT(returned_, IsEmpty());
}

TEST_F(HoldTest, AStopGivesBackWhatIsHeldAtOnceAndSaysThatItIsUncertain) {
  store_faults_->after_commit = [&](const CommitRequest&, const CommitResult&) {
    throw TransientError("the answer was lost");
  };
  Bus& bus = start(options({fixture::orders().build()}));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Paid{"o", "t"}));
  for (int i = 0; i < 5; ++i) {
    run_now();
    clock_->advance_to_next();
  }
  run_now();
  const TimePoint before = clock_->now();
  await(bus.stop());
  EXPECT_EQ(clock_->now(), before);
  ASSERT_THAT(returned_, SizeIs(2));
  EXPECT_TRUE(returned_[0].uncertain);
  EXPECT_FALSE(returned_[1].uncertain);  // it waited behind the other
  EXPECT_EQ(transport_.pending("Orders"), 2U);
}

TEST_F(HoldTest, AServiceHoldsWhatItCannotSend) {
  int runs = 0;
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    const bool is_answer = requests[0].envelope->type == message_name<Paid>();
    if (is_answer && clock_->now() < back_at_) throw TransientError("the transport is away");
  };
  auto payments =
      service("payments").on<PaymentRequested>([&](const PaymentRequested& m, MessageContext& ctx) {
        ++runs;
        ctx.publish(Paid{m.orderId, "t"});
      });
  back_at_ = clock_->now() + 1min;
  Bus& bus = start(options({fixture::orders().build()}, {payments}));
  await(bus.publish(Submitted{"o", 1}));
  run();
  EXPECT_EQ(state("o").steps, 2);
  EXPECT_GT(runs, 5);
  EXPECT_THAT(returned_, IsEmpty());
}

TEST_F(HoldTest, ADestinationThatIsMissingKeepsNoLane) {
  transport_faults_->before_send = [&](const std::vector<SendRequest>& requests) {
    const bool is_told = requests[0].envelope->type == message_name<PaymentRequested>();
    if (is_told && clock_->now() < back_at_) throw AccessDenied("no such queue for you");
  };
  back_at_ = clock_->now() + 1min;
  BusOptions one = options({fixture::orders().build()});
  one.concurrency = 1;
  Bus& bus = start(std::move(one));
  await(bus.publish(Submitted{"o", 1}));
  await(bus.publish(Submitted{"p", 1}));
  run_now();
  EXPECT_EQ(state("p").steps, 1);
  EXPECT_THAT(returned_, SizeIs(2));
  run();
  EXPECT_EQ(state("o").steps, 1);
}

}  // namespace
