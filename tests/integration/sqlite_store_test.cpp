#include <fmt/format.h>

#include <thread>

#include "sagabus/error.hpp"
#include "sqlite/factory.hpp"
#include "sqlite_support.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

class SqliteStore : public ::testing::Test {
 protected:
  StoreBackend& backend() { return *store_.backend(); }

  TempDirectory directory_;
  std::string path_ = directory_.file();
  SagaStore store_{{.path = path_}};
};

TEST_F(SqliteStore, KeepsTheStateAsJsonThatPeopleCanQuery) {
  auto instance = make_instance("a");
  Object state;
  state.emplace_back("total", Value(12.0));
  state.emplace_back("key", Value(Bytes{std::byte{1}}));
  instance->state = Value(std::move(state));
  sync_wait(backend().commit(make_commit(instance)));
  EXPECT_EQ(*sync_wait(backend().load(make_key("a"))), *instance);
  EXPECT_EQ(RawDatabase(path_).run("SELECT state ->> 'total', state, created_at, correlation_id "
                                   "FROM saga_instances"),
            "12.0|{\"total\":12.0,\"key\":{\"$bytes\":\"AQ==\"}}|2027-01-15T08:00:00.000Z|a\n");
}

TEST_F(SqliteStore, SurvivesReopening) {
  sync_wait(backend().commit(make_commit(make_instance("a"))));
  const SagaStore again{{.path = path_}};
  EXPECT_EQ(sync_wait(again.backend()->load(make_key("a")))->version, 1U);
}

TEST_F(SqliteStore, ALostConditionReturnsWhatIsThere) {
  sync_wait(backend().commit(make_commit(make_instance("a", 1))));
  sync_wait(backend().commit(make_commit(make_instance("a", 2))));
  for (const std::uint64_t version : {1, 2, 4}) {
    const CommitResult result =
        sync_wait(backend().commit(make_commit(make_instance("a", version))));
    EXPECT_FALSE(result.committed);
    ASSERT_TRUE(result.current);
    EXPECT_EQ(result.current->version, 2U);
  }
  const CommitResult nothing = sync_wait(backend().commit(make_commit(make_instance("b", 2))));
  EXPECT_FALSE(nothing.committed);
  EXPECT_EQ(nothing.current, nullptr);
}

TEST_F(SqliteStore, AnotherLifeOfTheSameVersionIsAConflict) {
  sync_wait(backend().commit(make_commit(make_instance("a"))));
  CommitRequest request = make_commit(make_instance("a", 2));
  request.expected->birth = "another";
  EXPECT_FALSE(sync_wait(backend().commit(request)).committed);
  // Rows of other programs have no birth.
  RawDatabase(path_).run("UPDATE saga_instances SET birth = ''");
  request.expected->birth = "";
  EXPECT_FALSE(sync_wait(backend().commit(request)).committed);
  request.expected->created_at = make_instance("a")->created_at;
  EXPECT_TRUE(sync_wait(backend().commit(request)).committed);
}

TEST_F(SqliteStore, AnIdOfAnotherCorrelationIdIsAnErrorNeverAMixUp) {
  auto squatter = make_instance("a");
  squatter->saga_id = make_key("b").saga_id;
  sync_wait(store_.insert(*squatter));
  EXPECT_THROW(sync_wait(backend().load(make_key("b"))), Error);
  EXPECT_THROW(sync_wait(backend().commit(make_commit(make_instance("b")))), Error);
  EXPECT_THROW(sync_wait(backend().commit(make_commit(make_instance("b", 2)))), Error);
}

TEST_F(SqliteStore, AStartMeetsAnInstanceWhoseIdWasChosen) {
  auto chosen = make_instance("a");
  chosen->saga_id = "my own id";
  sync_wait(store_.insert(*chosen));
  EXPECT_EQ(sync_wait(backend().load(make_key("a")))->saga_id, "my own id");
  const CommitResult result = sync_wait(backend().commit(make_commit(make_instance("a"))));
  EXPECT_FALSE(result.committed);
  ASSERT_TRUE(result.current);
  EXPECT_EQ(result.current->saga_id, "my own id");
}

