// Writes of a user's own, committed with a step: all or nothing.
#include <atomic>
#include <future>

#include "dynamodb_support.hpp"
#include "lossy_http.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/dynamodb/transact.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"
#include "testing/decorators.hpp"

namespace sagabus::dynamodb {
namespace {

struct StockRow {
  std::string sku;
  int available = 0;
};
SAGABUS_DESCRIBE(StockRow, sku, available)

// A table of the user's beside the store's.
class DynamoDbTransact : public DynamoDbTest {
 protected:
  DynamoDbTransact() {
    call("CreateTable",
         fmt::format(R"({{"TableName":"{}","BillingMode":"PAY_PER_REQUEST",)"
                     R"("AttributeDefinitions":[{{"AttributeName":"sku","AttributeType":"S"}}],)"
                     R"("KeySchema":[{{"AttributeName":"sku","KeyType":"HASH"}}]}})",
                     stock_));
  }
  ~DynamoDbTransact() override { call("DeleteTable", table_request()); }

  std::string table_request() const { return fmt::format(R"({{"TableName":"{}"}})", stock_); }
  StoreOptions lossy_options() {
    ClientOptions lossy = client_options();
    http_ = std::make_shared<test::LossyHttp>(lossy.endpoint);
    lossy.http = http_;
    StoreOptions here = options();
    here.client = Client(std::move(lossy));
    return here;
  }

  void stock(const std::string& sku, int available) {
    call("PutItem",
         fmt::format(
             R"({{"TableName":"{}","Item":{{"sku":{{"S":"{}"}},"available":{{"N":"{}"}}}}}})",
             stock_, sku, available));
  }
  boost::json::object row(const std::string& sku) {
    const auto answer =
        call("GetItem",
             fmt::format(R"({{"TableName":"{}","Key":{{"sku":{{"S":"{}"}}}}}})", stock_, sku));
    const auto* found = answer.as_object().if_contains("Item");
    return found ? found->as_object() : boost::json::object();
  }
  int available(const std::string& sku) {
    return std::stoi(row(sku).at("available").at("N").as_string().c_str());
  }

  Update take(const std::string& sku, int count = 1) const {
    return {.table_name = stock_,
            .key = {{"sku", Value(sku)}},
            .update = "SET available = available - :n",
            .condition = "available >= :n",
            .values = {{":n", Value(count)}}};
  }

  static CommitResult commit(const SagaStore& store, Instance next,
                             std::optional<ExpectedInstance> expected,
                             std::vector<StoreWritePtr> writes, Cost* cost = nullptr) {
    CommitRequest request;
    request.next = std::make_shared<const Instance>(std::move(next));
    request.expected = std::move(expected);
    request.writes = std::move(writes);
    request.cost = cost;
    return sync_wait(store.backend()->commit(std::move(request)));
  }

