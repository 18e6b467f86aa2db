// What is stored comes back: values, bookkeeping, times, ids and names.
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "conformance/equivalent.hpp"
#include "sagabus/conformance/store.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"

namespace sagabus::testing {

void link_store_value_conformance() {}

// Once by a commit and once by the public insert, which may marshal in two places.
Value StoreConformance::round_trip(const Value& state) {
  const std::string correlation_id = fmt::format("round trip {}", round_trips_++);
  EXPECT_TRUE(start(correlation_id).committed);
  const InstancePtr current = load(correlation_id);
  Instance next = *current;
  next.version = 2;
  next.state = state;
  EXPECT_TRUE(commit(*current, std::move(next)).committed);

  Instance given = instance(correlation_id + " inserted");
  given.state = state;
  const Instance inserted = sync_wait(store_.insert(given));
  const auto found = sync_wait(store_.get_by_id(saga_name(), inserted.saga_id));
  EXPECT_TRUE(found && is_equivalent(found->state, state));
  return load(correlation_id)->state;
}

namespace {

Value wrapped(Value value) {
  return Value(Object{{"value", std::move(value)}});
}

#define EXPECT_ROUND_TRIP(value)                                          \
  do {                                                                    \
    const Value wrapped_state = wrapped(value);                           \
    EXPECT_TRUE(is_equivalent(round_trip(wrapped_state), wrapped_state)); \
  } while (false)

TEST_P(StoreConformance, KeepsSimpleValues) {
  make();
  EXPECT_ROUND_TRIP(Value());
  EXPECT_ROUND_TRIP(Value(true));
  EXPECT_ROUND_TRIP(Value(false));
  EXPECT_ROUND_TRIP(Value(""));
  EXPECT_ROUND_TRIP(Value("text"));
  EXPECT_ROUND_TRIP(Value(Array{}));
  EXPECT_ROUND_TRIP(Value(Object{}));
  EXPECT_ROUND_TRIP(Value(Bytes{}));
  const Value empty(Object{});
  EXPECT_TRUE(is_equivalent(round_trip(empty), empty));
}

TEST_P(StoreConformance, KeepsIntegersExactly) {
  make();
  using Int = std::numeric_limits<std::int64_t>;
  using Unsigned = std::numeric_limits<std::uint64_t>;
  Array all;
  for (const std::int64_t v : {Int::min(), Int::min() + 1, std::int64_t{-9007199254740993},
                               std::int64_t{-1}, std::int64_t{0}, std::int64_t{1},
                               std::int64_t{9007199254740993}, Int::max() - 1, Int::max()}) {
    all.emplace_back(v);
  }
  for (const std::uint64_t v : {std::uint64_t{1} << 63, Unsigned::max() - 1, Unsigned::max()}) {
    all.emplace_back(v);
  }
  EXPECT_ROUND_TRIP(Value(std::move(all)));
}

TEST_P(StoreConformance, KeepsDoublesToTheBit) {
  make();
  Array all;
  for (const double v : {0.1, -0.1, 1.0 / 3, 1e-130, -1e-130, 9.99e125, -9.99e125, 1.5e-100,
                         123456789.123456789, 0.30000000000000004, 1e20, -1e21, 5e100,
                         9007199254740992.0, 9007199254740994.0, 2.2250738585072014e-100, 1e16}) {
    all.emplace_back(v);
  }
  // Neighbours that differ in their last bit only, over the whole range.
  for (double v = 1.1e-129; v < 1e125; v *= 7.3e7) {
    all.emplace_back(v);
    all.emplace_back(std::nextafter(v, 1e126));
    all.emplace_back(-std::nextafter(v, 0.0));
  }
  const Value state = wrapped(Value(all));
  const Value found = round_trip(state);
  ASSERT_TRUE(is_equivalent(found, state));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double* back = (*found.find("value")->if_array())[i].if_double();
    if (back) {
      EXPECT_EQ(std::memcmp(back, all[i].if_double(), sizeof *back), 0) << *back;
    }
  }
  EXPECT_ROUND_TRIP(Value(-0.0));  // may come back as 0
}

TEST_P(StoreConformance, KeepsText) {
  make();
  for (const char* text :
       {"Grüße, 世界, 🚀, \u0000e\u0301", "\"quoted\" 'single' `back`", "a\\b/c", "line\nline\r\n\t",
        "\x01\x1f\x7f", "#%&{}[]:,$", " leading and trailing ", "null", "0", "-1e5", "\u2028\u2029",
        "\xef\xbf\xbf"}) {
    EXPECT_ROUND_TRIP(Value(text));
  }
  EXPECT_ROUND_TRIP(Value(std::string("with\0inside", 11)));
  EXPECT_ROUND_TRIP(Value(std::string(100'000, 'x')));
}

TEST_P(StoreConformance, KeepsBytes) {
  make();
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::byte>(i));
  EXPECT_ROUND_TRIP(Value(all));
  for (const std::size_t length : {1U, 2U, 3U, 255U}) {
    EXPECT_ROUND_TRIP(Value(Bytes(all.begin() + 1, all.begin() + 1 + static_cast<int>(length))));
  }
}

TEST_P(StoreConformance, KeepsListsAndObjects) {
  make();
  EXPECT_ROUND_TRIP(Value(Array{Value(), Value(1), Value("two"), Value(3.5), Value(true),
                                Value(Array{}), Value(Object{}), Value(Array{Value(Array{})})}));
  Object odd_names;
  for (const char* name : {"a.b", "a b", "\"", "'", "#", ":x", "$", "[0]", "ключ", "🔑", "state",
                           "ttl", "value", "\\", "N", "0", "__proto__"}) {
    odd_names.emplace_back(name, Value(name));
  }
  const Value state(odd_names);  // at the top and below it
  EXPECT_TRUE(is_equivalent(round_trip(state), state));
  EXPECT_ROUND_TRIP(Value(odd_names));
  Array many;
  for (int i = 0; i < 10'000; ++i) many.emplace_back(i);
  EXPECT_ROUND_TRIP(Value(std::move(many)));
}

TEST_P(StoreConformance, KeepsTwentyFiveLevels) {
  make();
  Value lists("deep");
  Value objects("deep");
  for (int level = 0; level < 25; ++level) {
    lists = Value(Array{std::move(lists)});
    objects = Value(Object{{"in", std::move(objects)}});
  }
  EXPECT_ROUND_TRIP(std::move(lists));
  EXPECT_TRUE(is_equivalent(round_trip(objects), objects));
}

TEST_P(StoreConformance, RefusesNumbersThatAreNone) {
  make();
  ASSERT_TRUE(start("c").committed);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    const InstancePtr current = load("c");
    Instance next = *current;
    next.version = 2;
    next.state = wrapped(Value(bad));
    // A store may keep them, as that in memory does, or refuse them: never another value.
    try {
      if (!commit(*current, std::move(next)).committed) continue;
      const double* found = load("c")->state.find("value")->if_double();
      ASSERT_TRUE(found);
      EXPECT_FALSE(std::isfinite(*found));
      return;
    } catch (const ValidationError&) {
      EXPECT_EQ(load("c")->version, 1U);
    }
  }
}

TEST_P(StoreConformance, TakesLargeStatesAndRefusesTooLargeOnes) {
  make();
  constexpr std::size_t kLarge = 200 * 1024;
  if (GetParam().max_state_bytes >= kLarge) {
    EXPECT_ROUND_TRIP(Value(std::string(kLarge, 'x')));
  }
  if (GetParam().max_state_bytes > 8 * kLarge) return;
  ASSERT_TRUE(start("c").committed);
  const InstancePtr current = load("c");
  Instance next = *current;
  next.version = 2;
  next.state = wrapped(Value(std::string(GetParam().max_state_bytes + 1024, 'x')));
  try {
    commit(*current, std::move(next));
    FAIL() << "expected StateTooLarge";
  } catch (const StateTooLarge& e) {
    EXPECT_GT(e.bytes(), e.limit());
    ASSERT_FALSE(e.largest_fields().empty());
    EXPECT_EQ(e.largest_fields().front().name, "value");
  }
  EXPECT_EQ(load("c")->version, 1U);
}

EnvelopePtr outgoing(std::string id) {
  Envelope e;
  e.id = std::move(id);
  e.type = "orders.paid";
  e.payload = Value(Object{{"amount", Value(12.5)}, {"note", Value("\"ü\"")}});
  e.timestamp = TimePoint(std::chrono::milliseconds(1'767'225'600'123));
  return std::make_shared<const Envelope>(std::move(e));
}

Bookkeeping full_bookkeeping() {
  Bookkeeping b;
  b.birth = "0123456789abcdef";
  const TimePoint at(std::chrono::milliseconds(1'767'225'600'001));
  for (int i = 0; i < 12; ++i) {
    b.inbox.push_back({fmt::format("message \"{}\" ü", i), at + std::chrono::seconds(i)});
  }
  b.horizon = at - std::chrono::minutes(10);
  auto full = std::make_shared<Envelope>(*outgoing("m3"));
  full->headers = {{"x-saga-attempt", "2"}, {"Grüße", "世界 \"quoted\""}, {"empty", ""}};
  full->partition_key = "partition/1";
  const OutgoingMessage plain{outgoing("m1"), {}};
  const OutgoingMessage late{outgoing("m2"), at + std::chrono::hours(1)};
  const OutgoingMessage late_and_full{full, at + std::chrono::hours(2)};
  b.outbox.push_back({"taken in", "worker-1", 7, {plain, late, late_and_full}});
  b.outbox.push_back({"taken in too", "worker 2", std::uint64_t{1} << 60, {plain}});
  b.outbox.push_back({"sends nothing", "worker-1", 8, {}});
  return b;
}

TEST_P(StoreConformance, KeepsBookkeeping) {
  make();
  ASSERT_TRUE(start("c").committed);
  Instance current = *load("c");
  Instance next = current;
  next.version = 2;
  const std::string birth = current.bookkeeping.birth;
  next.bookkeeping = full_bookkeeping();
  next.bookkeeping.birth = birth;
  ASSERT_TRUE(commit(current, next).committed);
  EXPECT_EQ(load("c")->bookkeeping, next.bookkeeping);

  // And lets go of it: nothing of the old remains.
  current = *load("c");
  next = current;
  next.version = 3;
  next.bookkeeping = Bookkeeping{};
  next.bookkeeping.birth = birth;
  ASSERT_TRUE(commit(current, next).committed);
  EXPECT_EQ(load("c")->bookkeeping, next.bookkeeping);
}

TEST_P(StoreConformance, StartsWithBookkeeping) {
  make();
  Instance first = instance("c");
  first.saga_id = key("c").saga_id;
  first.version = 1;
  first.created_at = first.updated_at = ambient_.clock->now();
  first.bookkeeping = full_bookkeeping();
  ASSERT_TRUE(
      sync_wait(store_.backend()->commit({std::make_shared<const Instance>(first), {}})).committed);
  EXPECT_EQ(*load("c"), first);
  const CommitResult refused = start("c");
  ASSERT_TRUE(refused.current);
  EXPECT_EQ(*refused.current, first);
}

TEST_P(StoreConformance, KeepsTimesToTheMillisecond) {
  make();
  for (const std::int64_t milliseconds :
       {std::int64_t{1'767'225'600'000}, std::int64_t{1'767'225'600'001},
        std::int64_t{1'767'225'600'999}, std::int64_t{1}, std::int64_t{4'102'444'800'120}}) {
    Instance given = instance(fmt::format("{}", milliseconds));
    given.created_at = TimePoint(std::chrono::milliseconds(milliseconds));
    given.updated_at = given.created_at + std::chrono::milliseconds(7);
    sync_wait(store_.insert(given));
    const InstancePtr found = load(given.correlation_id);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->created_at, given.created_at);
    EXPECT_EQ(found->updated_at, given.updated_at);
  }
}

TEST_P(StoreConformance, KeepsTimesOfCommits) {
  make();
  ASSERT_TRUE(start("c").committed);
  const InstancePtr first = load("c");
  Instance next = *first;
  next.version = 2;
  next.updated_at = first->updated_at + std::chrono::milliseconds(1234);
  ASSERT_TRUE(commit(*first, next).committed);
  EXPECT_EQ(load("c")->created_at, first->created_at);
  EXPECT_EQ(load("c")->updated_at, next.updated_at);
}

TEST_P(StoreConformance, TakesAnyTextAsAnId) {
  make();
  for (const std::string& id :
       {std::string("Grüße 世界 🚀"), std::string("\"double\" 'single' `back`"), std::string("#"),
        std::string("%25%2f%00"), std::string("a/b\\c?d&e=f"), std::string("$id"), std::string(" "),
        std::string("a\nb\tc"), std::string("-- ;drop"), std::string(1024, 'x'),
        std::string(1020, 'y') + "🚀", std::string("case"), std::string("CASE")}) {
    Instance derived = instance(id);
    sync_wait(store_.insert(derived));
    ASSERT_TRUE(load(id)) << id;
    EXPECT_EQ(load(id)->correlation_id, id);

    Instance chosen = instance("chosen " + id.substr(0, 900));
    if (id.size() > 900) chosen.correlation_id = "chosen " + id.substr(0, 10);
    chosen.saga_id = id;
    sync_wait(store_.insert(chosen));
    const auto found = sync_wait(store_.get_by_id(saga_name(), id));
    ASSERT_TRUE(found) << id;
    EXPECT_EQ(found->saga_id, id);
    EXPECT_EQ(found->correlation_id, chosen.correlation_id);
  }
  EXPECT_EQ(list({.saga_name = saga_name(), .limit = 4}).size(), 26U);
}

TEST_P(StoreConformance, TakesAnyTextAsAName) {
  make();
  const std::string longest = saga_name() + std::string(1024 - saga_name().size(), 'n');
  for (const std::string& name : {saga_name("Grüße 世界 🚀"), saga_name("\"'`"), saga_name("#07"),
                                  saga_name("%/\\"), longest}) {
    Instance given = instance("c");
    given.saga_name = name;
    const Instance stored = sync_wait(store_.insert(given));
    EXPECT_EQ(sync_wait(store_.get_by_correlation_id(name, "c")), stored) << name;
    EXPECT_EQ(sync_wait(store_.count_by_name(name)), 1U) << name;
    EXPECT_EQ(list({.saga_name = name}).size(), 1U) << name;
  }
}

TEST_P(StoreConformance, RefusesNamesAndIdsThatNoStoreTakes) {
  make();
  const std::string long_text(1025, 'x');
  for (const std::string& bad :
       {std::string(), long_text, std::string("\xff"), std::string("$x")}) {
    Instance given = instance("c");
    given.saga_name = bad;
    EXPECT_THROW(sync_wait(store_.insert(given)), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.get_by_id(bad, "id")), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.get_by_correlation_id(bad, "c")), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.erase(bad, "id")), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.count_by_name(bad)), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.find_by_name({.saga_name = bad})), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.delete_completed_before(bad, {})), ValidationError) << bad;
    if (bad == "$x") continue;  // ids may begin so
    given = instance(bad);
    EXPECT_THROW(sync_wait(store_.insert(given)), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.get_by_correlation_id(saga_name(), bad)), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.get_by_id(saga_name(), bad)), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.erase(saga_name(), bad)), ValidationError) << bad;
    if (bad.empty()) continue;  // an empty saga id is derived
    given = instance("c");
    given.saga_id = bad;
    EXPECT_THROW(sync_wait(store_.insert(given)), ValidationError) << bad;
    EXPECT_THROW(sync_wait(store_.update(given, 1)), ValidationError) << bad;
  }
}

}  // namespace
}  // namespace sagabus::testing
