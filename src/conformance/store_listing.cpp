// Listings, counts, and the removal of completed instances.
#include <fmt/format.h>

#include <set>

#include "sagabus/conformance/store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {

void link_store_listing_conformance() {}

std::vector<Instance> StoreConformance::list(FindRequest request) {
  std::vector<Instance> all;
  do {
    FindPage page = sync_wait(store_.find_by_name(request));
    EXPECT_LE(page.instances.size(), request.limit);
    // Full whatever the filter drops: these are far from kPageBytes.
    if (!page.continuation.empty()) {
      EXPECT_EQ(page.instances.size(), request.limit);
    }
    all.insert(all.end(), page.instances.begin(), page.instances.end());
    request.continuation = std::move(page.continuation);
  } while (!request.continuation.empty());
  return all;
}

namespace {

// Correlation ids, each of which must be there once.
std::set<std::string> ids_of(const std::vector<Instance>& instances) {
  std::set<std::string> ids;
  for (const Instance& instance : instances) {
    EXPECT_TRUE(ids.insert(instance.correlation_id).second) << instance.correlation_id << " twice";
  }
  return ids;
}

std::string name_of(int i) {
  return fmt::format("c{}", i);
}

TEST_P(StoreConformance, PagesAreFullWithoutDuplicatesOrGaps) {
  make();
  std::set<std::string> all;
  std::set<std::string> completed;
  std::set<std::string> running;
  for (int i = 0; i < 57; ++i) {
    Instance given = instance(name_of(i));
    given.completed = i % 5 == 0;
    if (i % 7 == 0) given.saga_id = fmt::format("chosen {}", i);
    sync_wait(store_.insert(given));
    all.insert(name_of(i));
    (given.completed ? completed : running).insert(name_of(i));
  }
  for (const std::size_t limit : {1U, 3U, 10U, 56U, 57U, 58U, 1000U}) {
    EXPECT_EQ(ids_of(list({.saga_name = saga_name(), .limit = limit})), all) << limit;
    EXPECT_EQ(ids_of(list({.saga_name = saga_name(), .limit = limit, .completed = true})),
              completed)
        << limit;
    EXPECT_EQ(ids_of(list({.saga_name = saga_name(), .limit = limit, .completed = false})), running)
        << limit;
  }
}

TEST_P(StoreConformance, AListingHoldsWholeInstances) {
  make();
  const Instance stored = sync_wait(store_.insert(instance("c")));
  const std::vector<Instance> found = list({.saga_name = saga_name()});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front(), stored);
}

TEST_P(StoreConformance, APageOfARareKindIsFullToo) {
  make();
  for (int i = 0; i < 60; ++i) {
    Instance given = instance(name_of(i));
    given.completed = i % 20 == 19;
    sync_wait(store_.insert(given));
  }
  const FindPage page =
      sync_wait(store_.find_by_name({.saga_name = saga_name(), .limit = 2, .completed = true}));
  EXPECT_EQ(page.instances.size(), 2U);
  EXPECT_EQ(list({.saga_name = saga_name(), .limit = 2, .completed = true}).size(), 3U);
}

TEST_P(StoreConformance, WritesBetweenPagesNeitherHideNorRepeatTheOthers) {
  make();
  for (int i = 0; i < 40; ++i) sync_wait(store_.insert(instance(name_of(i))));
  FindRequest request{.saga_name = saga_name(), .limit = 6};
  std::vector<Instance> found;
  int written = 0;
  do {
    FindPage page = sync_wait(store_.find_by_name(request));
    found.insert(found.end(), page.instances.begin(), page.instances.end());
    request.continuation = std::move(page.continuation);
    for (int i = 0; i < 40; i += 3) {  // some change, before and behind the page
      const InstancePtr current = load(name_of(i));
      sync_wait(store_.update(*current, current->version));
    }
    sync_wait(store_.insert(instance(fmt::format("new {}", written++))));
  } while (!request.continuation.empty());

  std::set<std::string> ids = ids_of(found);
  std::erase_if(ids, [](const std::string& id) { return id.starts_with("new"); });
  EXPECT_EQ(ids.size(), 40U);
}

TEST_P(StoreConformance, APageOfLargeInstancesEndsEarly) {
  make();
  constexpr std::size_t kLarge = 300'000;
  constexpr std::size_t kCount = 20;
  static_assert(kCount * kLarge > kPageBytes + kLarge);
  for (std::size_t i = 0; i < kCount; ++i) {
    Instance given = instance(fmt::format("c{}", i));
    given.state = Value(Object{{"text", Value(std::string(kLarge, 'x'))}});
    sync_wait(store_.insert(given));
  }
  FindRequest request{.saga_name = saga_name()};
  std::set<std::string> seen;
  do {
    const FindPage page = sync_wait(store_.find_by_name(request));
    EXPECT_FALSE(page.instances.empty());
    EXPECT_LE(page.instances.size(), kPageBytes / kLarge + 1);
    seen.merge(ids_of(page.instances));
    request.continuation = page.continuation;
  } while (!request.continuation.empty());
  EXPECT_EQ(seen.size(), kCount);
}

