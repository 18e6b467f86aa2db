// Lost answers, missing tables, wrong schemas, unreachable services.
#include "dynamodb_support.hpp"
#include "lossy_http.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

class DynamoDbFault : public DynamoDbTest {
 protected:
  SagaStore lossy_store() {
    ClientOptions lossy = client_options();
    http_ = std::make_shared<test::LossyHttp>(lossy.endpoint);
    lossy.http = http_;
    StoreOptions here = options();
    here.client = Client(std::move(lossy));
    return SagaStore(std::move(here));
  }
  std::string reason_of_prepare(const SagaStore& store) {
    try {
      sync_wait(store.backend()->prepare());
    } catch (const Error& e) {
      resource_ = e.service().resource;
      return e.what();
    }
    return "none";
  }

  std::shared_ptr<test::LossyHttp> http_;
  std::string resource_;
};

TEST_F(DynamoDbFault, AWriteWhoseAnswerWasLostIsNotAConflict) {
  make();
  const SagaStore store = lossy_store();
  http_->lose(1);
  const Instance start = first();
  EXPECT_TRUE(commit(store, start).committed);
  http_->lose(2);
  const Instance second = after(start);
  EXPECT_TRUE(commit(store, second, expect(start)).committed);
  http_->lose(1);
  EXPECT_EQ(sync_wait(store.insert(order("other"))).version, 1U);
  http_->lose(1);
  EXPECT_EQ(sync_wait(store.update(second, 2)).version, 3U);
  http_->lose(1);
  Instance chosen = order("chosen");
  chosen.saga_id = "mine";
  EXPECT_EQ(sync_wait(store.insert(chosen)).saga_id, "mine");
  http_->lose(1);
  sync_wait(store.erase("Order", "mine", 1));
  EXPECT_EQ(sync_wait(store.count_by_name("Order")), 2U);
  EXPECT_EQ(load(store, key())->version, 3U);
  EXPECT_EQ(store.usage().requests.at("PutItem"), 4U);
}

TEST_F(DynamoDbFault, TheDeepestStateIsNoHindranceToAConflict) {
  make();
  const SagaStore store = lossy_store();
  Instance start = first();
  start.state = Value("x");
  for (int level = 0; level < 31; ++level) start.state = Value(Object{{"a", start.state}});
  http_->lose(1);
  EXPECT_TRUE(commit(store, start).committed);
  Instance rival = start;
  rival.bookkeeping.birth = "another";
  const CommitResult met = commit(store, rival);
  EXPECT_FALSE(met.committed);
  ASSERT_TRUE(met.current);
  EXPECT_EQ(met.current->state, start.state);
  EXPECT_THROW(sync_wait(store.insert(start)), AlreadyExists);

  http_->lose(1);
  EXPECT_TRUE(commit(store, after(start), expect(start)).committed);
  EXPECT_TRUE(commit(store, after(start), expect(start)).current);
  EXPECT_THROW(sync_wait(store.update(start, 1)), ConcurrencyError);

  Instance chosen = order("chosen");
  chosen.saga_id = "mine";
  chosen.state = start.state;
  http_->lose(1);
  sync_wait(store.insert(chosen));
  EXPECT_THROW(sync_wait(store.insert(chosen)), AlreadyExists);
  EXPECT_THROW(sync_wait(store.erase("Order", "mine", 7)), ConcurrencyError);
  sync_wait(store.erase("Order", "mine", 1));
}

// Writes something else between the loss of an answer and the next try.
boost::asio::awaitable<void> touch(SagaStore store, std::string saga_id) {
  auto getting = store.get_by_id("Order", saga_id);
  const std::optional<Instance> found = co_await std::move(getting);
  auto updating = store.update(*found, found->version);
  co_await std::move(updating);
}

boost::asio::awaitable<void> replace(SagaStore store, Instance instance) {
  auto erasing = store.erase(instance.saga_name, instance.saga_id);
  co_await std::move(erasing);
  instance.bookkeeping.birth.clear();
  auto inserting = store.insert(std::move(instance));
  co_await std::move(inserting);
}

