// What the store asks of the service, and what that costs.
#include "dynamodb/item_size.hpp"
#include "dynamodb_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

using DynamoDbCost = DynamoDbTest;

std::string message_id(int step) {
  return fmt::format("{:08x}-6d0b-8a55-9c4e-0d1e2f3a4b5c", 0x4f5a0c1e + 7919 * step);
}

OutboxEntry outbox_entry(int step, const std::string& worker) {
  Envelope e;
  e.id = message_id(step + 100);
  e.type = "PaymentRequested";
  e.payload = Value(Object{{"orderId", Value("order-000123")}, {"total", Value(99.5)}});
  e.timestamp = TimePoint(std::chrono::milliseconds(1'800'000'000'123));
  return {message_id(step),
          worker,
          static_cast<std::uint64_t>(step),
          {{std::make_shared<const Envelope>(std::move(e))}}};
}

// The order saga as the bench runs it: ten fields, the ids of its four messages, two entries on
// their way.
Instance canonical(Instance instance) {
  instance.state = Value(Object{{"orderId", Value("order-000123")},
                                {"customerId", Value("customer-000456")},
                                {"status", Value("payment_requested")},
                                {"total", Value(99.5)},
                                {"currency", Value("EUR")},
                                {"transactionId", Value("txn-0000000789")},
                                {"reservationId", Value("res-0000000789")},
                                {"shipmentId", Value("shp-0000000789")},
                                {"retries", Value(0)},
                                {"note", Value("leave at the door")}});
  const std::string worker = new_nonce(*system_random());
  for (int step = 0; step < 4; ++step) {
    instance.bookkeeping.inbox.push_back(
        {message_id(step), instance.created_at + std::chrono::milliseconds(37 * step)});
    if (step >= 2) instance.bookkeeping.outbox.push_back(outbox_entry(step, worker));
  }
  return instance;
}

TEST_F(DynamoDbCost, OneRequestACommitAndOneALoad) {
  const SagaStore store = make();
  const Instance start = canonical(first());
  ASSERT_TRUE(commit(store, start).committed);
  Usage usage = store.usage();
  EXPECT_EQ(usage.requests.at("PutItem"), 1U);
  EXPECT_EQ(usage.total_requests(), 1U);
  EXPECT_EQ(usage.write_units, 2);  // one of the table, one of the index

  ASSERT_TRUE(commit(store, after(start), expect(start)).committed);
  usage = store.usage();
  EXPECT_EQ(usage.requests.at("UpdateItem"), 1U);
  EXPECT_EQ(usage.total_requests(), 2U);
  EXPECT_EQ(usage.write_units, 4);

  ASSERT_TRUE(load(store, key()));
  usage = store.usage();
  EXPECT_EQ(usage.requests.at("GetItem"), 1U);
  EXPECT_EQ(usage.total_requests(), 3U);
  EXPECT_EQ(usage.read_units, 1);
  const std::size_t bytes = item_size(item(key().saga_id));
  EXPECT_LT(bytes, 1024U);
  RecordProperty("canonical_item_bytes", static_cast<int>(bytes));
  std::printf("canonical item: %zu bytes\n", bytes);
}

TEST_F(DynamoDbCost, AKeysOnlyIndexCostsOnlyAtBirth) {
  const SagaStore store = make({.index = CorrelationIndex::keys_only});
  const Instance start = canonical(first());
  ASSERT_TRUE(commit(store, start).committed);
  EXPECT_EQ(store.usage().write_units, 2);
  ASSERT_TRUE(commit(store, after(start), expect(start)).committed);
  EXPECT_EQ(store.usage().write_units, 3);
}

