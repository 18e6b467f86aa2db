// The bus on a transport that keeps an order by key.
#include <fmt/format.h>

#include <map>
#include <set>

#include "bus_fixture.hpp"
#include "timer_fixture.hpp"
#include "timer_rules.hpp"

namespace {

using namespace std::chrono_literals;
using namespace sagabus;
using fixture::Paid;
using fixture::TimerTest;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// What the bus tells its transport, by endpoint.
class SubscriptionTest : public TimerTest {
 protected:
  SubscriptionTest() {
    transport_faults_->before_subscribe = [this](const Subscription& subscription) {
      subscribed_[subscription.endpoint] = subscription;
    };
  }

  template <class M>
  std::string order_of(const std::string& endpoint, const M& message) {
    return order_of_payload(endpoint, std::string(message_name<M>()), to_value(message));
  }
  std::string order_of_payload(const std::string& endpoint, std::string type, Value payload) {
    Envelope envelope;
    envelope.id = "m";
    envelope.type = std::move(type);
    envelope.payload = std::move(payload);
    return subscribed_.at(endpoint).order_by(envelope);
  }

  std::map<std::string, Subscription> subscribed_;
};

TEST_F(SubscriptionTest, ASagasMessagesAreOrderedByTheirInstance) {
  const auto ids = sagabus::saga<fixture::State>("Throws")
                       .correlate<Paid>(
                           [](const Paid& m) -> std::string {
                             if (m.orderId == "bad") throw std::runtime_error("no id in it");
                             return m.orderId + "!";
                           },
                           can_start)
                       .initial([] { return fixture::State{}; })
                       .build();
  std::vector<std::string> tapped;
  start(options({saga(), ids}, {tap(tapped)}));
  EXPECT_EQ(order_of("Watch", fixture::Begin{"w"}), "w");
  EXPECT_EQ(order_of("Watch", fixture::Do{"w", "x"}), "w");
  EXPECT_EQ(order_of("Throws", Paid{"w", "t"}), "w!");
  EXPECT_FALSE(subscribed_.at("tap").order_by);
  // What no instance gets.
  EXPECT_EQ(order_of("Throws", Paid{"bad", "t"}), "");
  EXPECT_EQ(order_of("Watch", fixture::Do{"", "x"}), "");
  EXPECT_EQ(order_of("Watch", fixture::Do{std::string(1025, 'x'), "x"}), "");
  EXPECT_EQ(order_of("Watch", Paid{"w", "t"}), "");
  EXPECT_EQ(order_of_payload("Watch", "Do", Value(7)), "");
}

TEST_F(SubscriptionTest, ATimeoutIsOrderedByItsInstance) {
  on_begin_ = [](fixture::Watcher&, SagaContext& ctx) { ctx.set_timeout("tea", 1h); };
  Bus& bus = begin();
  await(bus.publish(fixture::Begin{"w"}));
  run_now();
  const auto there = rows();
  ASSERT_EQ(there.size(), 1U);
  Envelope firing = *there[0].envelope;
  const auto order = subscribed_.at("Watch").order_by;
  EXPECT_EQ(order(firing), "w");
  firing.headers.clear();  // not from a row
  EXPECT_EQ(order(firing), "");
}

TEST_F(SubscriptionTest, TheOrderOutlivesTheBus) {
  {
    Bus bus(options({saga()}));
    await(bus.start());
    await(bus.stop());
  }
  EXPECT_EQ(order_of("Watch", fixture::Begin{"w"}), "w");
}

// Several messages of one key may be in hand at once.
class OrderTest : public TimerTest {
 protected:
  OrderTest() {
    memory::TransportOptions ordered;
    ordered.ordered_by_key = true;
    ordered.ambient = ambient_;
    transport_ = memory::Transport(std::move(ordered));
    transport_faults_->before_give_back = [this](const Delivery& delivery, const GiveBack& how) {
      returned_.push_back(fmt::format("{} {}ms{}{}", delivery.envelope->id, how.delay.count(),
                                      how.failed ? " failed" : "", how.uncertain ? " doubt" : ""));
    };
  }

