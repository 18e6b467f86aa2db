// Writes: starts, commits, the public functions, expiry.
#include "sagabus/conformance/store.hpp"

#include <fmt/format.h>

#include <atomic>
#include <ostream>
#include <thread>

#include "conformance/concurrent.hpp"
#include "conformance/equivalent.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {
namespace {

constexpr double kTwoSeconds = 2.0 / 86'400;  // in days, as a time to live
constexpr std::chrono::seconds kLonger(4);    // than that, rounded up

Value state_of(std::int64_t number) {
  return Value(Object{{"number", Value(number)}});
}

}  // namespace

// So that the linker takes all files of the suite where it takes this one.
void link_store_listing_conformance();
void link_store_timer_conformance();
void link_store_value_conformance();

void PrintTo(const StoreFactory&, std::ostream* out) {
  *out << "a store";
}

StoreConformance::StoreConformance()
    : clock_(std::make_shared<VirtualClock>(
          std::chrono::floor<std::chrono::seconds>(system_clock()->now()))),
      nonce_(new_nonce(*system_random())) {
  link_store_listing_conformance();
  link_store_timer_conformance();
  link_store_value_conformance();
  if (GetParam().virtual_clock) ambient_.clock = clock_;
}

// A program may use the virtual clock alone.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreConformance);

StoreConformance::~StoreConformance() = default;

SagaStore& StoreConformance::make(std::optional<double> ttl_days) {
  ttl_days_ = ttl_days;
  store_ = another();
  sync_wait(store_.backend()->prepare());
  return store_;
}

SagaStore StoreConformance::another() const {
  return GetParam().make(StoreSettings{.ambient = ambient_, .ttl_days = ttl_days_});
}

void StoreConformance::pass(std::chrono::seconds time) {
  if (GetParam().virtual_clock) {
    clock_->advance(time);
  } else {
    std::this_thread::sleep_for(time);
  }
}

std::string StoreConformance::saga_name(std::string_view suffix) const {
  return fmt::format("Conformance-{}{}", nonce_, suffix);
}

Instance StoreConformance::instance(std::string_view correlation_id) const {
  Instance instance;
  instance.saga_name = saga_name();
  instance.correlation_id = correlation_id;
  instance.state = state_of(1);
  return instance;
}

InstanceKey StoreConformance::key(std::string_view correlation_id) const {
  return {saga_name(), std::string(correlation_id), derive_saga_id(saga_name(), correlation_id)};
}

CommitResult StoreConformance::start(std::string_view correlation_id) {
  Instance first = instance(correlation_id);
  first.saga_id = key(correlation_id).saga_id;
  first.version = 1;
  first.created_at = first.updated_at = ambient_.clock->now();
  first.bookkeeping.birth = new_nonce(*ambient_.random);
  return sync_wait(
      store_.backend()->commit({std::make_shared<const Instance>(std::move(first)), {}}));
}

CommitResult StoreConformance::commit(const Instance& current, Instance next) {
  const ExpectedInstance expected{current.version, current.bookkeeping.birth, current.created_at};
  return sync_wait(
      store_.backend()->commit({std::make_shared<const Instance>(std::move(next)), expected}));
}

InstancePtr StoreConformance::load(std::string_view correlation_id) {
  return sync_wait(store_.backend()->load(key(correlation_id)));
}

namespace {

Instance next_of(const Instance& current, std::int64_t number, bool completed = false) {
  Instance next = current;
  next.version = current.version + 1;
  next.state = state_of(number);
  next.completed = completed;
  return next;
}

TEST_P(StoreConformance, SaysWhatItIs) {
  EXPECT_FALSE(make().backend()->describe().empty());
  sync_wait(store_.backend()->prepare());  // may be repeated
}

TEST_P(StoreConformance, NothingIsThereAtFirst) {
  make();
  EXPECT_EQ(load("c"), nullptr);
  EXPECT_FALSE(sync_wait(store_.get_by_id(saga_name(), "id")));
  EXPECT_FALSE(sync_wait(store_.get_by_correlation_id(saga_name(), "c")));
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 0U);
}

