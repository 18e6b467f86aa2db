// Who an instance is, over time: what one worker remembers while another ends, deletes or restarts
// it; and what comes too late. On every store.
#include "conformance/bus_on_store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr auto kLonger = 25h;  // than completed instances stay

// So that another worker's step comes between the plan of this one and its write.
std::function<boost::asio::awaitable<void>()> slowly(
    const std::shared_ptr<sagabus::testing::VirtualClock>& clock) {
  return [clock] { return clock->sleep_for(1s); };
}

}  // namespace

// Three ways in which another life comes to stand where this worker remembers one, at the version
// that it remembers.

TEST_P(BusOnStore, WhatWasDeletedAndStartedAgainIsNotOverwritten) {
  Worker& stale = worker(account().build());
  Worker& other = worker(account().build());
  give(stale, Opened{"o", 100}, "m1");
  const std::string birth = find().value().bookkeeping.birth;
  erase();
  give(other, Opened{"o", 200}, "m2");
  ASSERT_EQ(find().value().version, 1U);
  ASSERT_NE(find()->bookkeeping.birth, birth);
  give(stale, Added{"o", 5}, "m3");
  EXPECT_EQ(state(), (Account{.sum = 205, .steps = 2}));
  EXPECT_EQ(find()->version, 2U);
}

TEST_P(BusOnStore, WhatExpiredAndWasStartedAgainIsNotOverwritten) {
  Worker& stale = worker(account().build());
  Worker& other = worker(account().build());
  give(stale, Opened{"o", 100}, "m1");
  give(other, Ended{"o"}, "m2");
  pass(kLonger);
  ASSERT_FALSE(find());
  give(other, Opened{"o", 200}, "m3");
  ASSERT_EQ(find().value().version, 1U);
  give(stale, Added{"o", 5}, "m4");
  EXPECT_EQ(state(), (Account{.sum = 205, .steps = 2}));
  EXPECT_EQ(find()->version, 2U);
}

TEST_P(BusOnStore, WhatWasRestartedIsNotOverwritten) {
  const auto saga = account().restart_when_completed().build();
  Worker& stale = worker(saga);
  Worker& other = worker(saga);
  give(stale, Opened{"o", 100}, "m1");
  give(other, Ended{"o"}, "m2");
  give(other, Opened{"o", 200}, "m3");
  give(stale, Added{"o", 5}, "m4");
  EXPECT_EQ(state(), (Account{.sum = 205, .steps = 2}));
  EXPECT_EQ(find()->version, 4U);
}

// A step that was planned on one life meets another when it is written.
TEST_P(BusOnStore, APlanForAnEarlierLifeIsGivenUp) {
  Worker& slow = worker(account().build());
  Worker& other = worker(account().build());
  give(slow, Opened{"o", 100}, "m1");
  slow.store_faults->commit_takes = slowly(clock_);
  give(slow, Counted{"o", 5}, "m2");
  erase();
  give(other, Opened{"o", 200}, "m3");
  run();
  EXPECT_EQ(state(), (Account{.sum = 205, .steps = 2}));
  EXPECT_THAT(sums(), ElementsAre(100, 200, 205));  // and said nothing of a sum of 105
}

TEST_P(BusOnStore, WhatIsGoneIsNotWrittenAnew) {
  const auto saga = account().build().with({.on_not_found = NotFoundDecision::dead_letter});
  Worker& first = worker(saga);
  Worker& other = worker(saga);
  give(first, Opened{"deleted", 100}, "m1");
  erase("deleted");
  give(first, Added{"deleted", 5}, "m2");
  give(first, Opened{"expired", 100}, "m3");
  give(other, Ended{"expired"}, "m4");
  pass(kLonger);
  give(first, Added{"expired", 5}, "m5");
  EXPECT_FALSE(find("deleted"));
  EXPECT_FALSE(find("expired"));
  EXPECT_THAT(letters(first), ElementsAre("sagabus::NotFound", "sagabus::NotFound"));
}

TEST_P(BusOnStore, AStartForWhatIsGoneStartsANewLife) {
  Worker& worker = this->worker(account().build());
  give(worker, Opened{"o", 100}, "m1");
  const std::string birth = find().value().bookkeeping.birth;
  give(worker, Added{"o", 5}, "m2");
  erase();
  give(worker, Opened{"o", 200}, "m3");  // planned on what is remembered
  EXPECT_EQ(state(), (Account{.sum = 200, .steps = 1}));
  EXPECT_EQ(find()->version, 1U);
  EXPECT_NE(find()->bookkeeping.birth, birth);
}