  // Where no bus takes messages yet: they are delivered together.
  template <class M>
  void put(const std::string& endpoint, const std::string& id, const std::string& key,
           const M& message) {
    Envelope envelope;
    envelope.id = id;
    envelope.type = message_name<M>();
    envelope.payload = to_value(message);
    envelope.timestamp = clock_->now();
    envelope.partition_key = key;
    std::vector<SendRequest> requests(1);
    requests[0].endpoint = endpoint;
    requests[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
    await(transport_.backend()->send(std::move(requests)));
  }
  void put_paid(const std::string& id) { put("pay", id, id.substr(0, 1), Paid{"o", id}); }

  // Logs what it runs, and does what the test has put down for it.
  Service pay() {
    return service("pay").on<Paid>(
        [this](const Paid& m, MessageContext& ctx) -> boost::asio::awaitable<void> {
          log_.push_back("+" + m.transactionId + "/" + std::to_string(ctx.attempt()));
          const auto takes = takes_.find(m.transactionId);
          if (takes != takes_.end()) co_await clock_->sleep_for(takes->second);
          if (fails(m.transactionId)) throw std::runtime_error("card reader on fire");
          log_.push_back("-" + m.transactionId);
        });
  }

  bool fails(const std::string& id) {
    const auto failure = fails_.find(id);
    if (failure == fails_.end()) return false;
    fails_.erase(failure);
    return true;
  }
  std::vector<std::string> log_of(char key) const {
    std::vector<std::string> out;
    for (const std::string& line : log_) {
      if (line.at(1) == key) out.push_back(line);
    }
    return out;
  }
  std::vector<std::string> ids_at(const std::string& endpoint) const {
    std::vector<std::string> ids;
    for (const auto& envelope : transport_.peek(endpoint)) ids.push_back(envelope->id);
    return ids;
  }

  std::vector<std::string> log_;
  std::map<std::string, std::chrono::milliseconds> takes_;
  std::multiset<std::string> fails_;  // once each
  std::vector<std::string> returned_;
};

TEST_F(OrderTest, AServicesMessagesOfOneKeyRunOneAfterTheOther) {
  for (const char* id : {"k1", "k2", "k3", "l1"}) {
    put_paid(id);
    takes_[id] = 1s;
  }
  start(options({}, {pay()}));
  run_now();
  EXPECT_THAT(log_, ElementsAre("+k1/1", "+l1/1"));
  run();
  EXPECT_THAT(log_of('k'), ElementsAre("+k1/1", "-k1", "+k2/1", "-k2", "+k3/1", "-k3"));
}

TEST_F(OrderTest, WhatFollowsAMessageThatGoesBackGoesBackWithIt) {
  for (const char* id : {"k1", "k2", "k3", "l1"}) put_paid(id);
  fails_ = {"k1"};
  start(options({}, {pay()}));
  run_now();
  EXPECT_THAT(log_, UnorderedElementsAre("+k1/1", "+l1/1", "-l1"));
  EXPECT_THAT(returned_, ElementsAre("k3 0ms", "k2 0ms", "k1 1000ms failed"));
  run();
  EXPECT_THAT(log_of('k'), ElementsAre("+k1/1", "+k1/2", "-k1", "+k2/1", "-k2", "+k3/1", "-k3"));
  EXPECT_EQ(transport_.pending("pay"), 0U);
}

TEST_F(OrderTest, WhatCannotBeReadIsBuriedInItsTurn) {
  put_paid("k1");
  put("pay", "k2", "k", fixture::Closed{"o"});
  put_paid("k3");
  takes_["k1"] = 1s;
  start(options({}, {pay()}));
  run_now();
  EXPECT_THAT(ids_at("pay.dlq"), IsEmpty());
  run();
  EXPECT_THAT(log_, ElementsAre("+k1/1", "-k1", "+k3/1", "-k3"));
  EXPECT_THAT(ids_at("pay.dlq"), ElementsAre("k2"));
}

// As many may be in hand as before.
TEST_F(OrderTest, WhatWentBackIsNoLongerInHand) {
  for (int i = 0; i < 8; ++i) {
    for (const char key : {'k', 'l', 'm'}) put_paid(fmt::format("{}{}", key, i));
    fails_.insert({fmt::format("k{}", i), fmt::format("l{}", i)});
  }
  auto chosen = options({}, {pay().concurrency(2)});
  start(std::move(chosen));
  run();
  EXPECT_EQ(transport_.pending("pay"), 0U);
  std::vector<std::string> done;
  for (const std::string& line : log_of('k')) {
    if (line.front() == '-') done.push_back(line);
  }
  EXPECT_THAT(done, ElementsAre("-k0", "-k1", "-k2", "-k3", "-k4", "-k5", "-k6", "-k7"));
}

TEST_F(OrderTest, AStopReturnsTheLastFirst) {
  for (const char* id : {"k1", "k2", "k3"}) put_paid(id);
  takes_["k1"] = 5s;
  auto chosen = options({}, {pay()});
  Bus& bus = start(chosen);
  run_now();
  await(bus.stop());
  EXPECT_THAT(log_, ElementsAre("+k1/1", "-k1"));
  EXPECT_THAT(returned_, ElementsAre("k3 0ms", "k2 0ms"));
  start(std::move(chosen));
  run();
  EXPECT_THAT(log_, ElementsAre("+k1/1", "-k1", "+k2/1", "-k2", "+k3/1", "-k3"));
}

TEST_F(OrderTest, WhatIsCancelledTakesAlongWhatFollowsIt) {
  for (const char* id : {"k1", "k2", "k3"}) put_paid(id);
  takes_["k1"] = 1000h;
  auto chosen = options({}, {pay()});
  chosen.shutdown_timeout = 30s;
  Bus& bus = start(chosen);
  run_now();
  await(bus.stop());
  EXPECT_THAT(returned_, ElementsAre("k3 0ms", "k2 0ms", "k1 0ms"));
  takes_.clear();
  start(std::move(chosen));
  run();
  EXPECT_THAT(log_, ElementsAre("+k1/1", "+k1/1", "-k1", "+k2/1", "-k2", "+k3/1", "-k3"));
}

class SagaOrderTest : public OrderTest {
 protected:
  void put_do(const std::string& what, Act act = {}) {
    acts_[what] = [what, act = std::move(act)](fixture::Watcher& s, SagaContext& ctx) {
      if (act) act(s, ctx);
      s.heard.push_back(what);
    };
    put("Watch", what, "w", fixture::Do{"w", what});
  }
  // The second one fails at its first try.
  void put_some() {
    put("Watch", "begin", "w", fixture::Begin{"w"});
    put_do("a");
    put_do("b", [this](fixture::Watcher&, SagaContext&) {
      if (fails("b")) throw std::runtime_error("b");
    });
    put_do("c");
    put_do("d");
  }
};

TEST_F(SagaOrderTest, AFailureTakesAlongWhatWaitsForItsInstance) {
  put_some();
  fails_ = {"b"};
  start(options({saga()}));
  run_now();
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
  EXPECT_THAT(returned_, ElementsAre("d 0ms", "c 0ms", "b 1000ms failed"));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("a", "b", "c", "d"));
}

TEST_F(SagaOrderTest, SoItDoesWhereStepsAreTakenInTogether) {
  put_some();
  fails_ = {"b", "b"};  // with others, and by itself
  auto chosen = options({saga()});
  chosen.max_coalesced_steps = 3;
  start(std::move(chosen));
  run_now();
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
  EXPECT_THAT(returned_, ElementsAre("d 0ms", "c 0ms", "b 1000ms failed"));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("a", "b", "c", "d"));
}

