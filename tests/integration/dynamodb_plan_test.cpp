// What sagas are said to cost before there are any, against what they take.
#include <array>
#include <atomic>
#include <future>
#include <semaphore>
#include <thread>

#include "dynamodb/item_size.hpp"
#include "dynamodb/key_shards.hpp"
#include "dynamodb_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/dynamodb/cost_model.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"
#include "sagabus/service.hpp"
#include "testing/decorators.hpp"

namespace sagabus::dynamodb {
namespace {

using namespace std::chrono_literals;

struct PlanBegun {
  std::string id;
};
SAGABUS_MESSAGE(PlanBegun, id)

struct PlanStepped {
  std::string id;
};
SAGABUS_MESSAGE(PlanStepped, id)

struct PlanNews {
  std::string text;
};
SAGABUS_MESSAGE(PlanNews, text)

struct PlanAsked {};
SAGABUS_MESSAGE(PlanAsked)

struct PlanState {
  std::string text{};
};
SAGABUS_DESCRIBE(PlanState, text)

constexpr const char* kSaga = "PlannedSaga";
constexpr const char* kOrder = "3f5a0c1e-6d0b-4a55-9c4e-0d1e2f3a4b5c";

SagaShape shape_of_ours(SagaShape shape) {
  shape.saga_name_bytes = std::string_view(kSaga).size();
  shape.correlation_bytes = std::string_view(kOrder).size();
  shape.type_bytes = message_name<PlanNews>().size();
  return shape;
}

// A saga of that shape. Its timeouts are half an hour away unless the first is to come at once.
SagaDefinition planned_saga(const SagaShape& shape, std::chrono::milliseconds first_timeout) {
  const auto left = std::make_shared<unsigned>(shape.steps);
  const auto step = [=](SagaContext& ctx, PlanState& state) {
    state.text.assign(shape.state_bytes - 8, 'x');
    const PlanNews news{std::string(shape.payload_bytes - 11, 'x')};
    for (unsigned i = 0; i < shape.published; ++i) ctx.publish(news);
    if (--*left == 0) ctx.complete();
  };
  return saga<PlanState>(kSaga)
      .correlate<PlanBegun>(&PlanBegun::id, can_start)
      .correlate<PlanStepped>(&PlanStepped::id)
      .initial([](const PlanBegun&) { return PlanState{}; })
      .on<PlanBegun>()
      .handle([=](const PlanBegun&, PlanState& state, SagaContext& ctx) {
        for (unsigned i = 0; i < shape.timers; ++i) {
          const auto ahead = i == 0 ? first_timeout : 30min;
          ctx.set_timeout(fmt::format("{:0{}}", i, shape.timer_name_bytes), ahead);
        }
        step(ctx, state);
      })
      .on<PlanStepped>()
      .handle([=](const PlanStepped&, PlanState& state, SagaContext& ctx) { step(ctx, state); })
      .on<SagaTimeoutExpired>()
      .handle([](PlanState&) { ADD_FAILURE() << "it had been cleared"; })
      .build();
}

// Passes as time does, from a moment of its own. A `ttl` that ends in two zeros is a byte shorter
// than others: one second in a hundred the figures would be others.
class DatedClock final : public Clock {
 public:
  explicit DatedClock(TimePoint begin) : begin_(begin) {}
  TimePoint now() const override {
    return begin_ + std::chrono::floor<std::chrono::milliseconds>(monotonic() - started_);
  }
  std::chrono::nanoseconds monotonic() const override { return system_clock()->monotonic(); }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    return system_clock()->sleep_for(duration);
  }

 private:
  const TimePoint begin_;
  const std::chrono::nanoseconds started_ = system_clock()->monotonic();
};

class DynamoDbPlan : public DynamoDbTest {
 protected:
  struct Taken {
    Cost cost;
    std::size_t item_bytes = 0;
  };