TEST_P(BusOnStore, AnInstanceWithAChosenIdTakesItsMessages) {
  Worker& first = worker(account().build());
  Worker& other = worker(account().build());
  Instance given;
  given.saga_name = name_;
  given.saga_id = "chosen";
  given.correlation_id = "o";
  given.state = to_value(Account{.sum = 7});
  sync_wait(store_.insert(given));
  give(first, Opened{"o", 100}, "m1");  // starts nothing
  give(other, Added{"o", 5}, "m2");
  give(first, Added{"o", 20}, "m3");
  EXPECT_EQ(find().value().saga_id, "chosen");
  EXPECT_EQ(find()->version, 4U);
  EXPECT_EQ(state(), (Account{.sum = 132, .steps = 3}));
  EXPECT_EQ(sync_wait(store_.count_by_name(name_)), 1U);
  EXPECT_THAT(sums(), ElementsAre(107));
}

// Completed instances, with and without a restart.

TEST_P(BusOnStore, ACompletedInstanceIgnoresEverythingUntilItExpires) {
  Worker& first = worker(account().build());
  Worker& other = worker(account().build());
  give(first, Opened{"o", 100}, "m1");
  give(first, Ended{"o"}, "m2");
  for (Worker* to : {&first, &other}) {
    const std::string whose = to == &first ? "first" : "other";
    give(*to, Added{"o", 5}, "add, " + whose);
    give(*to, Opened{"o", 200}, "open, " + whose);
    EXPECT_TRUE(is_done(*to));
    EXPECT_THAT(letters(*to), IsEmpty());
  }
  EXPECT_EQ(find().value().version, 2U);
  EXPECT_THAT(sums(), ElementsAre(100));
  pass(kLonger);
  give(other, Opened{"o", 300}, "m3");
  EXPECT_EQ(state(), (Account{.sum = 300, .steps = 1}));
  EXPECT_EQ(find()->version, 1U);
  EXPECT_FALSE(find()->expires_at);
}

TEST_P(BusOnStore, ARepeatedStartRestartsNothing) {
  const auto saga = account().restart_when_completed().build();
  Worker& first = worker(saga);
  Worker& other = worker(saga);
  give(first, Opened{"o", 100}, "m1");
  give(first, Ended{"o"}, "m2");
  give(other, Opened{"o", 100}, "m1");
  EXPECT_TRUE(find().value().completed);
  pass(1h);  // the first one's transport has forgotten it too
  give(first, Opened{"o", 100}, "m1");
  EXPECT_TRUE(find().value().completed);
  give(other, Opened{"o", 200}, "m3");
  EXPECT_EQ(state(), (Account{.sum = 200, .steps = 1}));  // this one is another
  give(first, Opened{"o", 200}, "m3");
  EXPECT_EQ(state(), (Account{.sum = 200, .steps = 1}));
  EXPECT_THAT(sums(), ElementsAre(100, 200));
}

TEST_P(BusOnStore, ARestartTakesTheExpiryAway) {
  Worker& worker = this->worker(account().restart_when_completed().build());
  give(worker, Opened{"o", 100}, "m1");
  give(worker, Ended{"o"}, "m2");
  ASSERT_TRUE(find().value().expires_at);
  give(worker, Opened{"o", 200}, "m3");
  EXPECT_FALSE(find().value().expires_at);
  pass(kLonger);
  ASSERT_TRUE(find());
  give(worker, Added{"o", 5}, "m4");
  EXPECT_EQ(state(), (Account{.sum = 205, .steps = 2}));
}

TEST_P(BusOnStore, OneStartOnTwoWorkersRestartsOnce) {
  const auto saga = account().restart_when_completed().build();
  Worker& slow = worker(saga);
  Worker& other = worker(saga);
  give(other, Opened{"o", 100}, "m1");
  give(other, Ended{"o"}, "m2");
  slow.store_faults->commit_takes = slowly(clock_);
  give(slow, Opened{"o", 200}, "m3");
  give(other, Opened{"o", 200}, "m3");
  give(other, Added{"o", 5}, "m4");
  run();
  EXPECT_EQ(state(), (Account{.sum = 205, .steps = 2}));
  EXPECT_THAT(sums(), ElementsAre(100, 200));
}

// What the life before had to say, and could not send, is said by the redelivery of its message.
TEST_P(BusOnStore, ARestartKeepsWhatIsStillToBeSent) {
  const auto saga = account().restart_when_completed().build();
  Worker& first = worker(saga);
  Worker& other = worker(saga);
  bool away = true;
  first.transport_faults->before_send = [&](const std::vector<SendRequest>& requests) {
    if (away && requests[0].envelope->type == message_name<Said>()) throw TransientError("away");
  };
  give(first, Opened{"o", 100}, "m1");
  give(other, Ended{"o"}, "m2");
  give(other, Opened{"o", 200}, "m3");
  EXPECT_THAT(sums(), ElementsAre(200));
  away = false;
  run();
  EXPECT_THAT(sums(), ElementsAre(100, 200));
  EXPECT_EQ(state(), (Account{.sum = 200, .steps = 1}));
  const Instance there = find().value();
  for (const OutboxEntry& left : there.bookkeeping.outbox) EXPECT_NE(left.message_id, "m1");
}

