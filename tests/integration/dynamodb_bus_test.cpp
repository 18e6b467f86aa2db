// What a whole order costs, its messages really going through the outbox.
#include <atomic>
#include <future>

#include "dynamodb_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"
#include "testing/decorators.hpp"

namespace sagabus::dynamodb {
namespace {

// Four steps; the state has ten fields and, at its end, some 400 bytes.
struct OrderStep {
  std::string orderId;
  int number = 0;
  std::string reference;
};
SAGABUS_MESSAGE(OrderStep, orderId, number, reference)

struct OrderPlaced {
  std::string orderId;
};
SAGABUS_MESSAGE(OrderPlaced, orderId)

struct StepTaken {
  std::string orderId;
  int number = 0;
};
SAGABUS_MESSAGE(StepTaken, orderId, number)

struct OrderState {
  std::string orderId{};
  std::string customerId = "customer-000456";
  int steps = 0;
  double total = 99.5;
  std::string currency = "EUR";
  std::string transactionId{};
  std::string reservationId{};
  std::string shipmentId{};
  std::string address = "12 Harbour Street, 20457 Hamburg, DE";
  std::string note = "leave at the door of the second house on the left, behind the green gate";
};
SAGABUS_DESCRIBE(OrderState, orderId, customerId, steps, total, currency, transactionId,
                 reservationId, shipmentId, address, note)

constexpr int kSteps = 4;

SagaDefinition order_saga(std::function<void()> on_end) {
  return saga<OrderState>("OrderSaga")
      .correlate<OrderStep>(&OrderStep::orderId, can_start)
      .initial([](const OrderStep& m) { return OrderState{.orderId = m.orderId}; })
      .on<OrderStep>()
      .when([](const OrderStep& m, const OrderState& s) { return m.number == s.steps; })
      .handle([on_end](const OrderStep& m, OrderState& s, SagaContext& ctx) {
        std::string* const fields[] = {&s.transactionId, &s.reservationId, &s.shipmentId};
        if (m.number > 0) *fields[m.number - 1] = m.reference;
        if (++s.steps == kSteps) {
          ctx.complete();
          on_end();
        } else {
          ctx.publish(OrderStep{m.orderId, s.steps, "ref-9f1c6f0e-3f7b-4c57-9c49"});
        }
      })
      .build();
}

// Takes its steps from outside, and tells of each.
SagaDefinition slow_order_saga(const std::function<void()>& on_step) {
  return saga<OrderState>("OrderSaga")
      .correlate<OrderPlaced>(&OrderPlaced::orderId, can_start)
      .correlate<OrderStep>(&OrderStep::orderId)
      .initial([](const OrderPlaced& m) { return OrderState{.orderId = m.orderId}; })
      .on<OrderPlaced>()
      .handle([on_step](const OrderPlaced& m, OrderState& s, SagaContext& ctx) {
        ++s.steps;
        ctx.publish(StepTaken{m.orderId, 0});
        on_step();
      })
      .on<OrderStep>()
      .handle([on_step](const OrderStep& m, OrderState& s, SagaContext& ctx) {
        ctx.publish(StepTaken{m.orderId, m.number});
        if (++s.steps == kSteps) ctx.complete();
        on_step();
      })
      .build();
}

class DynamoDbBus : public DynamoDbTest {
 protected:
  // So many orders, by so many workers that share a queue: what the service was asked for. What the
  // workers tell one another, every 5 s at most and at their end, is counted apart.
  Usage run(TableDescription description, int orders, int workers) {
    StoreOptions here = options();
    here.ambient = Ambient{};
    here.index = description.index;
    here.key_shards = description.key_shards;
    make(std::move(description));
    const SagaStore store(std::move(here));
    std::atomic<int> left = orders;
    std::promise<void> ended;
    const auto saga = order_saga([&] {
      if (--left == 0) ended.set_value();
    });
    const memory::Transport transport;
    std::vector<std::unique_ptr<Bus>> buses;
    for (int i = 0; i < workers; ++i) buses.push_back(begin(store, transport, saga));
    const Usage before = store.usage();
    for (int i = 0; i < orders; ++i) {
      const OrderStep first{fmt::format("order-{:06}", i), 0, ""};
      sync_wait(buses[0]->publish(first));
    }
    ended.get_future().wait();
    for (auto& bus : buses) {
      sync_wait(bus->stop());
      for (const LedgerLine& line : bus->ledger()) {
        EXPECT_EQ(line.saga_name, "OrderSaga");
        EXPECT_EQ(line.message_type, "OrderStep");
        commits_ += line.commits;
        cost_ += line.cost;
      }
    }
    const Usage after = store.usage();
    EXPECT_EQ(sync_wait(store.count_by_name("OrderSaga", true)),
              static_cast<std::uint64_t>(orders));
    return difference(after, before);
  }

  std::unique_ptr<Bus> begin(const SagaStore& store, const memory::Transport& transport,
                             const SagaDefinition& saga) {
    const auto watermarks = std::make_shared<testing::StoreFaults>();
    watermarks->before_save_watermark = [this] { ++told_; };
    watermarks->before_load_watermark = [this] { ++asked_; };
    BusOptions chosen;
    chosen.transport = transport;
    chosen.store = sagabus::SagaStore(std::make_shared<testing::FaultyStore>(store, watermarks));
    chosen.sagas = {saga};
    chosen.threads = 1;
    chosen.concurrency = 4;
    chosen.fire_timers = false;  // leases and looks are asked for by time, not by steps
    auto bus = std::make_unique<Bus>(std::move(chosen));
    sync_wait(bus->start());
    return bus;
  }

