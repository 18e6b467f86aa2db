#include "sagabus/codec.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "sagabus/json.hpp"
#include "unit/expect.hpp"

namespace shop {

enum class Status { pending, paid, shipped };
SAGABUS_DESCRIBE_ENUM(Status, pending, paid, shipped)

struct Item {
  std::string name;
  double price = 0;
  int count = 1;
  friend bool operator==(const Item&, const Item&) = default;
};
SAGABUS_DESCRIBE(Item, name, price, count)

struct Order {
  std::string id;
  Status status = Status::pending;
  std::vector<Item> items;
  std::optional<std::string> note;
  std::map<std::string, Item> by_name;
  friend bool operator==(const Order&, const Order&) = default;
};
SAGABUS_MESSAGE(Order, id, status, items, note, by_name)

struct Renamed {
  int n = 0;
};
SAGABUS_MESSAGE_AS(Renamed, "shop.renamed", n)

struct Everything {
  bool yes = false;
  std::int8_t i8 = 0;
  std::uint8_t u8 = 0;
  std::int16_t i16 = 0;
  std::uint32_t u32 = 0;
  std::int64_t i64 = 0;
  std::uint64_t u64 = 0;
  float f = 0;
  double d = 0;
  std::string text;
  sagabus::Bytes bytes;
  std::vector<unsigned char> octets;
  std::chrono::sys_time<std::chrono::milliseconds> ms{};
  std::chrono::sys_time<std::chrono::nanoseconds> ns{};
  std::chrono::sys_seconds s{};
  std::chrono::sys_days day{};
  std::chrono::milliseconds wait{};
  std::chrono::duration<double> exact{};
  std::vector<bool> flags;
  std::array<int, 3> three{};
  std::set<std::string> names;
  std::unordered_map<std::string, std::int64_t> counts;
  std::map<std::string, std::vector<std::optional<int>>> nested;
  std::optional<Item> item;
  sagabus::Value any;
  friend bool operator==(const Everything&, const Everything&) = default;
};
SAGABUS_DESCRIBE(Everything, yes, i8, u8, i16, u32, i64, u64, f, d, text, bytes, octets, ms, ns, s,
                 day, wait, exact, flags, three, names, counts, nested, item, any)

struct Empty {};
SAGABUS_MESSAGE(Empty)

struct Base {
  int a = 0;
};
SAGABUS_DESCRIBE(Base, a)

// With a codec of its own.
struct Money {
  std::int64_t cents = 0;
  friend bool operator==(const Money&, const Money&) = default;
};
struct Priced {
  Money money;
};
SAGABUS_DESCRIBE(Priced, money)

}  // namespace shop

template <>
struct sagabus::Codec<shop::Money> {
  static Value write(const shop::Money& v, const FieldPath&) {
    return Value(std::to_string(v.cents));
  }
  static void read(const Value& value, shop::Money& v, const FieldPath& path) {
    if (!value.if_string()) path.expected("money", value);
    v.cents = std::stoll(*value.if_string());
  }
};