TEST_F(SqliteStore, ARowThatIsBrokenIsAValidationErrorThatNamesIt) {
  sync_wait(backend().commit(make_commit(make_instance("a"))));
  RawDatabase(path_).run("UPDATE saga_instances SET state = '{'");
  try {
    sync_wait(backend().load(make_key("a")));
    FAIL();
  } catch (const ValidationError& error) {
    EXPECT_NE(std::string(error.what()).find(make_key("a").saga_id), std::string::npos);
  }
}

asio::awaitable<void> increment(std::shared_ptr<StoreBackend> store, int wins, int& conflicts) {
  InstancePtr current = co_await store->load(make_key("a"));
  while (wins > 0) {
    auto next = std::make_shared<Instance>(*current);
    ++next->version;
    CommitRequest request = make_commit(next);
    const CommitResult result = co_await store->commit(std::move(request));
    if (result.committed) {
      --wins;
      current = next;
    } else {
      ++conflicts;
      current = result.current;
    }
  }
}

TEST_F(SqliteStore, ManyWritersOfOneInstanceHaveOneWinnerAVersion) {
  constexpr int kLanes = 64;
  constexpr int kWins = 5;
  sync_wait(backend().commit(make_commit(make_instance("a"))));
  asio::io_context context(1);
  int conflicts = 0;
  for (int i = 0; i < kLanes; ++i) {
    start(context, increment(store_.backend(), kWins, conflicts));
  }
  context.run();
  EXPECT_GT(conflicts, 0);
  EXPECT_EQ(sync_wait(backend().load(make_key("a")))->version, 1U + kLanes * kWins);
}

asio::awaitable<void> write_some(std::shared_ptr<StoreBackend> store, int lane, int count) {
  for (int i = 1; i <= count; ++i) {
    CommitRequest request =
        make_commit(make_instance(fmt::format("{}", lane), static_cast<std::uint64_t>(i)));
    const CommitResult result = co_await store->commit(std::move(request));
    EXPECT_TRUE(result.committed);
    const InstancePtr read = co_await store->load(make_key(fmt::format("{}", lane)));
    EXPECT_EQ(read->version, static_cast<std::uint64_t>(i));
  }
}

TEST_F(SqliteStore, ConcurrentWritersShareTheirTransactions) {
  sync_wait(backend().prepare());
  asio::io_context context(1);
  for (int i = 0; i < 64; ++i) start(context, write_some(store_.backend(), i, 20));
  context.run();
  const LaneCounters counters = counters_of(store_);
  EXPECT_GE(counters.jobs, 2U * 64 * 20);
  EXPECT_LT(counters.transactions, 64U * 20 / 4);
}

TEST_F(SqliteStore, ServesSeveralThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      asio::io_context context(1);
      for (int i = 0; i < 8; ++i) start(context, write_some(store_.backend(), thread * 8 + i, 20));
      context.run();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(sync_wait(store_.count_by_name("OrderSaga")), 32U);
}

TEST_F(SqliteStore, OneFailureDoesNotSpoilTheOthersOfItsBatch) {
  auto bad = make_instance("bad");
  bad->saga_id = make_key("7").saga_id;  // so that a start of "7" fails
  sync_wait(store_.insert(*bad));
  asio::io_context context(1);
  int failures = 0;
  int wins = 0;
  for (int i = 0; i < 32; ++i) {
    auto request = make_commit(make_instance(fmt::format("{}", i)));
    asio::co_spawn(context, store_.backend()->commit(std::move(request)),
                   [&](std::exception_ptr error, CommitResult result) {
                     ++(error ? failures : wins);
                     EXPECT_NE(error != nullptr, result.committed);
                   });
  }
  context.run();
  EXPECT_EQ(failures, 1);
  EXPECT_EQ(wins, 31);
  EXPECT_EQ(sync_wait(store_.count_by_name("OrderSaga")), 32U);
}