TEST_P(StoreConformance, StartsOnce) {
  make();
  const CommitResult first = start("c");
  ASSERT_TRUE(first.committed);
  EXPECT_EQ(first.current, nullptr);
  const InstancePtr stored = load("c");
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->version, 1U);
  EXPECT_EQ(stored->saga_id, key("c").saga_id);
  EXPECT_EQ(stored->correlation_id, "c");
  EXPECT_FALSE(stored->completed);

  const CommitResult second = start("c");
  EXPECT_FALSE(second.committed);
  ASSERT_TRUE(second.current);
  EXPECT_EQ(*second.current, *stored);
}

TEST_P(StoreConformance, TwoHundredConcurrentStartsMakeOneInstance) {
  make();
  constexpr int kStarts = 200;
  std::vector<std::string> births(kStarts);
  std::vector<CommitResult> results(kStarts);
  for (std::string& birth : births) birth = new_nonce(*ambient_.random);
  const auto start_one = [&](int i) -> boost::asio::awaitable<void> {
    Instance first = instance("c");
    first.saga_id = key("c").saga_id;
    first.version = 1;
    first.state = state_of(i);
    first.created_at = first.updated_at = ambient_.clock->now();
    first.bookkeeping.birth = births[static_cast<std::size_t>(i)];
    CommitRequest request;
    request.next = std::make_shared<const Instance>(std::move(first));
    results[static_cast<std::size_t>(i)] = co_await store_.backend()->commit(std::move(request));
  };
  run_concurrently(4, kStarts, start_one);

  const InstancePtr winner = load("c");
  ASSERT_TRUE(winner);
  int committed = 0;
  for (int i = 0; i < kStarts; ++i) {
    const CommitResult& result = results[static_cast<std::size_t>(i)];
    if (result.committed) {
      ++committed;
      EXPECT_EQ(winner->bookkeeping.birth, births[static_cast<std::size_t>(i)]);
    } else {
      ASSERT_TRUE(result.current) << "start " << i;
      EXPECT_EQ(result.current->bookkeeping.birth, winner->bookkeeping.birth);
      EXPECT_TRUE(is_equivalent(result.current->state, winner->state));
    }
  }
  EXPECT_EQ(committed, 1);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 1U);
}

TEST_P(StoreConformance, EveryWriteIsOneVersion) {
  make();
  ASSERT_TRUE(start("c").committed);
  for (std::uint64_t version = 2; version <= 6; ++version) {
    const InstancePtr current = load("c");
    ASSERT_TRUE(commit(*current, next_of(*current, static_cast<int>(version))).committed);
    EXPECT_EQ(load("c")->version, version);
  }
  EXPECT_TRUE(is_equivalent(load("c")->state, state_of(6)));
}

TEST_P(StoreConformance, AStaleCommitIsRefusedWithWhatStandsThere) {
  make();
  ASSERT_TRUE(start("c").committed);
  const InstancePtr first = load("c");
  ASSERT_TRUE(commit(*first, next_of(*first, 2)).committed);

  const CommitResult late = commit(*first, next_of(*first, 99));
  EXPECT_FALSE(late.committed);
  ASSERT_TRUE(late.current);
  EXPECT_EQ(late.current->version, 2U);
  EXPECT_TRUE(is_equivalent(late.current->state, state_of(2)));
  EXPECT_EQ(*late.current, *load("c"));
}

TEST_P(StoreConformance, OfConcurrentCommitsOneWins) {
  make();
  ASSERT_TRUE(start("c").committed);
  const InstancePtr current = load("c");
  std::atomic<int> committed = 0;
  const auto commit_one = [&](int i) -> boost::asio::awaitable<void> {
    CommitRequest request;
    request.next = std::make_shared<const Instance>(next_of(*current, i));
    request.expected.emplace();
    request.expected->version = current->version;
    request.expected->birth = current->bookkeeping.birth;
    request.expected->created_at = current->created_at;
    const CommitResult result = co_await store_.backend()->commit(std::move(request));
    if (result.committed) ++committed;
    if (!result.committed) {
      EXPECT_TRUE(result.current && result.current->version == 2);
    }
  };
  run_concurrently(4, 40, commit_one);
  EXPECT_EQ(committed, 1);
  EXPECT_EQ(load("c")->version, 2U);
}