TEST_F(DynamoDbFault, AnInsertWhoseAnswerWasLostIsKnownAfterAnUpdate) {
  const SagaStore others = make();
  const SagaStore store = lossy_store();
  http_->after_loss([&] { return touch(others, key().saga_id); });
  http_->lose("PutItem", 1);
  EXPECT_EQ(sync_wait(store.insert(order())).version, 1U);
  EXPECT_EQ(load(store, key())->version, 2U);
  EXPECT_THROW(sync_wait(store.insert(order())), AlreadyExists);
  http_->after_loss({});
  http_->lose("PutItem", 1);  // the answer that it exists
  EXPECT_THROW(sync_wait(store.insert(order())), AlreadyExists);
}

TEST_F(DynamoDbFault, AnUpdateThatAnotherHidesIsInDoubt) {
  const SagaStore others = make();
  const SagaStore store = lossy_store();
  const Instance start = sync_wait(store.insert(order()));
  http_->after_loss([&] { return touch(others, start.saga_id); });
  http_->lose("UpdateItem", 1);
  EXPECT_THROW(sync_wait(store.update(start, 1)), TransientError);
  EXPECT_EQ(load(store, key())->version, 3U);  // it was carried out

  http_->after_loss([&] { return replace(others, start); });
  http_->lose("UpdateItem", 1);
  EXPECT_THROW(sync_wait(store.update(start, 3)), TransientError);
}

TEST_F(DynamoDbFault, AConflictWhoseAnswerWasLostIsAConflict) {
  const SagaStore others = make();
  const SagaStore store = lossy_store();
  const Instance start = sync_wait(store.insert(order()));
  sync_wait(touch(others, start.saga_id));
  http_->lose("UpdateItem", 1);
  EXPECT_THROW(sync_wait(store.update(start, 1)), ConcurrencyError);
  EXPECT_EQ(load(store, key())->version, 2U);
}

TEST_F(DynamoDbFault, ADeletionThatAnotherHidesIsInDoubt) {
  const SagaStore others = make();
  const SagaStore store = lossy_store();
  const Instance start = sync_wait(store.insert(order()));
  sync_wait(touch(others, start.saga_id));
  http_->after_loss([&] { return replace(others, start); });
  http_->lose("DeleteItem", 1);
  EXPECT_THROW(sync_wait(store.erase("Order", start.saga_id, 2)), TransientError);
  EXPECT_EQ(load(store, key())->version, 1U);  // the other's
}

TEST_F(DynamoDbFault, ADeletionWhoseAnswerWasLostCounts) {
  make();
  const SagaStore store = lossy_store();
  Instance done = order();
  done.completed = true;
  sync_wait(store.insert(done));
  clock_->advance(std::chrono::seconds(1));
  http_->lose("DeleteItem", 1);
  EXPECT_EQ(sync_wait(store.delete_completed_before("Order", clock_->now())), 1U);
  EXPECT_EQ(store.usage().requests.at("Query"), 1U);
  EXPECT_EQ(store.usage().requests.at("DeleteItem"), 2U);
}

// What an instance with a chosen id and its alias go through together.
TEST_F(DynamoDbFault, ATransactionWhoseAnswerWasLostCounts) {
  make();
  StoreOptions here = options();
  here.client = lossy_store().client();
  here.ttl_days = 1;
  const SagaStore store(std::move(here));
  const auto transactions = [&] { return store.usage().requests["TransactWriteItems"]; };
  Instance chosen = order();
  chosen.saga_id = "mine";
  http_->lose("TransactWriteItems", 1);
  Instance stored = sync_wait(store.insert(chosen));
  EXPECT_EQ(transactions(), 2U);

  stored.completed = true;
  http_->lose("TransactWriteItems", 1);
  stored = sync_wait(store.update(stored, 1));
  EXPECT_EQ(stored.version, 2U);
  EXPECT_EQ(transactions(), 4U);
  EXPECT_EQ(item("mine").at("version"), boost::json::parse(R"({"N":"2"})"));
  ASSERT_TRUE(item("mine").contains("ttl"));
  EXPECT_EQ(item("mine").at("ttl"), item(key().saga_id).at("ttl"));

  http_->lose("TransactWriteItems", 1);
  sync_wait(store.erase("Order", "mine", 2));
  EXPECT_EQ(transactions(), 6U);
  EXPECT_TRUE(item("mine").empty());
  EXPECT_TRUE(item(key().saga_id).empty());
}