  const std::string stock_ = "stock-" + new_nonce(*system_random());
  std::shared_ptr<test::LossyHttp> http_;
};

TEST_F(DynamoDbTransact, EveryKindOfWriteIsCommittedWithItsStep) {
  const SagaStore store = make();
  stock("apple", 5);
  stock("pear", 1);
  stock("plum", 1);
  const Instance start = first();
  const std::vector<StoreWritePtr> writes = {
      Put{.table_name = stock_, .item = to_item(StockRow{"quince", 7})},
      take("apple", 2),
      Delete{.table_name = stock_,
             .key = {{"sku", Value("pear")}},
             .condition = "#a = :one",
             .names = {{"#a", "available"}},
             .values = {{":one", Value(1)}}},
      ConditionCheck{.table_name = stock_,
                     .key = {{"sku", Value("plum")}},
                     .condition = "attribute_exists(sku)"},
  };
  for (const StoreWritePtr& write : writes) EXPECT_TRUE(store.backend()->takes(*write));
  EXPECT_TRUE(commit(store, start, {}, writes).committed);
  EXPECT_EQ(available("quince"), 7);
  EXPECT_EQ(available("apple"), 3);
  EXPECT_TRUE(row("pear").empty());
  EXPECT_EQ(available("plum"), 1);
  EXPECT_EQ(load(store, key())->version, 1U);

  EXPECT_TRUE(commit(store, after(start), expect(start), {take("apple")}).committed);
  EXPECT_EQ(available("apple"), 2);
  EXPECT_EQ(load(store, key())->version, 2U);
  EXPECT_EQ(store.usage().requests.at("TransactWriteItems"), 2U);
  EXPECT_EQ(store.usage().requests.count("PutItem"), 0U);
}

TEST_F(DynamoDbTransact, ARefusedWriteLeavesNothingAndSaysWhatStoodThere) {
  const SagaStore store = make();
  stock("apple", 5);
  stock("pear", 1);
  const Instance start = first();
  const CommitResult at_start = commit(store, start, {}, {take("apple"), take("pear", 2)});
  EXPECT_FALSE(at_start.committed);
  EXPECT_FALSE(at_start.may_still_land);
  ASSERT_EQ(at_start.refused.size(), 1U);
  EXPECT_EQ(at_start.refused[0].index, 1U);
  EXPECT_EQ(from_value<StockRow>(at_start.refused[0].found).available, 1);
  EXPECT_EQ(available("apple"), 5);
  EXPECT_FALSE(load(store, key()));

  ASSERT_TRUE(commit(store, start, {}, {}).committed);
  const CommitResult later =
      commit(store, after(start), expect(start), {take("none"), take("apple")});
  EXPECT_FALSE(later.committed);
  EXPECT_FALSE(later.current);
  ASSERT_EQ(later.refused.size(), 1U);
  EXPECT_EQ(later.refused[0].index, 0U);
  EXPECT_TRUE(later.refused[0].found.is_null());
  EXPECT_EQ(available("apple"), 5);
  EXPECT_EQ(load(store, key())->version, 1U);
}

TEST_F(DynamoDbTransact, AnotherVersionOfTheInstanceGoesBeforeARefusal) {
  const SagaStore store = make();
  stock("apple", 0);
  const Instance start = first();
  ASSERT_TRUE(commit(store, start, {}, {}).committed);
  const CommitResult again = commit(store, first(), {}, {take("apple")});
  EXPECT_FALSE(again.committed);
  EXPECT_TRUE(again.refused.empty());
  ASSERT_TRUE(again.current);
  EXPECT_EQ(again.current->bookkeeping.birth, start.bookkeeping.birth);
  ASSERT_TRUE(commit(store, after(start), expect(start), {}).committed);
  const CommitResult stale = commit(store, after(start), expect(start), {take("apple")});
  EXPECT_TRUE(stale.refused.empty());
  ASSERT_TRUE(stale.current);
  EXPECT_EQ(stale.current->version, 2U);
}

TEST_F(DynamoDbTransact, ALostAnswerIsNoSecondEffect) {
  make();
  const SagaStore store(lossy_options());
  stock("apple", 5);
  const Instance start = first();
  http_->lose("TransactWriteItems", 1);
  EXPECT_TRUE(commit(store, start, {}, {take("apple")}).committed);
  http_->lose("TransactWriteItems", 2);
  EXPECT_TRUE(commit(store, after(start), expect(start), {take("apple")}).committed);
  EXPECT_EQ(available("apple"), 3);
  EXPECT_EQ(load(store, key())->version, 2U);
}

// Whoever sent it may believe that it is over: it is not.
TEST_F(DynamoDbTransact, ARefusalAfterALostAnswerMayNotBeTheEnd) {
  make();
  const SagaStore store(lossy_options());
  http_->lose("TransactWriteItems", 1);
  const CommitResult result = commit(store, first(), {}, {take("apple")});
  EXPECT_EQ(result.refused.size(), 1U);
  EXPECT_TRUE(result.may_still_land);
}

TEST_F(DynamoDbTransact, AnAliasExpiresWithItsInstanceThere) {
  make();
  StoreOptions here = options();
  here.ttl_days = 1;
  const SagaStore store(std::move(here));
  stock("apple", 5);
  Instance chosen = order();
  chosen.saga_id = "mine";
  chosen = sync_wait(store.insert(chosen));
  Instance done = after(chosen);
  done.completed = true;
  const CommitResult refused = commit(store, done, expect(chosen), {take("apple", 6)});
  ASSERT_EQ(refused.refused.size(), 1U);
  EXPECT_EQ(refused.refused[0].index, 0U);
  ASSERT_TRUE(commit(store, done, expect(chosen), {take("apple")}).committed);
  EXPECT_EQ(available("apple"), 4);
  EXPECT_EQ(item("mine").at("ttl"), item(key().saga_id).at("ttl"));
}

TEST_F(DynamoDbTransact, ItsLimitsAreCheckedBeforeAnythingIsSent) {
  const SagaStore store = make();
  const auto nth = [&](int i) {
    return Put{.table_name = stock_, .item = to_item(StockRow{fmt::format("sku-{}", i), i})};
  };
  std::vector<StoreWritePtr> writes;
  for (int i = 0; i < 100; ++i) writes.push_back(nth(i));
  EXPECT_THROW(commit(store, first(), {}, writes), ValidationError);
  EXPECT_EQ(store.usage().total_requests(), 0U);
  writes.pop_back();
  EXPECT_TRUE(commit(store, first(), {}, writes).committed);
  EXPECT_EQ(available("sku-98"), 98);

  Object large = to_item(StockRow{"large", 1});
  large.emplace_back("text", Value(std::string(399 * 1024, 'x')));
  writes.assign(11, Put{.table_name = stock_, .item = large});
  EXPECT_THROW(commit(store, first("other"), {}, writes), ValidationError);
  EXPECT_EQ(store.usage().total_requests(), 1U);
}

std::string problem_of(const std::function<StoreWritePtr()>& make) {
  try {
    make();
    return "none";
  } catch (const ValidationError& e) {
    return e.what();
  }
}

TEST_F(DynamoDbTransact, WhatCannotBeSentIsRefusedWhereItIsMade) {
  Put put{.table_name = stock_, .item = to_item(StockRow{"a", 1})};
  const auto with = [&](auto change) {
    Put changed = put;
    change(changed);
    return problem_of([&]() -> StoreWritePtr { return changed; });
  };
  const std::string where = "dynamodb: Put in " + stock_ + ": ";
  EXPECT_EQ(with([](Put&) {}), "none");
  EXPECT_EQ(with([](Put& p) { p.table_name = "no/table"; }),
            "dynamodb: Put in no/table: table_name: no name or ARN of a table");
  EXPECT_EQ(with([](Put& p) { p.item.clear(); }), where + "Item: empty");
  EXPECT_EQ(with([](Put& p) { p.condition = "\xff"; }), where + "a text that is not UTF-8");
  EXPECT_EQ(with([](Put& p) { p.item.emplace_back("text", Value(std::string(400 * 1024, 'x'))); }),
            where + "Item: 409619 bytes, at most 409600");
  EXPECT_EQ(with([](Put& p) {
              p.item.emplace_back("nan", Value(std::numeric_limits<double>::quiet_NaN()));
            }),
            "nan: NaN and infinity cannot be stored");
  EXPECT_EQ(problem_of([&]() -> StoreWritePtr {
              return Update{.table_name = stock_, .key = {{"sku", Value("a")}}};
            }),
            "dynamodb: Update in " + stock_ + ": update: empty");
  EXPECT_EQ(problem_of([&]() -> StoreWritePtr {
              return ConditionCheck{.table_name = stock_, .key = {{"sku", Value("a")}}};
            }),
            "dynamodb: ConditionCheck in " + stock_ + ": condition: empty");
}

// A cancellation as the service words it, for a start with one write of the user's.
std::string cancelled(std::string_view own, std::string_view users) {
  return fmt::format(
      R"({{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",)"
      R"("Message":"Transaction cancelled","CancellationReasons":[{{"Code":"{}"}},)"
      R"({{"Code":"{}","Message":"of this write"}}]}})",
      own, users);
}

// What the service says of one write is told as that write's. (DynamoDB Local refuses such a
// transaction as a whole.)
TEST_F(DynamoDbTransact, AReasonIsThatOfItsOwnWrite) {
  make();
  const SagaStore store(lossy_options());
  stock("apple", 1);
  const auto reason = [&](std::string_view own, std::string_view users) -> ServiceInfo {
    http_->answer("TransactWriteItems", 400, cancelled(own, users));
    try {
      commit(store, first(), {}, {take("apple")});
    } catch (const Error& e) {
      EXPECT_NE(std::string_view(e.what()).find("of this write"), std::string_view::npos)
          << e.what();
      return e.service();
    }
    return {};
  };
  const ServiceInfo wrong = reason("None", "ValidationError");
  EXPECT_EQ(wrong.code, "ValidationException");
  EXPECT_EQ(wrong.resource, stock_);
  EXPECT_TRUE(wrong.not_applied);
  EXPECT_EQ(reason("None", "ThrottlingError").code, "ThrottlingException");
  EXPECT_EQ(available("apple"), 1);
  // Ours comes first, whatever the other's is.
  EXPECT_EQ(reason("ConditionalCheckFailed", "ValidationError").code, "");
  EXPECT_EQ(available("apple"), 0);
}

TEST_F(DynamoDbTransact, AConflictWithAnotherTransactionIsTriedAgain) {
  make();
  const SagaStore store(lossy_options());
  stock("apple", 2);
  const Instance start = first();
  http_->answer("TransactWriteItems", 400, cancelled("None", "TransactionConflict"));
  EXPECT_TRUE(commit(store, start, {}, {take("apple")}).committed);
  http_->answer("TransactWriteItems", 400, cancelled("TransactionConflict", "None"));
  EXPECT_TRUE(commit(store, after(start), expect(start), {take("apple")}).committed);
  EXPECT_EQ(available("apple"), 0);
  EXPECT_EQ(store.usage().requests.at("TransactWriteItems"), 4U);
}

// DynamoDB Local says four units for a write in a transaction, AWS two.
TEST_F(DynamoDbTransact, ItsCostIsBilled) {
  const SagaStore store = make({.index = CorrelationIndex::none});
  stock("apple", 1);
  Cost cost;
  ASSERT_TRUE(commit(store, first(), {}, {take("apple")}, &cost).committed);
  EXPECT_EQ(cost.requests, 1U);
  EXPECT_EQ(cost.write_units, 8);
  ASSERT_EQ(commit(store, first("other"), {}, {take("apple")}, &cost).refused.size(), 1U);
  EXPECT_EQ(cost.requests, 2U);
  EXPECT_EQ(cost.failed_conditions, 1U);
  EXPECT_EQ(cost.write_units, 8 + 4);
  EXPECT_EQ(store.usage().write_units, cost.write_units);
}

// Whole buses.

struct Ordered {
  std::string orderId;
  std::string sku;
};
SAGABUS_MESSAGE(Ordered, orderId, sku)
struct Reserved {
  std::string orderId;
};
SAGABUS_MESSAGE(Reserved, orderId)
struct SoldOut {
  std::string orderId;
  int left = 0;
};
SAGABUS_MESSAGE(SoldOut, orderId, left)
struct ReservationState {
  std::string orderId{};
  bool reserved = false;
};
SAGABUS_DESCRIBE(ReservationState, orderId, reserved)

class DynamoDbTransactBus : public DynamoDbTransact {
 protected:
  // Takes one from the stock, or says that there is none.
  SagaDefinition reservation() const {
    return saga<ReservationState>("Reservation")
        .correlate<Ordered>(&Ordered::orderId, can_start)
        .initial([](const Ordered& m) { return ReservationState{.orderId = m.orderId}; })
        .on<Ordered>()
        // [reserve]
        .handle([stock = stock_](const Ordered& m, ReservationState& s, SagaContext& ctx) {
          if (!ctx.refused().empty()) {  // nothing was committed; this is the second run
            const Value& found = ctx.refused().front().found;  // null: no such row
            const int left = found.is_null() ? 0 : from_value<StockRow>(found).available;
            ctx.publish(SoldOut{m.orderId, left});
            return;
          }
          s.reserved = true;
          ctx.publish(Reserved{m.orderId});
          ctx.transact(Update{.table_name = stock,
                              .key = {{"sku", Value(m.sku)}},
                              .update = "SET available = available - :one",
                              .condition = "available >= :one",
                              .values = {{":one", Value(1)}}});
        })
        // [reserve]
        .build();
  }
  BusOptions bus_options(sagabus::SagaStore store, SagaDefinition saga) {
    BusOptions chosen;
    chosen.transport = transport_;
    chosen.store = std::move(store);
    chosen.sagas = {std::move(saga)};
    chosen.services = {
        service("tally")
            .on<Reserved>([this](const Reserved&, MessageContext&) { ended(reserved_); })
            .on<SoldOut>([this](const SoldOut&, MessageContext&) { ended(sold_out_); })};
    chosen.retry = {.max_attempts = 2, .base_delay = std::chrono::milliseconds(1)};
    return chosen;
  }
  void ended(std::atomic<int>& count) {
    ++count;
    if (--expected_ == 0) all_ended_.set_value();
  }