TEST_P(StoreConformance, ACommitToNothingIsRefused) {
  make();
  ASSERT_TRUE(start("c").committed);
  const InstancePtr current = load("c");
  sync_wait(store_.erase(saga_name(), current->saga_id));
  const CommitResult result = commit(*current, next_of(*current, 2));
  EXPECT_FALSE(result.committed);
  EXPECT_EQ(result.current, nullptr);
  EXPECT_EQ(load("c"), nullptr);
}

TEST_P(StoreConformance, AnotherLifeWithTheSameVersionIsAConflict) {
  make();
  ASSERT_TRUE(start("c").committed);
  const InstancePtr before = load("c");
  sync_wait(store_.erase(saga_name(), before->saga_id));
  ASSERT_TRUE(start("c").committed);
  const InstancePtr after = load("c");
  ASSERT_EQ(before->version, after->version);

  const CommitResult result = commit(*before, next_of(*before, 99));
  EXPECT_FALSE(result.committed);
  ASSERT_TRUE(result.current);
  EXPECT_EQ(result.current->bookkeeping.birth, after->bookkeeping.birth);
  EXPECT_EQ(*load("c"), *after);
}

TEST_P(StoreConformance, InsertGivesBackWhatItStored) {
  make();
  const Instance given = instance("c");
  const Instance stored = sync_wait(store_.insert(given));
  EXPECT_EQ(stored.version, 1U);
  EXPECT_EQ(stored.saga_id, key("c").saga_id);
  EXPECT_FALSE(stored.bookkeeping.birth.empty());
  EXPECT_NE(stored.created_at, TimePoint{});
  const auto found = sync_wait(store_.get_by_id(saga_name(), stored.saga_id));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, stored);
  EXPECT_EQ(sync_wait(store_.get_by_correlation_id(saga_name(), "c")), stored);
}

TEST_P(StoreConformance, InsertRefusesATakenId) {
  make();
  Instance first = instance("c");
  first.saga_id = "chosen";
  sync_wait(store_.insert(first));
  Instance second = instance("other");
  second.saga_id = "chosen";
  EXPECT_THROW(sync_wait(store_.insert(second)), AlreadyExists);
  EXPECT_FALSE(sync_wait(store_.get_by_correlation_id(saga_name(), "other")));
}

TEST_P(StoreConformance, InsertRefusesATakenCorrelationId) {
  make();
  sync_wait(store_.insert(instance("derived")));
  EXPECT_THROW(sync_wait(store_.insert(instance("derived"))), AlreadyExists);
  Instance chosen = instance("derived");
  chosen.saga_id = "chosen";
  EXPECT_THROW(sync_wait(store_.insert(chosen)), AlreadyExists);
  EXPECT_FALSE(sync_wait(store_.get_by_id(saga_name(), "chosen")));

  chosen.correlation_id = "c";
  sync_wait(store_.insert(chosen));
  EXPECT_THROW(sync_wait(store_.insert(instance("c"))), AlreadyExists);
  chosen.saga_id = "chosen too";
  EXPECT_THROW(sync_wait(store_.insert(chosen)), AlreadyExists);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 2U);
}

TEST_P(StoreConformance, AnInstanceWithAChosenIdIsFoundByItsCorrelationId) {
  make();
  Instance given = instance("c");
  given.saga_id = "chosen";
  const Instance stored = sync_wait(store_.insert(given));
  EXPECT_EQ(sync_wait(store_.get_by_correlation_id(saga_name(), "c")), stored);
  ASSERT_TRUE(load("c"));
  EXPECT_EQ(*load("c"), stored);

  const CommitResult refused = start("c");
  EXPECT_FALSE(refused.committed);
  ASSERT_TRUE(refused.current);
  EXPECT_EQ(*refused.current, stored);

  ASSERT_TRUE(commit(stored, next_of(stored, 2)).committed);
  ASSERT_TRUE(load("c"));
  EXPECT_EQ(load("c")->version, 2U);
  EXPECT_FALSE(start("c").committed);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 1U);

  sync_wait(store_.erase(saga_name(), "chosen"));
  EXPECT_EQ(load("c"), nullptr);
  EXPECT_TRUE(start("c").committed);
}