// None of its answers comes, and the next call meets what it did.
TEST_F(DynamoDbFault, ATransactionThatNeverGotAnAnswerIsTransient) {
  make();
  const SagaStore store = lossy_store();
  Instance chosen = order();
  chosen.saga_id = "mine";
  Instance stored = sync_wait(store.insert(chosen));
  stored.completed = true;
  stored = sync_wait(store.update(stored, 1));
  http_->lose("TransactWriteItems", 100);
  EXPECT_THROW(sync_wait(store.erase("Order", "mine", 2)), TransientError);
  http_->lose(0);
  EXPECT_TRUE(item("mine").empty());
  EXPECT_TRUE(item(key().saga_id).empty());
  sync_wait(store.erase("Order", "mine", 2));
  EXPECT_EQ(sync_wait(store.insert(order())).saga_id, key().saga_id);
}

TEST_F(DynamoDbFault, AWriteThatNeverGotAnAnswerIsTransient) {
  make();
  const SagaStore store = lossy_store();
  http_->lose(100);
  EXPECT_THROW(commit(store, first()), TransientError);
  http_->lose(0);
  EXPECT_TRUE(load(store, key()));  // it landed all the same
}

TEST_F(DynamoDbFault, AMissingTableIsNamed) {
  const SagaStore store(options());
  EXPECT_NE(reason_of_prepare(store).find(table_), std::string::npos);
  EXPECT_EQ(resource_, table_);
  EXPECT_THROW(sync_wait(store.backend()->prepare()), TableNotFound);
  EXPECT_THROW(load(store, key()), TableNotFound);
  EXPECT_THROW(commit(store, first()), TableNotFound);
  EXPECT_THROW(sync_wait(store.count_by_name("Order")), TableNotFound);
}

TEST_F(DynamoDbFault, ATableOfAnotherSchemaIsNamed) {
  const SagaStore store(options());
  call("CreateTable",
       fmt::format(R"({{"TableName":"{}","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":)"
                   R"([{{"AttributeName":"id","AttributeType":"S"}}],"KeySchema":)"
                   R"([{{"AttributeName":"id","KeyType":"HASH"}}]}})",
                   table_));
  EXPECT_THROW(sync_wait(store.backend()->prepare()), ValidationError);
  EXPECT_TRUE(reason_of_prepare(store).starts_with("table " + table_ + " has another schema"));
}

TEST_F(DynamoDbFault, ATableWithoutTheIndexIsNamed) {
  make({.index = CorrelationIndex::none});
  const SagaStore store(options());
  EXPECT_THROW(sync_wait(store.backend()->prepare()), ValidationError);
  EXPECT_NE(reason_of_prepare(store).find("no index correlationIndex"), std::string::npos);
}

TEST_F(DynamoDbFault, CredentialsOfAWrongShapeAreRefused) {
  EXPECT_THROW(aws::static_credentials("", "secret"), std::invalid_argument);
  EXPECT_THROW(aws::static_credentials("with space", "secret"), std::invalid_argument);
  make();
  ClientOptions wrong = client_options();
  wrong.credentials = aws::static_credentials("not-alphanumeric", "secret");
  StoreOptions here = options();
  here.client = Client(std::move(wrong));
  const SagaStore store(std::move(here));
  try {
    sync_wait(store.backend()->prepare());
    FAIL() << "expected AccessDenied";
  } catch (const AccessDenied& e) {
    EXPECT_EQ(std::string(e.what()).find("secret"), std::string::npos);
    EXPECT_EQ(e.service().operation, "GetItem");
  }
}

