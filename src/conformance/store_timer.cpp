// Rows of timers, and leases. They belong to the whole store, so each test has ids of its own, and
// looks past those of others.
#include <fmt/format.h>

#include <algorithm>

#include "sagabus/conformance/store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::testing {

void link_store_timer_conformance() {}

namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

// A store may keep no timers at all.
#define SAGABUS_NEEDS_TIMERS(timers) \
  if (!(timers)) GTEST_SKIP() << "the store keeps no timers"

TimerRow row_of(const std::string& id, TimePoint due, std::string endpoint = {}) {
  auto envelope = std::make_shared<Envelope>();
  envelope->id = id;
  envelope->type = "Rung";
  envelope->payload = Value(Object{{"text", Value("ü \"#\" " + id)}});
  envelope->headers = {{"traceparent", "00-1-2-01"}};
  envelope->timestamp = due;
  return {{due, id}, std::move(endpoint), std::move(envelope)};
}

// Those whose ids begin so, of all shards.
std::vector<TimerRow> due_of(TimerBackend& timers, const std::string& begin, TimePoint through) {
  std::vector<TimerRow> found;
  for (unsigned shard = 0; shard < timers.shards(); ++shard) {
    for (TimerRow& row : sync_wait(timers.due(shard, through, 10'000))) {
      if (!row.key.id.starts_with(begin)) continue;
      EXPECT_EQ(timers.shard_of(row.key.id), shard);
      found.push_back(std::move(row));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const TimerRow& a, const TimerRow& b) { return a.key < b.key; });
  return found;
}

std::vector<TimerKey> keys_of(const std::vector<TimerRow>& rows) {
  std::vector<TimerKey> keys;
  for (const TimerRow& row : rows) keys.push_back(row.key);
  return keys;
}

void put(TimerBackend& timers, std::vector<TimerRow> rows) {
  sync_wait(timers.put(std::move(rows), nullptr));
}

std::size_t erase(TimerBackend& timers, std::vector<TimerKey> keys) {
  return sync_wait(timers.erase(std::move(keys), nullptr));
}

// Long ago, so that no bus on the same store waits for it.
const TimePoint kDue{std::chrono::milliseconds(-14'182'940'000)};

TEST_P(StoreConformance, TimersAreFoundWhenTheyAreDueAsTheyWerePut) {
  TimerBackend* const timers = make().backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const std::string own = saga_name("-row#");
  const std::vector<TimerRow> rows{row_of(own + "c", kDue), row_of(own + "a", kDue + 1ms, "Orders"),
                                   row_of(own + "b", kDue)};
  put(*timers, rows);
  EXPECT_TRUE(due_of(*timers, own, kDue - 1ms).empty());
  EXPECT_EQ(keys_of(due_of(*timers, own, kDue)), (std::vector<TimerKey>{rows[2].key, rows[0].key}));
  const std::vector<TimerRow> found = due_of(*timers, own, kDue + 1ms);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].endpoint, "");
  EXPECT_EQ(found[2].endpoint, "Orders");
  EXPECT_EQ(*found[2].envelope, *rows[1].envelope);
  EXPECT_EQ(erase(*timers, keys_of(rows)), 3U);
  EXPECT_TRUE(due_of(*timers, own, kDue + 1ms).empty());
}

TEST_P(StoreConformance, TimersOfAnyTimeKeepTheirOrder) {
  TimerBackend* const timers = make().backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const std::string own = saga_name("-order");
  const TimePoint last = TimePoint(std::chrono::milliseconds(253'402'300'799'999));  // of year 9999
  std::vector<TimePoint> times{kDue,      kDue + 1ms,  kDue + 999ms, kDue + 1s,
                               kDue + 1h, TimePoint{}, last};
  std::vector<TimerRow> rows;
  for (const TimePoint time : times) rows.push_back(row_of(own, time));
  put(*timers, std::vector<TimerRow>(rows.rbegin(), rows.rend()));
  EXPECT_EQ(keys_of(due_of(*timers, own, last)), keys_of(rows));
  EXPECT_EQ(erase(*timers, keys_of(rows)), times.size());
}

TEST_P(StoreConformance, ATimerThatIsPutAgainIsOne) {
  TimerBackend* const timers = make().backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const std::string own = saga_name("-again");
  put(*timers, {row_of(own, kDue)});
  put(*timers, {row_of(own, kDue, "Elsewhere")});
  const std::vector<TimerRow> found = due_of(*timers, own, kDue);
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].endpoint, "Elsewhere");
  EXPECT_EQ(erase(*timers, {found[0].key, {kDue, own + "-never"}}), 1U);
  EXPECT_EQ(erase(*timers, {found[0].key}), 0U);
}