// As it would be were two correlation ids to have one hash.
TEST_P(StoreConformance, AnIdThatBelongsToAnotherCorrelationIdIsAnErrorAndNoMixUp) {
  make();
  Instance given = instance("other");
  given.saga_id = key("c").saga_id;
  const Instance other = sync_wait(store_.insert(given));
  EXPECT_THROW(load("c"), Error);
  EXPECT_THROW(start("c"), Error);
  EXPECT_THROW(sync_wait(store_.insert(instance("c"))), Error);
  EXPECT_EQ(sync_wait(store_.get_by_correlation_id(saga_name(), "other")), other);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 1U);
}

TEST_P(StoreConformance, OfAStartAndAnInsertWithAChosenIdOneWins) {
  make();
  for (int round = 0; round < 20; ++round) {
    const std::string correlation_id = fmt::format("c{}", round);
    std::atomic<int> won = 0;
    const auto race = [&](int i) -> boost::asio::awaitable<void> {
      Instance mine = instance(correlation_id);
      const bool starts = (i + round) % 2 == 0;
      mine.saga_id = !starts ? fmt::format("chosen {} {}", round, i) : key(correlation_id).saga_id;
      mine.version = 1;
      mine.created_at = mine.updated_at = ambient_.clock->now();
      mine.bookkeeping.birth = new_nonce(*ambient_.random);
      if (starts) {
        CommitRequest request;
        request.next = std::make_shared<const Instance>(std::move(mine));
        const CommitResult result = co_await store_.backend()->commit(std::move(request));
        if (result.committed) ++won;
        co_return;
      }
      try {
        co_await store_.insert(std::move(mine));
        ++won;
      } catch (const AlreadyExists&) {
        co_return;
      }
    };
    run_concurrently(4, 6, race);
    EXPECT_EQ(won, 1) << "round " << round;
  }
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 20U);
}

TEST_P(StoreConformance, UpdateReplacesWhatMayChange) {
  make();
  const Instance first = sync_wait(store_.insert(instance("c")));
  pass(std::chrono::seconds(1));
  Instance change = first;
  change.state = state_of(2);
  const Instance second = sync_wait(store_.update(change, 1));
  EXPECT_EQ(second.version, 2U);
  EXPECT_GT(second.updated_at, first.updated_at);
  const auto found = sync_wait(store_.get_by_id(saga_name(), first.saga_id));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, second);
  EXPECT_EQ(found->created_at, first.created_at);
  EXPECT_EQ(found->bookkeeping.birth, first.bookkeeping.birth);
}