  static Usage difference(Usage after, const Usage& before) {
    for (const auto& [operation, count] : before.requests) after.requests[operation] -= count;
    after.write_units -= before.write_units;
    after.read_units -= before.read_units;
    return after;
  }

  // The buses' ledgers have all that the store was asked for but the watermarks: a unit for each
  // that was written, half a unit for each that was read.
  void expect_all_in_ledger(const Usage& usage) const {
    EXPECT_EQ(cost_.requests, usage.total_requests() - told_ - asked_);
    EXPECT_EQ(cost_.failed_conditions, usage.failed_conditions);
    EXPECT_EQ(cost_.write_units, usage.write_units - told_);
    EXPECT_EQ(cost_.read_units, usage.read_units - asked_ / 2.0);
  }

  std::uint64_t commits_ = 0;  // by the ledgers of all buses
  Cost cost_;
  std::atomic<unsigned> told_ = 0;
  std::atomic<unsigned> asked_ = 0;
};

TEST_F(DynamoDbBus, AnOrderIsFourRequestsAndEightWriteUnits) {
  constexpr int kOrders = 25;
  const Usage usage = run({}, kOrders, 1);
  EXPECT_EQ(usage.requests.at("PutItem"), kOrders + told_);
  EXPECT_EQ(usage.requests.at("UpdateItem"), 3 * kOrders);
  EXPECT_EQ(usage.total_requests(), 4U * kOrders + told_);  // and nothing is read
  EXPECT_GE(told_, 1U);
  EXPECT_EQ(asked_, 0U);
  EXPECT_EQ(usage.failed_conditions, 0U);
  EXPECT_LE(usage.write_units, 8 * kOrders + told_);
  EXPECT_EQ(commits_, 4U * kOrders);
  expect_all_in_ledger(usage);
}

// A worker that comes to an instance reads it once, and from then on knows it.
TEST_F(DynamoDbBus, AWorkerThatTakesAnOrderOverReadsItOnce) {
  make();
  StoreOptions here = options();
  here.ambient = Ambient{};
  const SagaStore store(std::move(here));
  const memory::Transport transport;
  std::atomic<int> left = 0;
  std::promise<void> handled;
  const auto saga = slow_order_saga([&] {
    if (--left == 0) handled.set_value();
  });
  Usage asked;
  const auto by_a_worker_of_its_own = [&](const auto&... messages) {
    const auto bus = begin(store, transport, saga);
    const Usage before = store.usage();
    left = sizeof...(messages);
    handled = {};
    (sync_wait(bus->publish(messages)), ...);
    handled.get_future().wait();
    sync_wait(bus->stop());
    const Usage taken = difference(store.usage(), before);
    for (const auto& [operation, count] : taken.requests) asked.requests[operation] += count;
  };
  by_a_worker_of_its_own(OrderPlaced{"order"});
  by_a_worker_of_its_own(OrderStep{"order", 1, ""}, OrderStep{"order", 2, ""},
                         OrderStep{"order", 3, ""});
  EXPECT_EQ(asked.requests["PutItem"], 1 + told_);
  EXPECT_EQ(asked.requests["GetItem"], 1 + asked_);
  EXPECT_EQ(asked.requests["UpdateItem"], 3U);
  EXPECT_EQ(asked.total_requests(), 5U + told_ + asked_);
  EXPECT_GE(told_, 2U);
  EXPECT_EQ(asked_, 1U);  // whether what the first one committed is settled
  EXPECT_EQ(sync_wait(store.count_by_name("OrderSaga", true)), 1U);
}

TEST_F(DynamoDbBus, OnALeanTableAnOrderIsFourWriteUnits) {
  constexpr int kOrders = 25;
  TableDescription lean;
  lean.index = CorrelationIndex::none;
  const Usage usage = run(std::move(lean), kOrders, 1);
  EXPECT_EQ(usage.total_requests(), 4U * kOrders + told_);
  EXPECT_LE(usage.write_units, 4 * kOrders + told_);
}

TEST_F(DynamoDbBus, KeyShardsCostNothing) {
  constexpr int kOrders = 25;
  const Usage usage = run({.key_shards = 8}, kOrders, 1);
  EXPECT_EQ(usage.requests.at("PutItem"), kOrders + told_);
  EXPECT_EQ(usage.requests.at("UpdateItem"), 3 * kOrders);
  EXPECT_EQ(usage.total_requests(), 4U * kOrders + told_);
  EXPECT_LE(usage.write_units, 8 * kOrders + told_);
  expect_all_in_ledger(usage);
}

TEST_F(DynamoDbBus, TwoWorkersThatShareEveryOrderStayWithinTwiceTheRequests) {
  constexpr int kOrders = 200;
  const Usage usage = run({}, kOrders, 2);
  EXPECT_LE(usage.total_requests(), 8U * kOrders);
  EXPECT_LE(usage.write_units, 10 * kOrders);
  EXPECT_EQ(commits_, 4U * kOrders);
  expect_all_in_ledger(usage);
  EXPECT_EQ(usage.requests.at("PutItem"), kOrders + told_);
  RecordProperty("requests", std::to_string(usage.total_requests()));
  RecordProperty("write_units", std::to_string(usage.write_units));
  RecordProperty("failed_conditions", std::to_string(usage.failed_conditions));
}

}  // namespace
}  // namespace sagabus::dynamodb