TEST_P(StoreConformance, TimersAreLimitedToTheFirst) {
  TimerBackend* const timers = make().backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const std::string own = saga_name("-first");
  const TimePoint early = kDue - 1'000'000h;  // before those of others
  std::vector<TimerRow> rows;
  for (int i = 0; i < 40; ++i) {
    rows.push_back(row_of(fmt::format("{}{:02}", own, i), early + std::chrono::milliseconds(i)));
  }
  put(*timers, rows);
  for (unsigned shard = 0; shard < timers->shards(); ++shard) {
    std::vector<TimerKey> all;
    for (const TimerRow& row : rows) {
      if (timers->shard_of(row.key.id) == shard) all.push_back(row.key);
    }
    const std::size_t most = std::min<std::size_t>(all.size(), 5);
    if (most == 0) continue;
    all.resize(most);
    EXPECT_EQ(keys_of(sync_wait(timers->due(shard, early + 1h, most))), all);
  }
  EXPECT_EQ(erase(*timers, keys_of(rows)), rows.size());
}

TEST_P(StoreConformance, TimersAreListedPageByPage) {
  TimerBackend* const timers = make().backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const std::string own = saga_name("-list");
  std::vector<TimerRow> rows;
  for (int i = 0; i < 23; ++i) {
    rows.push_back(row_of(fmt::format("{}{:02}", own, i), kDue + std::chrono::hours(i % 7)));
  }
  put(*timers, rows);
  for (const std::size_t limit : {1U, 5U, 100U}) {
    std::vector<TimerKey> found;
    std::string continuation;
    do {
      TimerPage page = sync_wait(timers->list(limit, std::move(continuation)));
      EXPECT_LE(page.rows.size(), limit);
      for (const TimerRow& row : page.rows) {
        if (row.key.id.starts_with(own)) found.push_back(row.key);
      }
      continuation = std::move(page.continuation);
    } while (!continuation.empty());
    std::vector<TimerKey> expected = keys_of(rows);
    std::sort(expected.begin(), expected.end());
    std::sort(found.begin(), found.end());
    EXPECT_EQ(found, expected) << limit;
  }
  EXPECT_THROW(sync_wait(timers->list(5, "no place")), ValidationError);
  EXPECT_EQ(erase(*timers, keys_of(rows)), rows.size());
}

TEST_P(StoreConformance, TimersShowInNoListingOrCount) {
  SagaStore& store = make();
  TimerBackend* const timers = store.backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const std::string own = saga_name("-hidden");
  put(*timers, {row_of(own, kDue, saga_name())});
  EXPECT_EQ(sync_wait(store.count_by_name(saga_name())), 0U);
  EXPECT_TRUE(list({.saga_name = saga_name()}).empty());
  EXPECT_EQ(erase(*timers, {{kDue, own}}), 1U);
}

// Of two that saw the same, one gets it; and only who saw what is there.
TEST_P(StoreConformance, ALeaseGoesToOneOfThoseWhoSawIt) {
  TimerBackend* const timers = make().backend()->timers();
  SAGABUS_NEEDS_TIMERS(timers);
  const unsigned shard = timers->shards() - 1;
  const auto lease = [&] {
    const std::vector<Lease> leases = sync_wait(timers->leases());
    EXPECT_EQ(leases.size(), timers->shards());
    return leases.at(shard);
  };
  const Lease seen = lease();
  EXPECT_TRUE(sync_wait(timers->take_lease(shard, seen, "one")));
  EXPECT_FALSE(sync_wait(timers->take_lease(shard, seen, "two")));
  EXPECT_EQ(lease(), (Lease{"one", seen.counter + 1}));
  EXPECT_TRUE(sync_wait(timers->take_lease(shard, lease(), "one")));
  EXPECT_FALSE(sync_wait(timers->take_lease(shard, {"one", seen.counter + 1}, "one")));
  EXPECT_FALSE(sync_wait(timers->take_lease(shard, {"two", seen.counter + 2}, "two")));
  EXPECT_TRUE(sync_wait(timers->take_lease(shard, lease(), {})));
  EXPECT_EQ(lease(), (Lease{"", seen.counter + 3}));
}

TEST_P(StoreConformance, TimersOfAnInstanceAreKept) {
  make();
  Instance given = instance("c");
  given.bookkeeping.timers = {{"tea", "token-1", kDue, kDue - 1h},
                              {"", "token-2", kDue + 1h, kDue}};
  const Instance stored = sync_wait(store_.insert(given));
  EXPECT_EQ(load("c")->bookkeeping.timers, given.bookkeeping.timers);
  Instance next = *load("c");
  next.bookkeeping.timers.pop_back();
  next.version += 1;
  EXPECT_TRUE(commit(stored, next).committed);
  EXPECT_EQ(load("c")->bookkeeping.timers, next.bookkeeping.timers);
  Instance last = *load("c");
  last.bookkeeping.timers.clear();
  sync_wait(store_.update(last, last.version));
  EXPECT_TRUE(load("c")->bookkeeping.timers.empty());
}

}  // namespace
}  // namespace sagabus::testing