TEST_P(StoreConformance, UpdateKeepsWhatMayNotChange) {
  make();
  const Instance first = sync_wait(store_.insert(instance("c")));
  Instance change = first;
  change.correlation_id = "other";
  change.created_at += std::chrono::hours(1);
  change.bookkeeping.birth.clear();  // whichever life it is
  const Instance second = sync_wait(store_.update(change, 1));
  const auto found = sync_wait(store_.get_by_id(saga_name(), first.saga_id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->correlation_id, "c");
  EXPECT_EQ(found->created_at, first.created_at);
  EXPECT_EQ(found->bookkeeping.birth, first.bookkeeping.birth);
  EXPECT_EQ(found->version, 2U);
  EXPECT_EQ(*found, second);
}

TEST_P(StoreConformance, UpdateGivesBackWhatItStored) {
  make(kTwoSeconds);
  Instance given = instance("c");
  given.saga_id = "chosen";
  const Instance first = sync_wait(store_.insert(given));
  Instance change;
  change.saga_name = first.saga_name;
  change.saga_id = first.saga_id;
  change.state = state_of(2);
  for (std::uint64_t version = 1; version < 5; ++version) {
    change.completed = version % 2 == 0;  // with an alias, and with an expiry or without
    const Instance stored = sync_wait(store_.update(change, version));
    EXPECT_EQ(stored.version, version + 1);
    EXPECT_EQ(stored.correlation_id, "c");
    EXPECT_EQ(stored.expires_at.has_value(), change.completed);
    EXPECT_EQ(sync_wait(store_.get_by_id(saga_name(), "chosen")), stored);
  }
}

TEST_P(StoreConformance, UpdateOfAnotherLifeIsAConflict) {
  make();
  const Instance before = sync_wait(store_.insert(instance("c")));
  sync_wait(store_.erase(saga_name(), before.saga_id));
  const Instance after = sync_wait(store_.insert(instance("c")));
  ASSERT_EQ(after.version, before.version);
  try {
    sync_wait(store_.update(before, 1));
    ADD_FAILURE() << "expected ConcurrencyError";
  } catch (const ConcurrencyError& e) {
    EXPECT_EQ(e.saga_id(), before.saga_id);
    EXPECT_EQ(e.actual(), 1U);
  }
  EXPECT_EQ(*load("c"), after);
  sync_wait(store_.erase(saga_name(), before.saga_id));
  EXPECT_THROW(sync_wait(store_.update(before, 1)), NotFound);
}

TEST_P(StoreConformance, UpdateOfAStaleVersionSaysWhichIsThere) {
  make();
  const Instance first = sync_wait(store_.insert(instance("c")));
  sync_wait(store_.update(first, 1));
  sync_wait(store_.update(first, 2));
  try {
    sync_wait(store_.update(first, 1));
    FAIL() << "expected ConcurrencyError";
  } catch (const ConcurrencyError& e) {
    EXPECT_EQ(e.saga_id(), first.saga_id);
    EXPECT_EQ(e.expected(), 1U);
    EXPECT_EQ(e.actual(), 3U);
  }
  EXPECT_EQ(load("c")->version, 3U);
}

TEST_P(StoreConformance, UpdateOfNothingIsNotFound) {
  make();
  Instance missing = instance("c");
  missing.saga_id = key("c").saga_id;
  EXPECT_THROW(sync_wait(store_.update(missing, 1)), NotFound);
  EXPECT_EQ(load("c"), nullptr);
}

TEST_P(StoreConformance, EraseMayBeRepeated) {
  make();
  const Instance stored = sync_wait(store_.insert(instance("c")));
  sync_wait(store_.erase(saga_name(), stored.saga_id));
  EXPECT_EQ(load("c"), nullptr);
  sync_wait(store_.erase(saga_name(), stored.saga_id));
  sync_wait(store_.erase(saga_name(), stored.saga_id, 1));
  sync_wait(store_.erase(saga_name(), "never there"));
}

TEST_P(StoreConformance, EraseWithAVersionSparesAnyOther) {
  make();
  const Instance stored = sync_wait(store_.insert(instance("c")));
  sync_wait(store_.update(stored, 1));
  try {
    sync_wait(store_.erase(saga_name(), stored.saga_id, 1));
    FAIL() << "expected ConcurrencyError";
  } catch (const ConcurrencyError& e) {
    EXPECT_EQ(e.expected(), 1U);
    EXPECT_EQ(e.actual(), 2U);
  }
  ASSERT_TRUE(load("c"));
  sync_wait(store_.erase(saga_name(), stored.saga_id, 2));
  EXPECT_EQ(load("c"), nullptr);
}

TEST_P(StoreConformance, AnUpdateNeverBringsAnErasedInstanceBack) {
  make();
  for (int round = 0; round < 20; ++round) {
    const std::string correlation_id = fmt::format("c{}", round);
    const Instance stored = sync_wait(store_.insert(instance(correlation_id)));
    std::atomic<bool> updated = false;
    std::atomic<bool> erased = false;
    const auto race = [&](int i) -> boost::asio::awaitable<void> {
      try {
        if (i == 0) {
          co_await store_.update(stored, 1);
          updated = true;
        } else {
          co_await store_.erase(saga_name(), stored.saga_id, 1);
          erased = true;
        }
      } catch (const NotFound&) {
      } catch (const ConcurrencyError&) {
      }
    };
    run_concurrently(2, 2, race);
    EXPECT_NE(updated, erased) << "round " << round;
    EXPECT_EQ(load(correlation_id) != nullptr, updated) << "round " << round;
  }
}

TEST_P(StoreConformance, OnlyCompletedInstancesExpire) {
  make(kTwoSeconds);
  ASSERT_TRUE(start("running").committed);
  ASSERT_TRUE(start("completed").committed);
  EXPECT_FALSE(load("running")->expires_at);
  const TimePoint before = ambient_.clock->now();
  const InstancePtr current = load("completed");
  ASSERT_TRUE(commit(*current, next_of(*current, 2, true)).committed);

  const InstancePtr completed = load("completed");
  ASSERT_TRUE(completed);
  EXPECT_TRUE(completed->completed);
  ASSERT_TRUE(completed->expires_at);
  EXPECT_GE(*completed->expires_at, before + std::chrono::seconds(2));
  EXPECT_EQ(*completed->expires_at,
            std::chrono::floor<std::chrono::seconds>(*completed->expires_at));
  pass(kLonger);
  EXPECT_EQ(load("completed"), nullptr);
  EXPECT_TRUE(load("running"));
}

TEST_P(StoreConformance, WithoutATimeToLiveNothingExpires) {
  make();
  ASSERT_TRUE(start("c").committed);
  const InstancePtr current = load("c");
  ASSERT_TRUE(commit(*current, next_of(*current, 2, true)).committed);
  EXPECT_FALSE(load("c")->expires_at);
  if (GetParam().virtual_clock) pass(std::chrono::hours(24 * 365 * 10));
  EXPECT_TRUE(load("c"));
}

TEST_P(StoreConformance, TheStoreAloneSaysWhenAnInstanceExpires) {
  const TimePoint asked = std::chrono::floor<std::chrono::seconds>(ambient_.clock->now()) +
                          std::chrono::hours(24 * 365);
  for (const std::optional<double> ttl_days :
       {std::optional<double>(), std::optional<double>(kTwoSeconds)}) {
    make(ttl_days);
    Instance given = instance(ttl_days ? "expiring" : "staying");
    given.completed = true;
    given.expires_at = asked;
    const Instance first = sync_wait(store_.insert(given));
    EXPECT_EQ(first.expires_at.has_value(), ttl_days.has_value());
    EXPECT_NE(first.expires_at, asked);
    EXPECT_EQ(sync_wait(store_.get_by_id(saga_name(), first.saga_id)), first);
    Instance change = first;
    change.expires_at = asked;
    const Instance second = sync_wait(store_.update(change, 1));
    EXPECT_EQ(second.expires_at.has_value(), ttl_days.has_value());
    EXPECT_NE(second.expires_at, asked);
    EXPECT_EQ(sync_wait(store_.get_by_id(saga_name(), first.saga_id)), second);
    Instance next = next_of(second, 3, true);
    next.expires_at = asked;
    ASSERT_TRUE(commit(second, next).committed);
    const InstancePtr third = load(given.correlation_id);
    ASSERT_TRUE(third);
    EXPECT_EQ(third->expires_at.has_value(), ttl_days.has_value());
    EXPECT_NE(third->expires_at, asked);
  }
}

TEST_P(StoreConformance, AnUpdateThatReopensAnInstanceTakesItsExpiryAway) {
  make(kTwoSeconds);
  Instance given = instance("c");
  given.completed = true;
  Instance stored = sync_wait(store_.insert(given));
  ASSERT_TRUE(load("c")->expires_at);
  stored.completed = false;
  sync_wait(store_.update(stored, 1));
  EXPECT_FALSE(load("c")->expires_at);
  pass(kLonger);
  EXPECT_TRUE(load("c"));
}

TEST_P(StoreConformance, AnExpiredInstanceCountsAsAbsentEverywhere) {
  make(kTwoSeconds);
  Instance given = instance("c");
  given.completed = true;
  const Instance old = sync_wait(store_.insert(given));
  given.correlation_id = "chosen c";
  given.saga_id = "chosen";
  sync_wait(store_.insert(given));
  ASSERT_EQ(sync_wait(store_.count_by_name(saga_name(), true)), 2U);
  pass(kLonger);

  EXPECT_EQ(load("c"), nullptr);
  EXPECT_EQ(load("chosen c"), nullptr);
  EXPECT_FALSE(sync_wait(store_.get_by_id(saga_name(), old.saga_id)));
  EXPECT_FALSE(sync_wait(store_.get_by_id(saga_name(), "chosen")));
  EXPECT_FALSE(sync_wait(store_.get_by_correlation_id(saga_name(), "c")));
  EXPECT_FALSE(sync_wait(store_.get_by_correlation_id(saga_name(), "chosen c")));
  EXPECT_TRUE(list({.saga_name = saga_name()}).empty());
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 0U);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name(), true)), 0U);
  EXPECT_THROW(sync_wait(store_.update(old, 1)), NotFound);
  sync_wait(store_.erase(saga_name(), old.saga_id, 7));
  const CommitResult late = commit(old, next_of(old, 2));
  EXPECT_FALSE(late.committed);
  EXPECT_EQ(late.current, nullptr);
}

