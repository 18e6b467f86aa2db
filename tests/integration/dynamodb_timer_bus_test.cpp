// Timeouts and scheduled messages of buses on a real table, in real time.
#include <future>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "dynamodb/timer_rows.hpp"
#include "dynamodb_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"
#include "sagabus/service.hpp"

namespace sagabus::dynamodb {
namespace {

using namespace std::chrono_literals;

struct WaitAsked {
  std::string orderId;
  int milliseconds = 0;
};
SAGABUS_MESSAGE(WaitAsked, orderId, milliseconds)

struct Reminded {
  std::string orderId;
};
SAGABUS_MESSAGE(Reminded, orderId)

struct Waiting {
  std::string orderId{};
  int came = 0;
};
SAGABUS_DESCRIBE(Waiting, orderId, came)

class DynamoDbTimerBus : public DynamoDbTest {
 protected:
  StoreOptions real_time() {
    StoreOptions here = options();
    here.ambient = Ambient{};
    return here;
  }
  // Handlers of a saga that waits, and tells when its timeout has come.
  SagaDefinition waiting_saga() {
    return saga<Waiting>("WaitingSaga")
        .correlate<WaitAsked>(&WaitAsked::orderId, can_start)
        .initial([](const WaitAsked& m) { return Waiting{.orderId = m.orderId}; })
        .on<WaitAsked>()
        .handle([](const WaitAsked& m, Waiting&, SagaContext& ctx) {
          ctx.set_timeout("wait", std::chrono::milliseconds(m.milliseconds));
        })
        .on_timeout("wait")
        .handle([this](const SagaTimeoutExpired&, Waiting& s, SagaContext&) {
          ++s.came;
          ended(s.orderId);
        })
        .build();
  }
  std::unique_ptr<Bus> begin(const SagaStore& store) {
    BusOptions chosen;
    chosen.transport = transport_;
    chosen.store = store;
    chosen.sagas = {waiting_saga()};
    chosen.services = {
        service("reminders").on<Reminded>([this](const Reminded& m, MessageContext&) {
          EXPECT_NE(m.orderId, "cancelled");
          ended(m.orderId);
        })};
    chosen.on_error = ErrorHandler([](const FailedStep& failed) {
      ADD_FAILURE() << failed.envelope->type;
      return ErrorDecision::retry;
    });
    chosen.threads = 1;
    auto bus = std::make_unique<Bus>(std::move(chosen));
    sync_wait(bus->start());
    return bus;
  }
  // A handler may run again before its step is committed.
  void ended(const std::string& who) {
    const std::lock_guard lock(mutex_);
    if (ended_.insert(who).second && ended_.size() == expected_) all_ended_.set_value();
  }
  void wait() { all_ended_.get_future().wait(); }
  static int came(const SagaStore& store, const std::string& order) {
    const auto found = sync_wait(store.get_by_correlation_id("WaitingSaga", order));
    return found ? from_value<Waiting>(found->state).came : -1;
  }
  static std::size_t rows(const SagaStore& store) {
    return sync_wait(store.backend()->timers()->list(1000, {})).rows.size();
  }
  // A row is erased after its message was sent.
  static void wait_until_no_rows(const SagaStore& store) {
    while (rows(store) > 0) std::this_thread::sleep_for(20ms);
  }

  memory::Transport transport_;
  std::size_t expected_ = 1;
  std::promise<void> all_ended_;
  std::mutex mutex_;
  std::set<std::string> ended_;  // guarded by mutex_
};

TEST_F(DynamoDbTimerBus, ATimeoutComesOnce) {
  make();
  const SagaStore store(real_time());
  const auto bus = begin(store);
  sync_wait(bus->publish(WaitAsked{"o", 1000}));
  wait();
  wait_until_no_rows(store);
  sync_wait(bus->stop());
  EXPECT_EQ(came(store, "o"), 1);
  const auto found = sync_wait(store.get_by_correlation_id("WaitingSaga", "o"));
  EXPECT_TRUE(found->bookkeeping.timers.empty());
  for (const Lease& lease : sync_wait(store.backend()->timers()->leases())) {
    EXPECT_EQ(lease.holder, "");  // given up
  }
}

TEST_F(DynamoDbTimerBus, AScheduledMessageComesUnlessItIsCancelled) {
  make();
  const SagaStore store(real_time());
  const auto bus = begin(store);
  const ScheduledMessage unwanted = sync_wait(bus->schedule(Reminded{"cancelled"}, 1500ms));
  EXPECT_EQ(rows(store), 1U);
  EXPECT_TRUE(sync_wait(bus->cancel(unwanted)));
  EXPECT_FALSE(sync_wait(bus->cancel(unwanted)));
  sync_wait(bus->schedule(Reminded{"wanted"}, 1500ms));
  wait();
  wait_until_no_rows(store);
  sync_wait(bus->stop());
}

TEST_F(DynamoDbTimerBus, OfTwoBusesOnOneTableEachTimeoutComesOnce) {
  constexpr int kOrders = 60;
  make();
  const SagaStore one(real_time());
  const SagaStore other(real_time());
  expected_ = kOrders;
  const auto bus = begin(one);
  const auto beside = begin(other);
  for (int i = 0; i < kOrders; ++i) {
    sync_wait(bus->publish(WaitAsked{fmt::format("o-{}", i), 1000 + i * 20}));
  }
  wait();
  wait_until_no_rows(one);
  sync_wait(bus->stop());
  sync_wait(beside->stop());
  for (int i = 0; i < kOrders; ++i) EXPECT_EQ(came(one, fmt::format("o-{}", i)), 1) << i;
}

// Those who died hold all leases, and have left rows that nobody else knows of.
TEST_F(DynamoDbTimerBus, WhatTheDeadHaveLeftIsTakenOver) {
  make();
  const SagaStore store(real_time());
  TimerBackend& timers = *store.backend()->timers();
  std::vector<TimerRow> left;
  for (unsigned shard = 0; shard < kTimerShards; ++shard) {
    ASSERT_TRUE(sync_wait(timers.take_lease(shard, {}, "dead")));
    for (int n = 0;; ++n) {
      std::string id = fmt::format("left-{}", n);
      if (timer_shard(id) != shard) continue;
      auto envelope = std::make_shared<Envelope>();
      envelope->id = id;
      envelope->type = message_name<Reminded>();
      envelope->payload = to_value(Reminded{id});
      envelope->timestamp = timers.now();
      left.push_back({{timers.now(), std::move(id)}, {}, std::move(envelope)});
      break;
    }
  }
  sync_wait(timers.put(left, nullptr));
  expected_ = left.size();
  const auto bus = begin(store);
  wait();
  for (const Lease& lease : sync_wait(timers.leases())) EXPECT_NE(lease.holder, "dead");
  wait_until_no_rows(store);
  sync_wait(bus->stop());
}

}  // namespace
}  // namespace sagabus::dynamodb