namespace sagabus {
namespace {

using shop::Everything;
using shop::Item;
using shop::Order;
using shop::Status;
using test::error_of;
using namespace std::chrono_literals;

template <class T>
std::string read_error(const char* json, MissingField missing = MissingField::refuse) {
  return error_of([&] { from_value<T>(parse_json(json), missing); });
}

Everything full() {
  Everything e;
  e.yes = true;
  e.i8 = -128;
  e.u8 = 255;
  e.i16 = -32768;
  e.u32 = 4'294'967'295U;
  e.i64 = std::numeric_limits<std::int64_t>::min();
  e.u64 = std::numeric_limits<std::uint64_t>::max();
  e.f = 0.1F;
  e.d = 0.1;
  e.text = "Grüße \"世界\"\n🚀";
  e.bytes = {std::byte{0}, std::byte{255}};
  e.octets = {1, 2, 3, 4};
  e.ms = TimePoint(-1ms);
  e.ns = std::chrono::sys_time<std::chrono::nanoseconds>(-1ns);
  e.s = std::chrono::sys_seconds(-1s);
  e.day = std::chrono::sys_days(std::chrono::days(-1));
  e.wait = -1500ms;
  e.exact = std::chrono::duration<double>(0.25);
  e.flags = {true, false};
  e.three = {1, 2, 3};
  e.names = {"b", "a"};
  e.counts = {{"x", 1}, {"", 2}};
  e.nested = {{"a.b", {1, std::nullopt, 3}}, {"empty", {}}};
  e.item = Item{"pen", 1.5, 2};
  e.any = Value(Array{Value(), Value(1), Value(Object{{"k", Value("v")}})});
  return e;
}

TEST(Codec, EveryKindOfFieldComesBack) {
  const Everything e = full();
  EXPECT_EQ(from_value<Everything>(to_value(e), MissingField::refuse), e);
  EXPECT_EQ(from_value<Everything>(to_value(Everything{}), MissingField::refuse), Everything{});
}

TEST(Codec, EveryKindOfFieldComesBackThroughJson) {
  const Everything e = full();
  EXPECT_EQ(from_value<Everything>(parse_json(to_json(to_value(e))), MissingField::refuse), e);
}

TEST(Codec, WritesTheFieldsInTheirOrder) {
  const Order order{"o-1", Status::paid, {{"pen", 1.5, 2}}, std::nullopt, {{"x", {}}}};
  EXPECT_EQ(to_json(to_value(order)),
            R"({"id":"o-1","status":"paid","items":[{"name":"pen","price":1.5,"count":2}],)"
            R"("by_name":{"x":{"name":"","price":0.0,"count":1}}})");
}

TEST(Codec, AnEmptyOptionalIsAbsentAndReadsNullToo) {
  EXPECT_EQ(to_value(Order{}).find("note"), nullptr);
  Order order{};
  order.note = "hi";
  EXPECT_EQ(*to_value(order).find("note"), Value("hi"));
  const auto text = R"({"id":"o","status":"pending","items":[],"note":null,"by_name":{}})";
  EXPECT_EQ(from_value<Order>(parse_json(text), MissingField::refuse).note, std::nullopt);
}

TEST(Codec, AnErrorNamesThePath) {
  EXPECT_EQ(read_error<Order>(R"({"items":[{},{},{},{"price":"x"}]})", MissingField::keep_default),
            "items[3].price: expected number, found string");
  EXPECT_EQ(read_error<Order>(R"({"by_name":{"a.b":{"count":1.5}}})", MissingField::keep_default),
            "by_name.a.b.count: expected integer, found number");
  EXPECT_EQ(read_error<Order>(R"({"id":7})"), "id: expected string, found number");
  EXPECT_EQ(read_error<Order>(R"({"items":{}})"), "items: expected array, found object");
  EXPECT_EQ(read_error<Order>(R"({"items":[[]]})"), "items[0]: expected object, found array");
  EXPECT_EQ(read_error<Order>(R"({"by_name":null})"), "by_name: expected object, found null");
  EXPECT_EQ(read_error<Order>(R"([])"), "expected object, found array");
  EXPECT_EQ(read_error<Order>(R"({"status":"lost"})"),
            "status: expected one of pending, paid, shipped");
  EXPECT_EQ(read_error<Order>(R"({"status":1})"), "status: expected string, found number");
}

TEST(Codec, AnErrorOfEachKindOfField) {
  EXPECT_EQ(read_error<Everything>(R"({"yes":1})"), "yes: expected true or false, found number");
  EXPECT_EQ(read_error<Everything>(R"({"i8":128})"), "i8: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"i8":-129})"), "i8: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"u8":-1})"), "u8: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"u8":256})"), "u8: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"i64":9223372036854775808})"), "i64: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"u64":18446744073709551616})"),
            "u64: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"u64":-1.0})"), "u64: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"i64":1e300})"), "i64: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"i64":"1"})"), "i64: expected integer, found string");
  EXPECT_EQ(read_error<Everything>(R"({"u64":0.5})"), "u64: expected integer, found number");
  EXPECT_EQ(read_error<Everything>(R"({"d":null})"), "d: expected number, found null");
  EXPECT_EQ(read_error<Everything>(R"({"f":1e300})"), "f: a number out of range");
  EXPECT_EQ(read_error<Everything>(R"({"text":[]})"), "text: expected string, found array");
  EXPECT_EQ(read_error<Everything>(R"({"bytes":"?"})"), "bytes: expected base64");
  EXPECT_EQ(read_error<Everything>(R"({"octets":1})"), "octets: expected base64, found number");
  EXPECT_EQ(read_error<Everything>(R"({"ms":"soon"})"),
            "ms: expected a time such as 2026-11-22T17:04:05.123Z");
  EXPECT_EQ(read_error<Everything>(R"({"ms":1})"), "ms: expected string, found number");
  EXPECT_EQ(read_error<Everything>(R"({"ns":"2500-01-01T00:00:00Z"})"),
            "ns: a time beyond the range of this field");
  EXPECT_EQ(read_error<Everything>(R"({"wait":"1s"})"), "wait: expected integer, found string");
  EXPECT_EQ(read_error<Everything>(R"({"flags":[true,1]})"),
            "flags[1]: expected true or false, found number");
  EXPECT_EQ(read_error<Everything>(R"({"three":[1,2]})"), "three: expected 3 elements");
  EXPECT_EQ(read_error<Everything>(R"({"three":[1,2,"x"]})"),
            "three[2]: expected integer, found string");
  EXPECT_EQ(read_error<Everything>(R"({"names":["a",{}]})"),
            "names[1]: expected string, found object");
  EXPECT_EQ(read_error<Everything>(R"({"counts":{"":true}})"),
            "counts.: expected integer, found boolean");
  EXPECT_EQ(read_error<Everything>(R"({"nested":{"x":[1,"y"]}})"),
            "nested.x[1]: expected integer, found string");
  EXPECT_EQ(read_error<Everything>(R"({"item":{"name":null}})"),
            "item.name: expected string, found null");
}