TEST_F(DynamoDbFault, AnUnreachableEndpointIsTransientAndSoon) {
  ClientOptions nowhere = client_options();
  nowhere.endpoint = "http://127.0.0.1:1";
  StoreOptions here = options();
  here.client = Client(std::move(nowhere));
  const SagaStore store(std::move(here));
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THROW(sync_wait(store.backend()->prepare()), TransientError);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(DynamoDbFault, AnOversizedItemIsNotSent) {
  const SagaStore store = make();
  Instance large = first();
  const auto fill = [&large](std::size_t bytes) {
    large.state = Value(Object{{"text", Value(std::string(bytes, 'x'))}});
  };
  constexpr std::size_t kLimit = 336 * 1024;
  std::size_t beside_the_text = 0;
  fill(kLimit);
  try {
    commit(store, large);
    FAIL() << "expected StateTooLarge";
  } catch (const StateTooLarge& e) {
    EXPECT_EQ(e.limit(), kLimit);
    beside_the_text = e.bytes() - kLimit;
  }
  fill(kLimit - beside_the_text + 1);
  EXPECT_THROW(commit(store, large), StateTooLarge);
  EXPECT_EQ(store.usage().total_requests(), 0U);
  fill(kLimit - beside_the_text);
  EXPECT_TRUE(commit(store, large).committed);
  fill(kLimit - beside_the_text + 1);
  EXPECT_THROW(sync_wait(store.update(large, 1)), StateTooLarge);
  EXPECT_EQ(store.usage().total_requests(), 1U);
}

TEST_F(DynamoDbFault, KeysOverTheirLimitsAreNotSent) {
  const SagaStore store = make();
  Instance instance = first();
  instance.correlation_id = std::string(1025, 'x');
  EXPECT_THROW(commit(store, instance), ValidationError);
  EXPECT_EQ(store.usage().total_requests(), 0U);
}

TEST_F(DynamoDbFault, ContinuationsAreChecked) {
  const SagaStore store = make();
  for (int i = 0; i < 3; ++i) sync_wait(store.insert(order(fmt::format("c{}", i))));
  const FindPage page = sync_wait(store.find_by_name({.saga_name = "Order", .limit = 1}));
  ASSERT_FALSE(page.continuation.empty());
  for (const std::string& bad :
       {std::string("x"), std::string("AAAA"), page.continuation + "AAAA"}) {
    FindRequest request{.saga_name = "Order", .continuation = bad};
    EXPECT_THROW(sync_wait(store.find_by_name(request)), ValidationError) << bad;
  }
  FindRequest other{.saga_name = "Other", .continuation = page.continuation};
  EXPECT_THROW(sync_wait(store.find_by_name(other)), ValidationError);
}

TEST_F(DynamoDbFault, AnItemThatIsNoInstanceIsNamed) {
  const SagaStore store = make();
  put(fmt::format(R"("sagaName":{{"S":"Order"}},"sagaId":{{"S":"{}"}},"correlationId":{{"S":"c"}},)"
                  R"("version":{{"S":"one"}})",
                  key().saga_id));
  EXPECT_THROW(load(store, key()), ValidationError);
}

TEST_F(DynamoDbFault, AnotherCorrelationIdAtTheDerivedKeyIsAnError) {
  const SagaStore store = make();
  Instance other = order("other");
  other.saga_id = key().saga_id;  // chosen so
  sync_wait(store.insert(other));
  EXPECT_THROW(load(store, key()), Error);
  EXPECT_THROW(commit(store, first()), Error);
}

// Its first request may be carried out once the instance that stands there has expired.
TEST_F(DynamoDbFault, AStartThatIsRefusedAfterALostAnswerMayNotBeOver) {
  make();
  const SagaStore store = lossy_store();
  ASSERT_TRUE(commit(store, first()).committed);
  const CommitResult refused = commit(store, first());
  ASSERT_TRUE(refused.current);
  EXPECT_FALSE(refused.may_still_land);
  http_->lose("PutItem", 1);
  const CommitResult doubtful = commit(store, first());
  ASSERT_TRUE(doubtful.current);
  EXPECT_TRUE(doubtful.may_still_land);
}

}  // namespace
}  // namespace sagabus::dynamodb