  // By one worker, or each step by one of its own.
  std::vector<Taken> run(const SagaShape& shape, bool fresh_workers = false) {
    begin(shape, 30min);
    std::vector<Taken> taken;
    for (unsigned step = 0; step < shape.steps; ++step) {
      if (step > 0 && fresh_workers) start_worker();
      const Cost before = cost();
      take(step);
      Taken one;
      one.cost = difference(cost(), before);
      one.item_bytes = item_size(instance_item(shape));
      taken.push_back(one);
    }
    sync_wait(bus_->stop());
    return taken;
  }

  void begin(const SagaShape& shape, std::chrono::milliseconds first_timeout) {
    TableDescription description;
    description.index = shape.index;
    description.key_shards = shape.key_shards;
    StoreOptions here = options();
    here.index = shape.index;
    here.key_shards = shape.key_shards;
    here.ambient.clock = dated_;
    if (shape.expires) here.ttl_days = 7;
    make(description);
    store_.emplace(std::move(here));
    saga_.emplace(planned_saga(shape, first_timeout));
    start_worker();
  }

  void start_worker(bool fires = false) {
    if (bus_) sync_wait(bus_->stop());
    const auto faults = std::make_shared<testing::TransportFaults>();
    faults->after_acknowledge = [this] { acknowledged_.release(); };
    BusOptions chosen;
    chosen.transport = Transport(std::make_shared<testing::FaultyTransport>(transport_, faults));
    chosen.store = *store_;
    if (keeps_silent_) {
      const auto silence = std::make_shared<testing::StoreFaults>();
      silence->before_save_watermark = [] { throw TransientError("not told"); };
      chosen.store = sagabus::SagaStore(std::make_shared<testing::FaultyStore>(*store_, silence));
    }
    chosen.sagas = {*saga_};
    chosen.services = {service("plan").on<PlanAsked>(
        [this](const PlanAsked&, MessageContext&) { asked_.release(); })};
    chosen.ambient.clock = dated_;
    chosen.threads = 1;
    chosen.fire_timers = fires;
    bus_ = std::make_unique<Bus>(std::move(chosen));
    sync_wait(bus_->start());
  }

  // Returns once the step is settled: what comes after it on the one thread of the bus has run.
  void take(unsigned step) {
    if (step == 0) {
      sync_wait(bus_->publish(PlanBegun{kOrder}));
    } else {
      sync_wait(bus_->publish(PlanStepped{kOrder}));
    }
    acknowledged_.acquire();
    sync_wait(bus_->publish(PlanAsked{}));
    asked_.acquire();
    acknowledged_.acquire();
  }

  boost::json::object instance_item(const SagaShape& shape) {
    const std::string id = derive_saga_id(kSaga, kOrder);
    return item(id, partition_of(kSaga, id, shape.key_shards));
  }

  Cost cost() const {
    Cost sum;
    for (const LedgerLine& line : bus_->ledger()) sum += line.cost;
    return sum;
  }
  static Cost difference(Cost after, const Cost& before) {
    after.requests -= before.requests;
    after.read_units -= before.read_units;
    after.write_units -= before.write_units;
    after.failed_conditions -= before.failed_conditions;
    return after;
  }

  static void expect_as_planned(const SagaShape& shape, const std::vector<Taken>& taken) {
    const SagaModel model = model_saga(shape);
    ASSERT_EQ(model.steps.size(), taken.size());
    for (std::size_t i = 0; i < taken.size(); ++i) {
      SCOPED_TRACE(fmt::format("step {} of state {}", i + 1, shape.state_bytes));
      const StepModel& step = model.steps[i];
      const double timers = i == 0 ? shape.timers : 0;
      EXPECT_EQ(taken[i].item_bytes, step.item_bytes);
      EXPECT_EQ(taken[i].cost.write_units,
                step.table_units + step.index_units + timers * model.timer_units);
      EXPECT_EQ(static_cast<double>(taken[i].cost.requests), 1 + timers);
      EXPECT_EQ(taken[i].cost.read_units, 0);
    }
  }