TEST(Codec, ReadsWholeNumbersInAnyForm) {
  const auto e = from_value<Everything>(parse_json(R"({"i64":5.0,"u64":1e3,"d":7,"u8":0.0})"));
  EXPECT_EQ(e.i64, 5);
  EXPECT_EQ(e.u64, 1000U);
  EXPECT_EQ(e.d, 7.0);
}

TEST(Codec, WhatIsMissingKeepsItsDefaultOrIsRefused) {
  const Item item = from_value<Item>(parse_json(R"({"name":"pen"})"));
  EXPECT_EQ(item.count, 1);
  EXPECT_EQ(read_error<Item>(R"({"name":"pen","count":2})"), "price: missing");
  EXPECT_EQ(read_error<Order>(R"({"id":"o","status":"paid","by_name":{},"items":[{"name":"x"}]})"),
            "items[0].price: missing");
  EXPECT_EQ(read_error<Order>(R"({"id":"o","status":"paid","items":[],"by_name":{}})"),
            "<no error>");  // an optional field may always be missing
}

TEST(Codec, MembersComeInAnyOrderAndUnknownOnesAreIgnored) {
  const Item item =
      from_value<Item>(parse_json(R"({"count":3,"x":{"y":[1]},"price":2,"zz":null,"name":"pen"})"),
                       MissingField::refuse);
  EXPECT_EQ(item, (Item{"pen", 2.0, 3}));
}

TEST(Codec, OfTwoMembersOfANameTheLastOneCounts) {
  EXPECT_EQ(from_value<Item>(parse_json(R"({"count":3,"count":4})")).count, 4);
  const auto e = from_value<Everything>(parse_json(R"({"counts":{"a":1,"a":2}})"));
  EXPECT_EQ(e.counts.at("a"), 2);
}