TEST_P(StoreConformance, AnExpiredInstanceCanBeStartedOver) {
  make(kTwoSeconds);
  ASSERT_TRUE(start("c").committed);
  const InstancePtr first = load("c");
  ASSERT_TRUE(commit(*first, next_of(*first, 2, true)).committed);
  const CommitResult early = start("c");
  EXPECT_FALSE(early.committed);
  EXPECT_TRUE(early.current && early.current->completed);
  pass(kLonger);

  ASSERT_TRUE(start("c").committed);
  const InstancePtr second = load("c");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->version, 1U);
  EXPECT_FALSE(second->completed);
  EXPECT_FALSE(second->expires_at);
  EXPECT_NE(second->bookkeeping.birth, first->bookkeeping.birth);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 1U);
  EXPECT_FALSE(start("c").committed);
}

TEST_P(StoreConformance, InsertTakesThePlaceOfAnExpiredInstance) {
  make(kTwoSeconds);
  Instance given = instance("c");
  given.completed = true;
  sync_wait(store_.insert(given));
  given.saga_id = "chosen";
  given.correlation_id = "chosen c";
  sync_wait(store_.insert(given));
  pass(kLonger);

  sync_wait(store_.insert(instance("c")));
  EXPECT_TRUE(load("c"));
  given.completed = false;
  given.correlation_id = "another c";  // the same id, for another one
  sync_wait(store_.insert(given));
  ASSERT_TRUE(load("another c"));
  EXPECT_EQ(load("another c")->saga_id, "chosen");
  EXPECT_EQ(load("chosen c"), nullptr);
  EXPECT_TRUE(start("chosen c").committed);
}

