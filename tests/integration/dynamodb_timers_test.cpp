// Rows of timers and leases in a real table.
#include <gmock/gmock.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <set>

#include "dynamodb/timer_rows.hpp"
#include "dynamodb_support.hpp"
#include "lossy_http.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr TimePoint kNoon(std::chrono::milliseconds(1'790'000'000'000));

TimePoint noon_and(int milliseconds) {
  return kNoon + std::chrono::milliseconds(milliseconds);
}

class DynamoDbTimers : public DynamoDbTest {
 protected:
  // A table, and a store whose warnings are kept.
  TimerBackend& make_timers() {
    make();
    return open(options());
  }
  TimerBackend& open(StoreOptions chosen) {
    chosen.ambient.log = Logger([this](LogLevel, std::string_view l) { lines_.emplace_back(l); });
    store_.emplace(std::move(chosen));
    return *store_->backend()->timers();
  }
  // One that loses answers where it is told to.
  TimerBackend& open_lossy() {
    ClientOptions lossy = client_options();
    http_ = std::make_shared<test::LossyHttp>(lossy.endpoint);
    lossy.http = http_;
    StoreOptions chosen = options();
    chosen.client = Client(std::move(lossy));
    return open(std::move(chosen));
  }

  static TimerRow row(TimePoint due, std::string id, std::size_t bytes = 10) {
    auto envelope = std::make_shared<Envelope>();
    envelope->id = id;
    envelope->type = "Reminder";
    envelope->payload = Value(Object{{"text", Value(std::string(bytes, 'x'))}});
    envelope->timestamp = kNoon;
    return {{due, std::move(id)}, {}, std::move(envelope)};
  }
  static void put(TimerBackend& timers, std::vector<TimerRow> rows) {
    sync_wait(timers.put(std::move(rows), nullptr));
  }
  static std::vector<std::string> due(TimerBackend& timers, TimePoint through,
                                      std::size_t most = 99, unsigned shard = 0) {
    return ids(sync_wait(timers.due(shard, through, most)));
  }
  static std::vector<std::string> ids(const std::vector<TimerRow>& rows) {
    std::vector<std::string> out;
    for (const TimerRow& it : rows) out.push_back(it.key.id);
    return out;
  }
  // "<name>-7" or so, in the first shard.
  static std::string in_first_shard(const std::string& name) {
    for (int n = 0;; ++n) {
      std::string id = fmt::format("{}-{}", name, n);
      if (timer_shard(id) == 0) return id;
    }
  }
  void put_broken(std::string_view sort_key, std::string_view more,
                  std::string_view partition = "$timers#0") {
    DynamoDbTest::put(fmt::format(R"("sagaName":{{"S":"{}"}},"sagaId":{{"S":"{}"}}{})", partition,
                                  sort_key, more));
  }
  Usage spent() {
    Usage usage = store_->usage();
    const Usage before = std::exchange(spent_, usage);
    for (const auto& [operation, count] : before.requests) usage.requests[operation] -= count;
    std::erase_if(usage.requests, [](const auto& it) { return it.second == 0; });
    usage.write_units -= before.write_units;
    usage.read_units -= before.read_units;
    usage.failed_conditions -= before.failed_conditions;
    return usage;
  }

  std::vector<std::string> lines_;
  std::optional<SagaStore> store_;
  std::shared_ptr<test::LossyHttp> http_;
  Usage spent_;
};

TEST_F(DynamoDbTimers, ComeInTheOrderInWhichTheyAreDue) {
  TimerBackend& timers = make_timers();
  const std::string a = in_first_shard("a");
  const std::string b = in_first_shard("b");
  const std::string c = in_first_shard("c");
  const std::string d = in_first_shard("d");
  put(timers, {row(noon_and(1), b), row(noon_and(0), c), row(noon_and(1), a), row(noon_and(2), d)});
  EXPECT_THAT(due(timers, noon_and(-1)), IsEmpty());
  EXPECT_THAT(due(timers, noon_and(0)), ElementsAre(c));  // those of that very millisecond, too
  EXPECT_THAT(due(timers, noon_and(1)), ElementsAre(c, a, b));
  EXPECT_THAT(due(timers, noon_and(1), 2), ElementsAre(c, a));
  EXPECT_THAT(due(timers, noon_and(999)), ElementsAre(c, a, b, d));
  EXPECT_THAT(due(timers, kLatestText), ElementsAre(c, a, b, d));
  EXPECT_THAT(due(timers, kLatestText, 99, 1), IsEmpty());
  const std::vector<TimerRow> first = sync_wait(timers.due(0, kNoon, 1));
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].key, (TimerKey{kNoon, c}));
  EXPECT_EQ(first[0].endpoint, "");
  EXPECT_EQ(*first[0].envelope, *row(kNoon, c).envelope);
}