  // With a state such that the largest item of the saga has so many bytes.
  static SagaShape at(std::size_t bytes, SagaShape shape) {
    const auto largest = [&] {
      std::size_t most = 0;
      for (const StepModel& step : model_saga(shape).steps) most = std::max(most, step.item_bytes);
      return most;
    };
    shape.state_bytes = 20;
    shape.state_bytes += bytes - largest();
    EXPECT_EQ(largest(), bytes);
    return shape;
  }

  const std::shared_ptr<DatedClock> dated_ = std::make_shared<DatedClock>(clock_->now() + 10s);
  memory::Transport transport_;
  std::optional<SagaStore> store_;
  std::optional<SagaDefinition> saga_;
  std::counting_semaphore<> acknowledged_{0};
  std::counting_semaphore<> asked_{0};
  std::unique_ptr<Bus> bus_;
  bool keeps_silent_ = false;  // workers do not tell what they have settled
};

// On either side of the border between two units and of that between four and five.
TEST_F(DynamoDbPlan, UnitsAreThoseOfTheServiceAtTheBordersOfUnits) {
  for (const std::size_t bytes : {1024U, 1025U, 4096U, 4097U}) {
    const SagaShape shape = at(bytes, shape_of_ours({.steps = 3}));
    expect_as_planned(shape, run(shape));
    sync_wait(delete_table(*store_));
  }
}

TEST_F(DynamoDbPlan, ALeanTableCostsWhatIsSaid) {
  for (const auto index : {CorrelationIndex::keys_only, CorrelationIndex::none}) {
    const SagaShape shape = at(1025, shape_of_ours({.index = index, .steps = 3}));
    expect_as_planned(shape, run(shape));
    sync_wait(delete_table(*store_));
  }
}

TEST_F(DynamoDbPlan, KeyShardsLongSagasAndSeveralMessagesAreTakenIn) {
  const SagaShape shape = shape_of_ours({.index = CorrelationIndex::none,
                                         .key_shards = 8,
                                         .steps = 22,
                                         .state_bytes = 100,
                                         .published = 3,
                                         .payload_bytes = 150,
                                         .expires = false});
  expect_as_planned(shape, run(shape));
}

// The completion clears them, and the item shrinks: it is billed by what was there.
TEST_F(DynamoDbPlan, TimersCostARowEach) {
  const SagaShape shape =
      shape_of_ours({.steps = 2, .published = 0, .timers = 12, .timer_name_bytes = 128});
  const SagaModel model = model_saga(shape);
  EXPECT_GT(model.steps[1].table_units, 1);
  EXPECT_LT(model.steps[1].item_bytes, 1024U);
  expect_as_planned(shape, run(shape));
  auto timers = store_->backend()->timers();
  const TimerPage page = sync_wait(timers->list(100, {}));
  ASSERT_EQ(page.rows.size(), 12U);
  std::vector<TimerKey> keys;
  for (const TimerRow& row : page.rows) {
    keys.push_back(row.key);
    const std::string partition = fmt::format("$timers#{}", timers->shard_of(row.key.id));
    EXPECT_EQ(item_size(item(to_text(row.key), partition)), model.timer_bytes);
  }
  Cost cost;
  EXPECT_EQ(sync_wait(timers->erase(keys, &cost)), 12U);
  EXPECT_EQ(cost.write_units, 12 * model.timer_units);
}

TEST_F(DynamoDbPlan, AWorkerThatDidNotSeeTheLastStepReads) {
  const SagaShape shape = at(4500, shape_of_ours({.steps = 3}));
  const SagaModel model = model_saga(shape);
  const std::vector<Taken> taken = run(shape, true);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(taken[i].cost.read_units, model.steps[i].unknown_read_units) << i;
    EXPECT_EQ(taken[i].item_bytes, model.steps[i].item_bytes) << i;
  }
  EXPECT_EQ(model.steps[0].unknown_read_units, 0);
  EXPECT_EQ(model.steps[1].unknown_read_units, 2);
}