TEST(Codec, TimePointsOfEveryPrecision) {
  Everything e;
  e.ns = std::chrono::sys_time<std::chrono::nanoseconds>(1'795'367'045'123'456'789ns);
  e.ms = TimePoint(-62'135'596'800'001ms);
  const Value value = to_value(e);
  EXPECT_EQ(*value.find("ns"), Value("2026-11-22T17:04:05.123456789Z"));
  EXPECT_EQ(*value.find("ms"), Value("0000-12-31T23:59:59.999Z"));
  EXPECT_EQ(*value.find("s"), Value("1970-01-01T00:00:00.000Z"));
  EXPECT_EQ(from_value<Everything>(value), e);
  // What is finer than the field is cut off towards the past.
  const auto cut = from_value<Everything>(parse_json(R"({"ms":"1969-12-31T23:59:59.9995Z",
      "s":"1969-12-31T23:59:59.9Z","day":"1969-12-31T23:59:59Z"})"));
  EXPECT_EQ(cut.ms, TimePoint(-1ms));
  EXPECT_EQ(cut.s, std::chrono::sys_seconds(-1s));
  EXPECT_EQ(cut.day, std::chrono::sys_days(std::chrono::days(-1)));
}

template <class Time>
void expect_to_come_back(Time time) {
  EXPECT_EQ(from_value<Time>(to_value(time)), time) << time.time_since_epoch().count();
}

template <class Time>
void expect_to_be_refused(Time time) {
  EXPECT_EQ(error_of([&] { to_value(time); }), "a time outside the years 0 to 9999")
      << time.time_since_epoch().count();
}