TEST_F(DynamoDbTimers, IdsMayHoldAnything) {
  TimerBackend& timers = make_timers();
  const std::string long_id = in_first_shard(std::string(508, 'y'));
  std::vector<std::string> wanted;
  for (const char* name : {"#", "#$", "$", "~", "\xF4\x8F\xBF\xBF", "2026-01-01T00:00:00.000Z#"}) {
    wanted.push_back(in_first_shard(name));
  }
  wanted.push_back(long_id);
  std::sort(wanted.begin(), wanted.end());
  for (const std::string& id : wanted) put(timers, {row(kNoon, id)});
  EXPECT_EQ(due(timers, kNoon), wanted);
  EXPECT_THAT(due(timers, noon_and(-1)), IsEmpty());
  std::vector<TimerKey> keys;
  for (const std::string& id : wanted) keys.push_back({kNoon, id});
  EXPECT_EQ(sync_wait(timers.erase(std::move(keys), nullptr)), wanted.size());
  EXPECT_THAT(due(timers, kLatestText), IsEmpty());
}

TEST_F(DynamoDbTimers, ARowTakesThePlaceOfOneWithItsKey) {
  TimerBackend& timers = make_timers();
  const std::string a = in_first_shard("a");
  put(timers, {row(kNoon, a, 10)});
  TimerRow other = row(kNoon, a, 20);
  other.endpoint = "billing";
  put(timers, {other});
  const std::vector<TimerRow> rows = sync_wait(timers.due(0, kNoon, 9));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].endpoint, "billing");
  EXPECT_EQ(*rows[0].envelope, *other.envelope);
}

TEST_F(DynamoDbTimers, ErasingCountsThoseThatWereThere) {
  TimerBackend& timers = make_timers();
  put(timers, {row(kNoon, "a"), row(kNoon, "b"), row(noon_and(5), "a")});
  std::vector<TimerKey> keys{{kNoon, "a"}, {noon_and(1), "a"}, {kNoon, "b"}, {kNoon, "c"}};
  EXPECT_EQ(sync_wait(timers.erase(keys, nullptr)), 2U);
  EXPECT_EQ(sync_wait(timers.erase(keys, nullptr)), 0U);
  EXPECT_EQ(sync_wait(timers.erase({}, nullptr)), 0U);
  const TimerPage rest = sync_wait(timers.list(9, {}));
  ASSERT_EQ(rest.rows.size(), 1U);
  EXPECT_EQ(rest.rows[0].key, (TimerKey{noon_and(5), "a"}));
}

TEST_F(DynamoDbTimers, AreListedPageByPage) {
  TimerBackend& timers = make_timers();
  EXPECT_THAT(sync_wait(timers.list(3, {})).rows, IsEmpty());
  std::vector<TimerRow> rows;
  for (int n = 0; n < 50; ++n) rows.push_back(row(noon_and(n % 9), fmt::format("id-{}", n)));
  put(timers, rows);
  std::sort(rows.begin(), rows.end(), [](const TimerRow& x, const TimerRow& y) {
    return std::pair(timer_shard(x.key.id), x.key) < std::pair(timer_shard(y.key.id), y.key);
  });
  for (const std::size_t limit : {1U, 7U, 25U, 50U, 51U}) {
    std::vector<std::string> seen;
    std::string continuation;
    std::size_t pages = 0;
    do {
      const TimerPage page = sync_wait(timers.list(limit, continuation));
      EXPECT_LE(page.rows.size(), limit);
      for (const TimerRow& it : page.rows) seen.push_back(it.key.id);
      continuation = page.continuation;
      ++pages;
    } while (!continuation.empty() && pages < 99);
    EXPECT_EQ(seen, ids(rows)) << limit;
    EXPECT_EQ(pages, (50 + limit - 1) / limit);
  }
  for (const char* bad : {"x", "#", "2026-01-01T00:00:00Z#a", "2026-01-01T00:00:00.000Z#"}) {
    EXPECT_THROW(sync_wait(timers.list(3, bad)), ValidationError) << bad;
  }
}