TEST_F(DynamoDbCost, AConflictReturnsWhatIsThereWithoutARead) {
  const SagaStore store = make();
  const Instance start = first();
  ASSERT_TRUE(commit(store, start).committed);
  Instance other = first();
  const CommitResult late = commit(store, other);
  EXPECT_FALSE(late.committed);
  ASSERT_TRUE(late.current);
  EXPECT_EQ(late.current->bookkeeping.birth, start.bookkeeping.birth);
  ASSERT_TRUE(commit(store, after(start), expect(start)).committed);
  const CommitResult stale = commit(store, after(start), expect(start));
  EXPECT_FALSE(stale.committed);
  ASSERT_TRUE(stale.current);
  EXPECT_EQ(stale.current->version, 2U);
  const Usage usage = store.usage();
  EXPECT_EQ(usage.requests.at("PutItem"), 2U);
  EXPECT_EQ(usage.requests.at("UpdateItem"), 2U);
  EXPECT_EQ(usage.total_requests(), 4U);
  EXPECT_EQ(usage.failed_conditions, 2U);
  EXPECT_EQ(usage.write_units, 2 + 1 + 2 + 1);
}

// The service bills a refused write by what was there, and does not say so.
TEST_F(DynamoDbCost, ARefusedWriteCountsByTheSizeOfWhatWasThere) {
  const SagaStore store = make();
  Instance large = first();
  large.state = Value(Object{{"text", Value(std::string(2500, 'x'))}});
  ASSERT_TRUE(commit(store, large).committed);
  double units = store.usage().write_units;
  const auto more = [&] {
    return store.usage().write_units - std::exchange(units, store.usage().write_units);
  };
  EXPECT_FALSE(commit(store, first()).committed);
  EXPECT_EQ(more(), 3);
  ASSERT_TRUE(commit(store, after(large), expect(large)).committed);
  more();
  EXPECT_FALSE(commit(store, after(large), expect(large)).committed);
  EXPECT_EQ(more(), 3);
}

// Each of its two actions is billed twice.
TEST_F(DynamoDbCost, ARefusedInsertOfAChosenIdCountsBothActions) {
  const SagaStore store = make();
  ASSERT_TRUE(commit(store, first()).committed);
  const double before = store.usage().write_units;
  Instance chosen = order();
  chosen.saga_id = "mine";
  EXPECT_THROW(sync_wait(store.insert(chosen)), AlreadyExists);
  EXPECT_EQ(store.usage().write_units - before, 2 + 2);
  EXPECT_EQ(store.usage().requests.at("TransactWriteItems"), 1U);
  EXPECT_EQ(store.usage().failed_conditions, 1U);
}

TEST_F(DynamoDbCost, SizesAreThoseThatTheServiceBills) {
  make();
  const char* const attributes[] = {
      R"({"N":"0"})",      R"({"N":"-1234"})", R"({"N":"0.055"})",
      R"({"N":"1e50"})",   R"({"N":"100"})",   R"({"L":[{"S":"x"},{"NULL":true}]})",
      R"({"B":"AAAA"})",   R"({"S":"ü"})",     R"({"M":{"kk":{"S":"x"},"k2":{"N":"5"}}})",
      R"({"BOOL":false})", R"({"M":{}})",      R"({"NS":["1","22"]})"};
  int n = 0;
  for (const char* attribute : attributes) {
    for (const std::size_t size : {1024U, 1025U}) {
      const std::string fixed =
          fmt::format(R"("sagaName":{{"S":"n"}},"sagaId":{{"S":"{:03}"}},"q":{})", n++, attribute);
      const auto parsed = boost::json::parse("{" + fixed + "}").as_object();
      const std::string pad(size - item_size(parsed) - 1, 'x');
      const auto answer =
          call("PutItem", fmt::format(R"({{"TableName":"{}","Item":{{{},"p":{{"S":"{}"}}}},)"
                                      R"("ReturnConsumedCapacity":"TOTAL"}})",
                                      table_, fixed, pad));
      EXPECT_EQ(answer.at("ConsumedCapacity").at("CapacityUnits").to_number<double>(),
                write_units(size))
          << attribute << " at " << size;
    }
  }
}

TEST_F(DynamoDbCost, UnitsAreNotAskedForUnlessWanted) {
  make();
  StoreOptions quiet = options();
  quiet.count_units = false;
  const SagaStore store(std::move(quiet));
  ASSERT_TRUE(commit(store, first()).committed);
  EXPECT_EQ(store.usage().write_units, 0);
  EXPECT_EQ(store.usage().total_requests(), 1U);
}

}  // namespace
}  // namespace sagabus::dynamodb