// Late messages.

TEST_P(BusOnStore, AMessageThatOvertookItsStartWaitsForIt) {
  const auto saga = account().build().with({.on_not_found = NotFoundDecision::retry_later});
  Worker& early = worker(saga);
  Worker& other = worker(saga);
  give(early, Added{"o", 5}, "m1");
  give(early, Added{"nobody", 5}, "m2");
  EXPECT_FALSE(find());
  give(other, Opened{"o", 100}, "m3");
  run();
  EXPECT_EQ(state(), (Account{.sum = 105, .steps = 2}));
  EXPECT_THAT(letters(early), ElementsAre("sagabus::NotFound"));
  EXPECT_TRUE(is_done(early));
}

// Its effect is in the sum, and its id has left the inbox: nobody can tell any more.
TEST_P(BusOnStore, WhatIsRedeliveredAfterItsIdHasLeftIsBuriedAndNotDoneTwice) {
  Worker& first = worker(account().build(), 1h);
  Worker& other = worker(account().build());
  first.transport_faults->before_acknowledge = [&](const Delivery& delivery) {
    if (!delivery.redelivered) throw TransientError("lost on the way");
  };
  give(first, Opened{"o", 100}, "m1");
  give(first, Added{"o", 5}, "m2");
  pass(11min);
  give(other, Added{"o", 20}, "m3");  // longer than the window since: m2 leaves the inbox
  ASSERT_EQ(state(), (Account{.sum = 125, .steps = 3}));
  run();
  EXPECT_EQ(state(), (Account{.sum = 125, .steps = 3}));
  EXPECT_THAT(letters(first), ElementsAre("sagabus::TooLate"));
  EXPECT_TRUE(is_done(first));  // m1 is known yet: its entry kept it
  EXPECT_THAT(sums(), ElementsAre(100));
}

// To the transport, what an operator sends back is a first delivery.
TEST_P(BusOnStore, ALetterThatCameTooLateIsBuriedAgainUntilItsDoubtIsTakenOff) {
  Worker& first = worker(account().build(), 1h);
  Worker& other = worker(account().build());
  first.transport_faults->before_acknowledge = [&](const Delivery& delivery) {
    if (!delivery.redelivered) throw TransientError("lost on the way");
  };
  give(first, Opened{"o", 100}, "m1");
  give(first, Added{"o", 5}, "m2");
  pass(11min);
  give(other, Added{"o", 20}, "m3");
  run();
  first.transport_faults->before_acknowledge = [](const Delivery&) {};
  for (int i = 0; i < 2; ++i) {
    ASSERT_THAT(letters(first), ElementsAre("sagabus::TooLate"));
    send_back(first);
    EXPECT_EQ(state(), (Account{.sum = 125, .steps = 3}));
  }
  send_back(first, [](Envelope& letter) { letter.headers.erase("x-saga-uncertain"); });
  EXPECT_EQ(state(), (Account{.sum = 130, .steps = 4}));
  EXPECT_THAT(letters(first), IsEmpty());
  EXPECT_TRUE(is_done(first));
}

// So does a restart keep the horizon: the message of an earlier life starts no third one.
TEST_P(BusOnStore, AStartOfAnEarlierLifeThatComesTooLateIsBuried) {
  const auto saga = account().restart_when_completed().build();
  Worker& first = worker(saga, 1h);
  Worker& other = worker(saga);
  give(first, Opened{"o", 100}, "m1");
  give(first, Ended{"o"}, "m2");
  first.transport_faults->before_acknowledge = [&](const Delivery& delivery) {
    if (!delivery.redelivered) throw TransientError("lost on the way");
  };
  give(first, Counted{"o", 1}, "ignored");  // completed
  give(first, Opened{"o", 200}, "m3");
  give(other, Opened{"o", 200}, "m3");  // its entry is sent by another, and leaves
  give(other, Ended{"o"}, "m4");
  pass(11min);
  give(other, Opened{"o", 300}, "m5");
  give(other, Ended{"o"}, "m6");
  const std::uint64_t version = find().value().version;
  run();
  EXPECT_EQ(find().value().version, version);
  EXPECT_THAT(letters(first), ElementsAre("sagabus::TooLate", "sagabus::TooLate"));
  EXPECT_THAT(sums(), ElementsAre(100, 200, 300));
}

}  // namespace sagabus::test