// What one write was to take in was not, and what waits behind it must not be taken in before.
TEST_F(SagaOrderTest, AnOutageTakesThemAlongToo) {
  put_some();
  int away = 1;
  store_faults_->before_commit = [&](const CommitRequest&) {
    if (away-- > 0) throw TransientError("the store is away");
  };
  auto chosen = options({saga()});
  chosen.max_coalesced_steps = 2;
  start(std::move(chosen));
  run_now();
  EXPECT_FALSE(find("w", "Watch"));
  EXPECT_THAT(returned_,
              ElementsAre("d 0ms", "c 0ms", "b 0ms", "a 1000ms doubt", "begin 1000ms doubt"));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("a", "b", "c", "d"));
}

TEST_F(SagaOrderTest, LettersSayInWhichOrderTheyStood) {
  Bus& bus = start(options({saga()}));
  acts_["x"] = [](fixture::Watcher&, SagaContext&) { throw Unsupported("no"); };
  await(bus.publish(fixture::Begin{"w"}));
  await(bus.publish(fixture::Do{"w", "x"}));  // without a partition key
  run();
  const auto letters = await(transport_.backend()->receive("Watch.dlq", 1));
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0].envelope->headers.at("x-saga-order-key"), "w");
}

// Messages that come before their saga.
class PutAsideTest : public SagaOrderTest {
 protected:
  PutAsideTest() {
    store_faults_->before_put_timers = [this](const std::vector<TimerRow>& rows) {
      for (const TimerRow& row : rows) {
        put_.push_back(row);
        delays_.push_back(row.key.due - clock_->now());
      }
    };
  }
  SagaDefinition early() {
    return saga().with({.on_not_found = [this](const SagaNotFound&) {
      ++asked_;
      return NotFoundDecision::retry_later;
    }});
  }
  void put_begin() { put("Watch", "begin", "w", fixture::Begin{"w"}); }