TEST(Codec, TimePointsToTheirFirstAndLast) {
  using Nanoseconds = std::chrono::sys_time<std::chrono::nanoseconds>;
  using Small = std::chrono::sys_time<std::chrono::duration<std::int32_t, std::milli>>;
  using Years = std::chrono::sys_time<std::chrono::years>;
  for (const auto tick : {0ns, 1ns, 775'807ns}) {
    expect_to_come_back(Nanoseconds::max() - tick);
    expect_to_come_back(Nanoseconds::min() + tick);
  }
  expect_to_come_back(Small::max());
  expect_to_come_back(Small::min());
  expect_to_come_back(Nanoseconds(-1ns));
  expect_to_come_back(Nanoseconds(-1s));
  EXPECT_EQ(to_value(Nanoseconds::min()), Value("1677-09-21T00:12:43.145224192Z"));
  const auto read = [](std::string_view text, auto time) {
    return error_of([&] { time = from_value<decltype(time)>(Value(text)); });
  };
  for (const char* beyond :
       {"2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:16.900Z", "2262-04-11T23:47:17Z",
        "1677-09-21T00:12:43.145224191Z", "1677-09-21T00:12:43Z", "9999-12-31T23:59:59Z"}) {
    EXPECT_EQ(read(beyond, Nanoseconds{}), "a time beyond the range of this field") << beyond;
  }
  EXPECT_EQ(read("1970-01-25T20:31:23.647Z", Small{}), "<no error>");
  EXPECT_EQ(read("1970-01-25T20:31:23.648Z", Small{}), "a time beyond the range of this field");
  EXPECT_EQ(read("1969-12-07T03:28:36.352Z", Small{}), "<no error>");
  EXPECT_EQ(read("1969-12-07T03:28:36.351Z", Small{}), "a time beyond the range of this field");
  // Years are 365.2425 days each.
  expect_to_come_back(Years(std::chrono::years(30)));
  expect_to_come_back(Years(std::chrono::years(-1)));
  expect_to_be_refused(Years::max());
  expect_to_be_refused(Years::min());
  expect_to_be_refused(TimePoint::max());
  expect_to_be_refused(TimePoint::min());
  expect_to_be_refused(std::chrono::sys_seconds::max());
  expect_to_be_refused(std::chrono::sys_seconds::min());
  expect_to_be_refused(std::chrono::sys_days::max());
  // A calendar of 16 bits would take this for the year 1970.
  expect_to_be_refused(std::chrono::sys_seconds(65'536 * std::chrono::years(1)));
}

TEST(Codec, RefusesToWriteWhatCannotBeRead) {
  Everything e;
  e.d = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error_of([&] { to_value(e); }), "d: NaN and infinity cannot be stored");
  e = Everything{};
  e.exact = std::chrono::duration<double>(std::numeric_limits<double>::infinity());
  EXPECT_EQ(error_of([&] { to_value(e); }), "exact: NaN and infinity cannot be stored");
  e = Everything{};
  e.text = "\xff";
  EXPECT_EQ(error_of([&] { to_value(e); }), "text: not UTF-8 (use sagabus::Bytes for binary data)");
  e = Everything{};
  e.nested["\xc3"] = {};
  EXPECT_EQ(error_of([&] { to_value(e); }), "nested: a key that is not UTF-8");
  e = Everything{};
  e.s = std::chrono::sys_seconds(std::chrono::seconds(300'000'000'000));
  EXPECT_EQ(error_of([&] { to_value(e); }), "s: a time outside the years 0 to 9999");
  Order order{};
  order.items.resize(2);
  order.items[1].price = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(error_of([&] { to_value(order); }),
            "items[1].price: NaN and infinity cannot be stored");
  order = Order{};
  order.status = static_cast<Status>(9);
  EXPECT_EQ(error_of([&] { to_value(order); }), "status: an enum value without a name");
}

TEST(Codec, TakesACodecOfTheUsers) {
  const shop::Priced priced{{1250}};
  EXPECT_EQ(to_json(to_value(priced)), R"({"money":"1250"})");
  EXPECT_EQ(from_value<shop::Priced>(to_value(priced)).money, priced.money);
  EXPECT_EQ(read_error<shop::Priced>(R"({"money":1})"), "money: expected money, found number");
}

TEST(Codec, MessagesHaveNames) {
  static_assert(Message<Order>);
  static_assert(!Message<Item>);
  static_assert(!Message<int>);
  static_assert(Describable<Item>);
  static_assert(!Describable<int*>);
  static_assert(!Describable<std::vector<std::optional<int*>>>);
  EXPECT_EQ(message_name<Order>(), "Order");
  EXPECT_EQ(message_name<shop::Renamed>(), "shop.renamed");
}

TEST(Codec, KnowsUtf8) {
  for (const char* good :
       {"", "a", "é", "世", "🚀", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
        "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(detail::is_utf8(good)) << good;
  }
  for (const char* bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc3", "\xc3(", "\xe0\x9f\xbf", "\xe4\xb8",
        "\xe4\xb8(", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x9a", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "a\xfe"}) {
    EXPECT_FALSE(detail::is_utf8(bad)) << bad;
  }
}

// ASCII is told by the word: characters before, after and across the words' bounds.
TEST(Codec, KnowsUtf8WhereverItStands) {
  for (std::size_t before = 0; before <= 17; ++before) {
    for (std::size_t after = 0; after <= 17; ++after) {
      const auto among_ascii = [&](const char* text) {
        return std::string(before, 'a') + text + std::string(after, 'z');
      };
      EXPECT_TRUE(detail::is_utf8(among_ascii("")));
      EXPECT_TRUE(detail::is_utf8(among_ascii("é🚀")));
      EXPECT_FALSE(detail::is_utf8(among_ascii("\xff"))) << before << " " << after;
      EXPECT_FALSE(detail::is_utf8(among_ascii("\xf0\x9f\x9a"))) << before << " " << after;
    }
  }
}

}  // namespace
}  // namespace sagabus