TEST_P(StoreConformance, HandlesShareTheirInstances) {
  const SagaStore copy = make();
  sync_wait(copy.insert(instance("c")));
  EXPECT_TRUE(load("c"));
  if (!GetParam().shared) return;
  const SagaStore other = another();
  const auto found = sync_wait(other.get_by_correlation_id(saga_name(), "c"));
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, *load("c"));
}

}  // namespace
// What workers tell one another.

TEST_P(StoreConformance, KeepsWhatEachWorkerToldLast) {
  make();
  StoreBackend& store = *store_.backend();
  const std::string first = new_nonce(*system_random());
  const std::string second = new_nonce(*system_random());
  EXPECT_EQ(sync_wait(store.load_watermark(first)), "");
  sync_wait(store.save_watermark(first, R"({"f":1,"t":1,"o":[]})"));
  sync_wait(store.save_watermark(second, "Ünï \"text\""));
  sync_wait(store.save_watermark(first, R"({"f":1,"t":2,"o":[1]})"));
  EXPECT_EQ(sync_wait(store.load_watermark(first)), R"({"f":1,"t":2,"o":[1]})");
  EXPECT_EQ(sync_wait(store.load_watermark(second)), "Ünï \"text\"");
}

TEST_P(StoreConformance, OtherHandlesSeeWhatAWorkerTold) {
  if (!GetParam().shared) return;
  make();
  const std::string worker = new_nonce(*system_random());
  sync_wait(store_.backend()->save_watermark(worker, "told"));
  EXPECT_EQ(sync_wait(another().backend()->load_watermark(worker)), "told");
}

}  // namespace sagabus::testing