TEST_P(StoreConformance, AnErasedInstanceDoesNotStopAListing) {
  make();
  for (int i = 0; i < 20; ++i) sync_wait(store_.insert(instance(name_of(i))));
  FindRequest request{.saga_name = saga_name(), .limit = 5};
  FindPage page = sync_wait(store_.find_by_name(request));
  std::set<std::string> seen = ids_of(page.instances);
  // All that were seen go, also the one where the continuation stands.
  for (const Instance& instance : page.instances) {
    sync_wait(store_.erase(saga_name(), instance.saga_id));
  }
  request.continuation = page.continuation;
  for (const std::string& id : ids_of(list(request))) {
    EXPECT_TRUE(seen.insert(id).second) << id << " twice";
  }
  EXPECT_EQ(seen.size(), 20U);
}

TEST_P(StoreConformance, AListingRefusesLimitsOutOfRange) {
  make();
  EXPECT_THROW(sync_wait(store_.find_by_name({.saga_name = saga_name(), .limit = 0})),
               ValidationError);
  EXPECT_THROW(sync_wait(store_.find_by_name({.saga_name = saga_name(), .limit = 1001})),
               ValidationError);
  EXPECT_TRUE(
      sync_wait(store_.find_by_name({.saga_name = saga_name(), .limit = 1000})).instances.empty());
}

TEST_P(StoreConformance, AListingRefusesABadContinuation) {
  make();
  for (int i = 0; i < 4; ++i) sync_wait(store_.insert(instance(name_of(i))));
  const std::string good =
      sync_wait(store_.find_by_name({.saga_name = saga_name(), .limit = 2})).continuation;
  ASSERT_FALSE(good.empty());
  for (const std::string& bad :
       {std::string("x"), std::string("not a token"), std::string("AAAA"), std::string("{}"),
        std::string("\xff\xfe"), good.substr(0, good.size() / 2), good + good}) {
    EXPECT_THROW(
        sync_wait(store_.find_by_name({.saga_name = saga_name(), .limit = 2, .continuation = bad})),
        ValidationError)
        << bad;
  }
  EXPECT_THROW(sync_wait(store_.find_by_name(
                   {.saga_name = saga_name("other"), .limit = 2, .continuation = good})),
               ValidationError);
}

TEST_P(StoreConformance, CountsWhatItLists) {
  make();
  for (int i = 0; i < 23; ++i) {
    Instance given = instance(name_of(i));
    given.completed = i < 9;
    sync_wait(store_.insert(given));
  }
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 23U);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name(), true)), 9U);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name(), false)), 14U);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name("none"))), 0U);
}

TEST_P(StoreConformance, RemovesOnlyWhatIsCompletedAndOld) {
  make();
  const TimePoint limit = ambient_.clock->now();
  for (int i = 0; i < 30; ++i) {
    Instance given = instance(name_of(i));
    given.completed = i % 2 == 0;
    given.created_at = limit - std::chrono::hours(1);
    given.updated_at = i % 3 == 0 ? limit : limit - std::chrono::milliseconds(1);
    if (i % 5 == 0) given.saga_id = fmt::format("chosen {}", i);
    sync_wait(store_.insert(given));
  }
  EXPECT_EQ(sync_wait(store_.delete_completed_before(saga_name(), limit)), 10U);
  EXPECT_EQ(sync_wait(store_.delete_completed_before(saga_name(), limit)), 0U);
  for (int i = 0; i < 30; ++i) {
    const bool gone = i % 2 == 0 && i % 3 != 0;
    EXPECT_EQ(load(name_of(i)) == nullptr, gone) << i;
    if (gone) {
      EXPECT_TRUE(start(name_of(i)).committed) << i;
    }
  }
}

TEST_P(StoreConformance, RemovesAllOrNothingAtTheEndsOfTime) {
  make();
  for (int i = 0; i < 3; ++i) {
    Instance given = instance(name_of(i));
    given.completed = i > 0;
    sync_wait(store_.insert(given));
  }
  EXPECT_EQ(sync_wait(store_.delete_completed_before(saga_name(), TimePoint::min())), 0U);
  EXPECT_EQ(sync_wait(store_.delete_completed_before(saga_name(), TimePoint::max())), 2U);
  EXPECT_TRUE(load(name_of(0)));
}

TEST_P(StoreConformance, SagasDoNotSeeEachOther) {
  make();
  for (const std::string_view suffix : {"", "#1", "a", "/", "%"}) {
    Instance given = instance("c");
    given.saga_name = saga_name(suffix);
    given.completed = suffix == "a";
    given.state = Value(Object{{"suffix", Value(suffix)}});
    given.saga_id = "same";
    sync_wait(store_.insert(given));
  }
  for (const std::string_view suffix : {"", "#1", "a", "/", "%"}) {
    const std::vector<Instance> found = list({.saga_name = saga_name(suffix)});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(*found.front().state.find("suffix"), Value(suffix));
    EXPECT_EQ(sync_wait(store_.get_by_correlation_id(saga_name(suffix), "c")), found.front());
    EXPECT_EQ(sync_wait(store_.get_by_id(saga_name(suffix), "same")), found.front());
    EXPECT_EQ(sync_wait(store_.count_by_name(saga_name(suffix))), 1U);
  }
  sync_wait(store_.delete_completed_before(saga_name("a"),
                                           ambient_.clock->now() + std::chrono::hours(1)));
  sync_wait(store_.erase(saga_name("#1"), "same"));
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name("a"))), 0U);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name("#1"))), 0U);
  EXPECT_EQ(sync_wait(store_.count_by_name(saga_name())), 1U);
  EXPECT_TRUE(load("c"));
}

}  // namespace
}  // namespace sagabus::testing