// An answer holds 1 MB.
TEST_F(DynamoDbTimers, LargeOnesComeInSeveralAnswers) {
  TimerBackend& timers = make_timers();
  std::vector<TimerRow> rows;
  for (int n = 0; n < 12; ++n) {
    rows.push_back(row(noon_and(n), in_first_shard(fmt::format("large-{}", n)), 200'000));
  }
  put(timers, rows);
  EXPECT_EQ(sync_wait(timers.list(20, {})).rows.size(), 12U);
  std::vector<std::string> seen;
  for (int answers = 0; answers < 12; ++answers) {
    const std::vector<TimerRow> some = sync_wait(timers.due(0, kLatestText, 200));
    if (some.empty()) break;
    EXPECT_LT(some.size(), 7U);
    std::vector<TimerKey> keys;
    for (const TimerRow& it : some) keys.push_back(it.key);
    for (const TimerRow& it : some) seen.push_back(it.key.id);
    EXPECT_EQ(sync_wait(timers.erase(std::move(keys), nullptr)), some.size());
  }
  EXPECT_EQ(seen, ids(rows));
}

TEST_F(DynamoDbTimers, BrokenRowsAreLeftOutAndHideNoOthers) {
  TimerBackend& timers = make_timers();
  const std::string a = in_first_shard("a");
  const std::string b = in_first_shard("b");
  put_broken("0", "");
  put_broken("2020-01-01T00:00:00.000Z#" + a, R"(,"message":{"S":"secret"})");
  put_broken("2020-01-01T00:00:00Z#" + b, R"(,"message":{"S":"secret"})");
  put_broken("2020-01-02T00:00:00.000Z#123456789", R"(,"message":{"S":"secret"})");
  put_broken("zzz", R"(,"message":{"N":"1"})");
  put(timers, {row(kNoon, a), row(kNoon, b)});
  EXPECT_THAT(due(timers, kNoon, 1), ElementsAre(a));
  EXPECT_THAT(due(timers, kNoon, 2), ElementsAre(a, b));
  EXPECT_THAT(due(timers, kNoon, 3), ElementsAre(a, b));
  EXPECT_EQ(lines_.size(), 3U * 4);
  EXPECT_THAT(lines_[0], HasSubstr(table_ + ": left out: timer 0: "));
  EXPECT_THAT(lines_[1], HasSubstr("left out: timer 2020-01-01T00:00:00.000Z#" + a));
  EXPECT_THAT(lines_[3], HasSubstr("#123456789: sagaName: expected $timers#2"));
  lines_.clear();
  const TimerPage page = sync_wait(timers.list(1, {}));
  EXPECT_THAT(ids(page.rows), ElementsAre(a));
  const TimerPage next = sync_wait(timers.list(1, page.continuation));
  EXPECT_THAT(ids(next.rows), ElementsAre(b));
  EXPECT_EQ(next.continuation, "");
  EXPECT_THAT(lines_.back(), HasSubstr("timer zzz"));
  for (const std::string& line : lines_) EXPECT_EQ(line.find("secret"), std::string::npos) << line;
}

TEST_F(DynamoDbTimers, AreNoInstances) {
  TimerBackend& timers = make_timers();
  ASSERT_TRUE(commit(*store_, first()).committed);
  put(timers, {row(kNoon, "a"), row(kNoon, "b"), row(kNoon, "c"), row(kNoon, "d")});
  ASSERT_TRUE(sync_wait(timers.take_lease(0, {}, "me")));
  EXPECT_EQ(sync_wait(store_->count_by_name("Order")), 1U);
  EXPECT_EQ(sync_wait(store_->find_by_name({.saga_name = "Order"})).instances.size(), 1U);
  EXPECT_EQ(sync_wait(store_->delete_completed_before("Order", kLatestText)), 0U);
  const auto index = call(
      "Scan", fmt::format(R"({{"TableName":"{}","IndexName":"{}"}})", table_, kCorrelationIndex));
  EXPECT_EQ(index.at("Count").as_int64(), 1);
  const auto all = call("Scan", fmt::format(R"({{"TableName":"{}"}})", table_));
  EXPECT_EQ(all.at("Count").as_int64(), 1 + 4 + 1 + 1);  // and the table's record
  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(DynamoDbTimers, LieWhereTheyLieWithKeyShardsToo) {
  make({.key_shards = 8});
  StoreOptions chosen = options();
  chosen.key_shards = 8;
  TimerBackend& timers = open(std::move(chosen));
  put(timers, {row(kNoon, "123456789")});
  EXPECT_FALSE(item(to_text(TimerKey{kNoon, "123456789"}), "$timers#2").empty());
  EXPECT_THAT(due(timers, kNoon, 9, 2), ElementsAre("123456789"));
}

TEST_F(DynamoDbTimers, EachRowIsOneRequestAndOneUnit) {
  TimerBackend& timers = make_timers();
  Cost cost;
  std::vector<TimerRow> one{row(kNoon, "a")};
  sync_wait(timers.put(one, &cost));
  Usage usage = spent();
  EXPECT_EQ(usage.requests, (std::map<std::string, std::uint64_t>{{"PutItem", 1}}));
  EXPECT_EQ(usage.write_units, 1);
  EXPECT_EQ(cost.requests, 1U);
  EXPECT_EQ(cost.write_units, 1);

  std::vector<TimerRow> rows;
  std::vector<TimerKey> keys;
  for (int n = 0; n < 40; ++n) {
    rows.push_back(row(kNoon, fmt::format("id-{}", n), 1200));
    keys.push_back(rows.back().key);
  }
  cost = {};
  sync_wait(timers.put(rows, &cost));
  usage = spent();
  EXPECT_EQ(usage.requests.at("PutItem"), 40U);
  EXPECT_EQ(usage.write_units, 80);
  EXPECT_EQ(cost.requests, 40U);
  EXPECT_EQ(cost.write_units, 80);

  cost = {};
  EXPECT_EQ(sync_wait(timers.erase(keys, &cost)), 40U);
  usage = spent();
  EXPECT_EQ(usage.requests, (std::map<std::string, std::uint64_t>{{"DeleteItem", 40}}));
  EXPECT_EQ(usage.write_units, 80);
  EXPECT_EQ(cost.requests, 40U);
  EXPECT_EQ(cost.write_units, 80);

  cost = {};
  EXPECT_EQ(sync_wait(timers.erase({{kNoon, "nobody"}}, &cost)), 0U);
  usage = spent();
  EXPECT_EQ(usage.total_requests(), 1U);
  EXPECT_EQ(usage.write_units, 1);  // nothing was there: billed all the same
  EXPECT_EQ(usage.failed_conditions, 0U);
  EXPECT_EQ(cost.write_units, 1);
  sync_wait(timers.put({}, &cost));
  EXPECT_EQ(spent().total_requests(), 0U);
}

TEST_F(DynamoDbTimers, ALookIsOneRequest) {
  TimerBackend& timers = make_timers();
  EXPECT_THAT(due(timers, kNoon), IsEmpty());
  Usage usage = spent();
  EXPECT_EQ(usage.requests, (std::map<std::string, std::uint64_t>{{"Query", 1}}));
  EXPECT_LE(usage.read_units, 1);
  for (int n = 0; n < 20; ++n) put(timers, {row(kNoon, in_first_shard(fmt::format("i{}", n)))});
  spent();
  EXPECT_EQ(due(timers, kNoon, 5).size(), 5U);  // and reads no more than these
  EXPECT_EQ(due(timers, kNoon, 20).size(), 20U);
  usage = spent();
  EXPECT_EQ(usage.total_requests(), 2U);
  EXPECT_LE(usage.read_units, 3);
  sync_wait(timers.leases());
  usage = spent();
  EXPECT_EQ(usage.requests, (std::map<std::string, std::uint64_t>{{"Query", 1}}));
  EXPECT_LE(usage.read_units, 0.5);
  sync_wait(timers.list(100, {}));
  EXPECT_EQ(spent().total_requests(), kTimerShards);
}

TEST_F(DynamoDbTimers, UnitsAreNotAskedForUnlessWanted) {
  make();
  StoreOptions quiet = options();
  quiet.count_units = false;
  TimerBackend& timers = open(std::move(quiet));
  put(timers, {row(kNoon, "a"), row(kNoon, "b")});
  EXPECT_EQ(sync_wait(timers.erase({{kNoon, "a"}}, nullptr)), 1U);
  ASSERT_TRUE(sync_wait(timers.take_lease(0, {}, "me")));
  ASSERT_FALSE(sync_wait(timers.take_lease(0, {}, "you")));
  sync_wait(timers.leases());
  const Usage usage = spent();
  EXPECT_EQ(usage.total_requests(), 6U);
  EXPECT_EQ(usage.write_units, 0);
  EXPECT_EQ(usage.read_units, 0);
  EXPECT_EQ(usage.failed_conditions, 1U);
}

TEST_F(DynamoDbTimers, ALeaseGoesToTheFirstWhoSawItAsItIs) {
  TimerBackend& timers = make_timers();
  EXPECT_EQ(sync_wait(timers.leases()), std::vector<Lease>(4));
  EXPECT_TRUE(sync_wait(timers.take_lease(2, {}, "a")));
  EXPECT_FALSE(sync_wait(timers.take_lease(2, {}, "b")));
  EXPECT_FALSE(sync_wait(timers.take_lease(2, {}, "a")));
  const Lease first{"a", 1};
  EXPECT_EQ(sync_wait(timers.leases()), (std::vector<Lease>{{}, {}, first, {}}));
  EXPECT_TRUE(sync_wait(timers.take_lease(2, first, "a")));  // renewed
  EXPECT_FALSE(sync_wait(timers.take_lease(2, first, "b")));
  EXPECT_FALSE(sync_wait(timers.take_lease(2, {"b", 2}, "b")));  // another holder
  EXPECT_TRUE(sync_wait(timers.take_lease(2, {"a", 2}, "b")));
  EXPECT_TRUE(sync_wait(timers.take_lease(3, {}, "b")));
  EXPECT_EQ(sync_wait(timers.leases())[2], (Lease{"b", 3}));
  const Usage usage = spent();
  EXPECT_EQ(usage.failed_conditions, 4U);
  EXPECT_EQ(usage.requests.at("PutItem"), 8U);
  EXPECT_EQ(usage.write_units, 8);  // refused ones, too
}

TEST_F(DynamoDbTimers, ALeaseCanBeGivenUp) {
  TimerBackend& timers = make_timers();
  EXPECT_TRUE(sync_wait(timers.take_lease(0, {}, "a")));
  EXPECT_TRUE(sync_wait(timers.take_lease(0, {"a", 1}, "")));
  const Lease free{"", 2};
  EXPECT_EQ(sync_wait(timers.leases())[0], free);
  EXPECT_FALSE(sync_wait(timers.take_lease(0, {"a", 2}, "a")));
  EXPECT_FALSE(sync_wait(timers.take_lease(0, {}, "b")));
  EXPECT_TRUE(sync_wait(timers.take_lease(0, free, "b")));
  EXPECT_FALSE(sync_wait(timers.take_lease(0, free, "c")));
  EXPECT_EQ(sync_wait(timers.leases())[0], (Lease{"b", 3}));
}

// Its second try finds that the first was carried out.
TEST_F(DynamoDbTimers, ALeaseWhoseAnswerWasLostIsHeld) {
  make();
  TimerBackend& timers = open_lossy();
  http_->lose("PutItem", 1);
  EXPECT_TRUE(sync_wait(timers.take_lease(0, {}, "a")));
  http_->lose("PutItem", 1);
  EXPECT_TRUE(sync_wait(timers.take_lease(0, {"a", 1}, "")));
  http_->lose("PutItem", 1);
  EXPECT_FALSE(sync_wait(timers.take_lease(0, {}, "b")));
  EXPECT_EQ(sync_wait(timers.leases())[0], (Lease{"", 2}));
}

TEST_F(DynamoDbTimers, BrokenLeasesAreLeftOut) {
  TimerBackend& timers = make_timers();
  put_broken("timers#0", R"(,"counter":{"S":"secret"})", "$leases");
  put_broken("others#7", R"(,"counter":{"S":"secret"})", "$leases");
  ASSERT_TRUE(sync_wait(timers.take_lease(1, {}, "a")));
  EXPECT_EQ(sync_wait(timers.leases()), (std::vector<Lease>{{}, {"a", 1}, {}, {}}));
  ASSERT_EQ(lines_.size(), 1U);
  EXPECT_THAT(lines_[0], HasSubstr("left out: lease timers#0: counter: expected a whole N"));
}

TEST_F(DynamoDbTimers, AFailureIsToldAndWhatItCostAsWell) {
  TimerBackend& timers = open(options());  // there is no such table
  std::vector<TimerRow> rows{row(kNoon, "a"), row(kNoon, "b")};
  Cost cost;
  EXPECT_THROW(sync_wait(timers.put(rows, &cost)), TableNotFound);
  EXPECT_EQ(cost.requests, 2U);
  EXPECT_THROW(sync_wait(timers.erase({{kNoon, "a"}}, &cost)), TableNotFound);
  EXPECT_EQ(cost.requests, 3U);
  EXPECT_THROW(sync_wait(timers.due(0, kNoon, 1)), TableNotFound);
  EXPECT_THROW(sync_wait(timers.take_lease(0, {}, "a")), TableNotFound);
}

TEST_F(DynamoDbTimers, WritesGoOnWhenTheirCallerIsCancelled) {
  TimerBackend& timers = make_timers();
  std::vector<TimerRow> rows;
  for (int n = 0; n < 200; ++n) rows.push_back(row(kNoon, fmt::format("id-{}", n)));
  boost::asio::io_context context;
  boost::asio::cancellation_signal cancel;
  auto cost = std::make_unique<Cost>();
  std::exception_ptr error;
  boost::asio::co_spawn(
      context, timers.put(rows, cost.get()),
      boost::asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr thrown) {
        error = std::move(thrown);
        cost.reset();
      }));
  for (int turns = 0; turns < 60; ++turns) context.run_one();
  cancel.emit(boost::asio::cancellation_type::terminal);
  store_.reset();
  context.run();
  EXPECT_TRUE(error);
  const auto left = call("Scan", fmt::format(R"({{"TableName":"{}"}})", table_));
  EXPECT_LT(left.at("Count").as_int64(), 200);
}

// Not this machine's, which may be wrong: its client's clock stands in 2027.
TEST_F(DynamoDbTimers, TheTimeIsTheServices) {
  make();
  ClientOptions wrong = client_options();
  wrong.clock = std::make_shared<testing::VirtualClock>(kNoon);
  StoreOptions chosen = options();
  chosen.client = Client(std::move(wrong));
  TimerBackend& timers = open(std::move(chosen));
  EXPECT_EQ(timers.now(), kNoon);
  sync_wait(store_->backend()->prepare());
  const TimePoint here = system_clock()->now();
  EXPECT_LT(timers.now(), here + std::chrono::minutes(1));
  EXPECT_GT(timers.now(), here - std::chrono::minutes(1));
}

TEST_F(DynamoDbTimers, OfAnInstanceAreKeptInItsItem) {
  const SagaStore store = make();
  Instance start = first();
  start.bookkeeping.timers = {{"reminder", "tok", noon_and(5), kNoon}, {"", "tok2", kNoon, kNoon}};
  ASSERT_TRUE(commit(store, start).committed);
  EXPECT_TRUE(item(start.saga_id).contains("_t"));
  InstancePtr found = load(store, key());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->bookkeeping.timers, start.bookkeeping.timers);
  Instance next = after(*found);
  next.bookkeeping.timers.pop_back();
  ASSERT_TRUE(commit(store, next, expect(*found)).committed);
  found = load(store, key());
  EXPECT_EQ(found->bookkeeping.timers, next.bookkeeping.timers);
  Instance last = after(*found);
  last.bookkeeping.timers.clear();
  ASSERT_TRUE(commit(store, last, expect(*found)).committed);
  EXPECT_FALSE(item(start.saga_id).contains("_t"));
  EXPECT_THAT(load(store, key())->bookkeeping.timers, IsEmpty());
}

}  // namespace
}  // namespace sagabus::dynamodb