TEST_F(DynamoDbPlan, EntriesThatNobodyIsKnownToHaveSettledRideAlong) {
  keeps_silent_ = true;
  const SagaShape shape = at(2049, shape_of_ours({.steps = 5, .published = 2, .carried = 9}));
  const SagaModel model = model_saga(shape);
  const std::vector<Taken> taken = run(shape, true);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    EXPECT_EQ(taken[i].item_bytes, model.steps[i].item_bytes) << i;
    EXPECT_EQ(taken[i].cost.write_units, model.steps[i].table_units + model.steps[i].index_units);
  }
}

TEST_F(DynamoDbPlan, ATimeoutThatComesTooLateReadsTheInstance) {
  const SagaShape shape = shape_of_ours({.steps = 2, .timers = 1});
  begin(shape, 1s);
  take(0);
  take(1);
  start_worker(true);
  acknowledged_.acquire();
  sync_wait(bus_->stop());
  const Ledger ledger = bus_->ledger();
  ASSERT_EQ(ledger.size(), 1U);
  EXPECT_EQ(ledger[0].message_type, "SagaTimeoutExpired");
  EXPECT_EQ(ledger[0].cost.read_units, model_saga(shape).stale_timer_units);
  EXPECT_EQ(ledger[0].cost.write_units, 0);
}

// What is asked for by time, and by whom how often, is in the guide; here is what each takes. A
// look that finds nothing is free on DynamoDB Local, and costs as much as this on the service.
TEST_F(DynamoDbPlan, StandingRequestsTakeWhatIsSaid) {
  make();
  StoreOptions here = options();
  here.ambient = Ambient{};
  const SagaStore store(std::move(here));
  auto more = [&store, before = Usage{}]() mutable {
    const Usage now = store.usage();
    const std::array<double, 2> units{now.read_units - before.read_units,
                                      now.write_units - before.write_units};
    before = now;
    return units;
  };
  using Units = std::array<double, 2>;
  TimerBackend& timers = *store.backend()->timers();
  const auto leases = sync_wait(timers.leases());
  more();
  EXPECT_TRUE(sync_wait(timers.take_lease(0, leases[0], "worker")));
  EXPECT_EQ(more(), (Units{0, 1}));
  EXPECT_EQ(sync_wait(timers.leases()).at(0).holder, "worker");
  EXPECT_EQ(more(), (Units{0.5, 0}));
  std::vector<TimerRow> rows(1);
  rows[0].key = {clock_->now(), "row"};
  rows[0].envelope = std::make_shared<Envelope>(Envelope{"row", "PlanNews", {}, {}, {}, {}});
  sync_wait(timers.put(rows, nullptr));
  more();
  const unsigned shard = timers.shard_of("row");
  EXPECT_EQ(sync_wait(timers.due(shard, clock_->now(), 10)).size(), 1U);
  EXPECT_EQ(more(), (Units{1, 0}));
  StandingLoad load;
  load.steps_per_second = 1;
  const StandingModel one = model_standing(load);  // 4 shards: looks in 8 s, leases in 4 s
  EXPECT_DOUBLE_EQ(one.read_units, 4 / 8.0 * 1 + 1 / 4.0 * 0.5);
  EXPECT_DOUBLE_EQ(one.write_units, 4 / 4.0 + 1 / 5.0);
  // No more watermarks than steps have news, nor are more asked for than steps may meet entries.
  load.workers = 100;
  load.later_steps_per_second = 0.5;
  const StandingModel many = model_standing(load);
  EXPECT_DOUBLE_EQ(many.write_units, 4 / 4.0 + 1);
  EXPECT_DOUBLE_EQ(many.read_units, 4 / 8.0 + (100 / 4.0 + 0.5) / 2);
}

TEST(SagaModel, RefusesWhatNoSagaCanBe) {
  EXPECT_THROW(model_saga({.steps = 0}), std::invalid_argument);
  EXPECT_THROW(model_saga({.payload_bytes = 1}), std::invalid_argument);
  EXPECT_THROW(model_saga({.timers = 65}), std::invalid_argument);
  EXPECT_THROW(model_saga({.state_bytes = 340 * 1024}), StateTooLarge);
}

}  // namespace
}  // namespace sagabus::dynamodb