  int asked_ = 0;
  std::vector<TimerRow> put_;
  std::vector<std::chrono::milliseconds> delays_;
};

TEST_F(PutAsideTest, TheyHoldUpNothing) {
  put_do("a");
  put_begin();
  const TimePoint sent = clock_->now();
  start(options({early()}));
  run_now();
  EXPECT_THAT(watcher().heard, IsEmpty());
  EXPECT_EQ(transport_.pending("Watch"), 0U);
  const auto there = rows();
  ASSERT_EQ(there.size(), 1U);
  EXPECT_EQ(there[0].key.due, sent + 1s);
  EXPECT_EQ(there[0].endpoint, "Watch");
  EXPECT_EQ(there[0].envelope->id, "a");
  EXPECT_EQ(there[0].envelope->timestamp, sent);
  run();  // within the transport's window: it is no repeat
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
  EXPECT_THAT(rows(), IsEmpty());
  EXPECT_THAT(returned_, IsEmpty());
}

TEST_F(PutAsideTest, AfterTheLastAttemptTheyAreBuried) {
  put_do("a");
  const TimePoint sent = clock_->now();
  start(options({early()}));
  run();
  EXPECT_EQ(asked_, 3);
  EXPECT_THAT(delays_, ElementsAre(1s, 2s));
  auto letters = transport_.drain("Watch.dlq");
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]->headers.at("x-saga-attempt"), "3");
  EXPECT_EQ(letters[0]->headers.at("x-saga-error-type"), "sagabus::NotFound");
  EXPECT_FALSE(letters[0]->headers.contains("x-saga-uncertain"));
  EXPECT_EQ(letters[0]->timestamp, sent);
  // Sent back, it has as many again.
  std::vector<SendRequest> back(1);
  back[0].envelope = letters[0];
  back[0].endpoint = "Watch";
  back[0].deduplication_key = "redrive";
  await(transport_.backend()->send(std::move(back)));
  run();
  EXPECT_EQ(asked_, 6);
  letters = transport_.drain("Watch.dlq");
  ASSERT_EQ(letters.size(), 1U);
  EXPECT_EQ(letters[0]->headers.at("x-saga-attempt"), "6");
}