  memory::Transport transport_;
  std::atomic<int> reserved_ = 0;
  std::atomic<int> sold_out_ = 0;
  std::atomic<int> expected_ = 0;
  std::promise<void> all_ended_;
};

// Two workers, each order asked for three times, answers lost: every order takes one or is told.
TEST_F(DynamoDbTransactBus, WhatManyOrdersTakeFromOneRowIsExactlyWhatTheyTook) {
  constexpr int kOrders = 40;
  constexpr int kStock = 25;
  make();
  stock("apple", kStock);
  StoreOptions here = lossy_options();
  here.ambient = Ambient{};
  const SagaStore store(std::move(here));
  expected_ = kOrders;
  std::atomic<int> failures = 0;
  std::vector<std::unique_ptr<Bus>> buses;
  for (int i = 0; i < 2; ++i) {
    BusOptions chosen = bus_options(store, reservation());
    chosen.threads = 1;
    chosen.concurrency = 4;
    chosen.on_error = ErrorHandler([&](const FailedStep&) {
      ++failures;
      return ErrorDecision::retry;
    });
    if (i == 1) chosen.services.clear();
    sync_wait(buses.emplace_back(std::make_unique<Bus>(std::move(chosen)))->start());
  }
  http_->lose("TransactWriteItems", 10);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kOrders; ++i) {
      // The same id is the same message; the transport, which would drop it, must not know.
      Envelope envelope;
      envelope.id = fmt::format("ordered-{}", i);
      envelope.type = message_name<Ordered>();
      envelope.payload = to_value(Ordered{fmt::format("order-{}", i), "apple"});
      envelope.timestamp = system_clock()->now();
      std::vector<SendRequest> requests(1);
      requests[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
      requests[0].deduplication_key = fmt::format("{}/{}", i, round);
      sync_wait(transport_.backend()->send(std::move(requests)));
    }
  }
  all_ended_.get_future().wait();
  for (auto& bus : buses) sync_wait(bus->stop());
  EXPECT_EQ(reserved_, kStock);
  EXPECT_EQ(sold_out_, kOrders - kStock);
  EXPECT_EQ(available("apple"), 0);
  EXPECT_EQ(sync_wait(store.count_by_name("Reservation")), static_cast<std::uint64_t>(kOrders));
  EXPECT_EQ(failures, 0);
}