TEST_F(SqliteStore, AFaultOfTheDatabaseRunsTheOthersAgain) {
  sync_wait(backend().prepare());
  RawDatabase(path_).run(
      "CREATE TRIGGER refuse BEFORE INSERT ON saga_instances WHEN new.correlation_id = '7' "
      "BEGIN SELECT RAISE(ROLLBACK, 'no sevens'); END");
  asio::io_context context(1);
  std::vector<std::string> failures;
  for (int i = 0; i < 32; ++i) {
    auto request = make_commit(make_instance(fmt::format("{}", i)));
    asio::co_spawn(context, store_.backend()->commit(std::move(request)),
                   [&](std::exception_ptr error, CommitResult) {
                     try {
                       if (error) std::rethrow_exception(error);
                     } catch (const Error& it) {
                       failures.emplace_back(it.what());
                     }
                   });
  }
  context.run();
  EXPECT_EQ(failures, std::vector<std::string>{"sqlite " + path_ + ": no sevens"});
  EXPECT_EQ(sync_wait(store_.count_by_name("OrderSaga")), 31U);
}

TEST_F(SqliteStore, PagesAreFullAndEndWithAnEmptyContinuation) {
  for (int i = 0; i < 10; ++i) {
    auto it = make_instance(fmt::format("{}", i));
    it->completed = i % 2 == 0;
    sync_wait(store_.insert(*it));
  }
  FindRequest request;
  request.saga_name = "OrderSaga";
  request.limit = 5;
  request.completed = true;
  FindPage page = sync_wait(store_.find_by_name(request));
  EXPECT_EQ(page.instances.size(), 5U);
  EXPECT_EQ(page.continuation, "");
  request.limit = 2;
  page = sync_wait(store_.find_by_name(request));
  EXPECT_EQ(page.instances.size(), 2U);
  request.continuation = page.continuation;
  request.saga_name = "Another";
  EXPECT_THROW(sync_wait(store_.find_by_name(request)), ValidationError);
  request.continuation = "nonsense";
  EXPECT_THROW(sync_wait(store_.find_by_name(request)), ValidationError);
}

TEST_F(SqliteStore, DeletesMoreThanABatch) {
  RawDatabase raw(path_);
  sync_wait(backend().prepare());
  raw.run(
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) "
      "INSERT INTO saga_instances SELECT 'S', i, i, 1, 1, '{}', '2020-01-01T00:00:00.000Z', "
      "'2020-01-01T00:00:00.000Z', NULL, 'b', '', '', '' FROM n");
  EXPECT_EQ(sync_wait(store_.delete_completed_before("S", TimePoint(std::chrono::hours(24 * 365)))),
            0U);
  EXPECT_EQ(
      sync_wait(store_.delete_completed_before("S", TimePoint(std::chrono::hours(24 * 365 * 52)))),
      1200U);
}

TEST_F(SqliteStore, HotStatementsUseIndexes) {
  sync_wait(backend().prepare());
  RawDatabase raw(path_);
  for (const char* sql :
       {"SELECT * FROM saga_instances WHERE saga_name = ?1 AND saga_id = ?2",
        "SELECT * FROM saga_instances WHERE saga_name = ?1 AND correlation_id = ?2",
        "UPDATE saga_instances SET version = 2 WHERE saga_name = ?1 AND saga_id = ?2 AND "
        "correlation_id = ?3 AND version = ?4",
        "SELECT * FROM saga_instances WHERE saga_name = ?1 AND saga_id > ?2 ORDER BY saga_id",
        "SELECT rowid FROM saga_instances WHERE expires_at <= ?1 LIMIT 4"}) {
    const std::string plan = raw.run(std::string("EXPLAIN QUERY PLAN ") + sql);
    EXPECT_NE(plan.find("SEARCH saga_instances USING"), std::string::npos) << sql << plan;
    EXPECT_EQ(plan.find("SCAN"), std::string::npos) << sql << plan;
    EXPECT_EQ(plan.find("TEMP B-TREE"), std::string::npos) << sql << plan;
  }
}

}  // namespace
}  // namespace sagabus::sqlite