TEST_F(PutAsideTest, ARepeatDoublesNothing) {
  put_do("a");
  int lost = 1;
  transport_faults_->before_acknowledge = [&](const Delivery&) {
    if (lost-- > 0) throw TransientError("lost on the way");
  };
  Bus& bus = start(options({early()}));
  while (put_.size() < 2) {
    run_now();
    ASSERT_TRUE(clock_->advance_to_next());
  }
  EXPECT_EQ(put_[0].key.id, put_[1].key.id);
  EXPECT_LT(put_[0].key.due, put_[1].key.due);
  EXPECT_FALSE(put_[0].envelope->headers.contains("x-saga-uncertain"));
  EXPECT_TRUE(put_[1].envelope->headers.contains("x-saga-uncertain"));
  await(bus.publish(fixture::Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
  EXPECT_THAT(ids_at("Watch.dlq"), IsEmpty());
  EXPECT_EQ(transport_.pending("Watch"), 0U);
}

TEST_F(PutAsideTest, WhereNoRowCanBePutTheyComeAgain) {
  put_do("a");
  int away = 1;
  const auto watch = store_faults_->before_put_timers;
  store_faults_->before_put_timers = [&](const std::vector<TimerRow>& rows) {
    if (away-- > 0) throw TransientError("the store is away");
    watch(rows);
  };
  Bus& bus = start(options({early()}));
  run_now();
  EXPECT_THAT(returned_, ElementsAre("a 1000ms doubt"));
  await(bus.publish(fixture::Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
}

TEST_F(PutAsideTest, WithoutTimersTheyAreGivenBack) {
  store_faults_->hides_timers = true;
  put_do("a");
  start(options({early()}));
  run();
  EXPECT_THAT(returned_, ElementsAre("a 1000ms failed", "a 2000ms failed"));
  EXPECT_THAT(ids_at("Watch.dlq"), ElementsAre("a"));
}

// With what is noted on it, it would be too large to be sent.
TEST_F(PutAsideTest, WhatWouldGrowTooLargeIsGivenBack) {
  put_do("a");
  transport_faults_->max_message_bytes = to_json(*transport_.peek("Watch").at(0)).size() + 5;
  start(options({early()}));
  run_now();
  EXPECT_THAT(returned_, ElementsAre("a 1000ms failed"));
}

// Where the transport packs it, a row holds it, whatever its size.
TEST_F(PutAsideTest, WhatIsTooLargeForARowIsPacked) {
  put_do("a");
  int away = 1;
  transport_faults_->pack_above = 10;
  transport_faults_->pack = [&](const EnvelopePtr& whole) {
    if (away-- > 0) throw TransientError("there is no place for it");
    auto packed = std::make_shared<Envelope>(*whole);
    packed->headers.emplace("packed", "yes");
    return packed;
  };
  Bus& bus = start(options({early()}));
  run_now();
  EXPECT_THAT(returned_, ElementsAre("a 1000ms"));  // and nobody is to blame
  ASSERT_TRUE(clock_->advance_to_next());
  run_now();
  ASSERT_EQ(put_.size(), 1U);
  EXPECT_TRUE(put_[0].envelope->headers.contains("packed"));
  await(bus.publish(fixture::Begin{"w"}));
  run();
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
}

TEST_F(PutAsideTest, FailuresOfAHandlerCountApart) {
  put_do("a", [this](fixture::Watcher&, SagaContext& ctx) {
    log_.push_back(std::to_string(ctx.attempt()));
    if (fails("a")) throw std::runtime_error("a");
  });
  fails_ = {"a", "a"};
  Bus& bus = start(options({early()}));
  while (asked_ < 2) {
    run_now();
    ASSERT_TRUE(clock_->advance_to_next());
  }
  await(bus.publish(fixture::Begin{"w"}));
  run();
  EXPECT_EQ(asked_, 2);
  EXPECT_THAT(log_, ElementsAre("1", "2", "3"));
  EXPECT_THAT(watcher().heard, ElementsAre("a"));
}

TEST_F(PutAsideTest, WhatIsMovedKeepsTheTimeAtWhichItWasSent) {
  put_do("a");
  const TimePoint sent = clock_->now();
  start(options({early()}));
  run_now();
  const TimerRow moved = detail::moved_to(rows().at(0), sent + 1h);
  EXPECT_EQ(moved.key.due, sent + 1h);
  EXPECT_EQ(moved.envelope->timestamp, sent);
}

}  // namespace