// A handler that does not ask what was refused would only want it again.
TEST_F(DynamoDbTransactBus, AStepThatDoesNotAskFailsWithWriteRefused) {
  const SagaStore store = make();
  std::atomic<int> runs = 0;
  const auto saga = sagabus::saga<ReservationState>("Reservation")
                        .correlate<Ordered>(&Ordered::orderId, can_start)
                        .initial([](const Ordered& m) { return ReservationState{m.orderId}; })
                        .on<Ordered>()
                        .handle([&](const Ordered& m, ReservationState& s, SagaContext& ctx) {
                          ++runs;
                          s.reserved = true;
                          ctx.transact(take(m.sku));
                        })
                        .build();
  BusOptions chosen = bus_options(store, saga);
  std::promise<std::vector<RefusedWrite>> failed;
  chosen.on_error = ErrorHandler([&](const FailedStep& step) {
    try {
      std::rethrow_exception(step.error);
    } catch (const WriteRefused& e) {
      EXPECT_EQ(e.what(), fmt::format("saga Reservation: a condition of a write with its own did "
                                      "not hold: dynamodb: Update in {}",
                                      stock_));
      failed.set_value(e.refused());
    }
    return ErrorDecision::drop;
  });
  Bus bus(std::move(chosen));
  sync_wait(bus.start());
  sync_wait(bus.publish(Ordered{"o", "apple"}));
  const std::vector<RefusedWrite> refused = failed.get_future().get();
  sync_wait(bus.stop());
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].index, 0U);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(store.usage().requests.at("TransactWriteItems"), 1U);
  EXPECT_EQ(sync_wait(store.count_by_name("Reservation")), 0U);
}

}  // namespace
}  // namespace sagabus::dynamodb
