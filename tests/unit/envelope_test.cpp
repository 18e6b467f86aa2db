#include "sagabus/envelope.hpp"

#include <gmock/gmock.h>

#include <cmath>

#include "unit/expect.hpp"

namespace shop {
struct Paid {
  std::string order;
  double amount = 0;
};
SAGABUS_MESSAGE(Paid, order, amount)
}  // namespace shop

namespace sagabus {
namespace {

using test::error_of;

Envelope full_envelope() {
  Envelope e;
  e.id = "m-1";
  e.type = "orders.paid";
  e.payload = Value(Object{{"order", Value("o \"1\"")}, {"amount", Value(12.5)}});
  e.headers = {{"x-saga-attempt", "2"}, {"traceparent", "00-1-2-01"}};
  e.timestamp = TimePoint(std::chrono::milliseconds(1'795'367'045'123));
  e.partition_key = "customer-7";
  return e;
}

TEST(Envelope, HasItsJsonFormToTheLetter) {
  EXPECT_EQ(to_json(full_envelope()),
            R"({"id":"m-1","type":"orders.paid","payload":{"order":"o \"1\"","amount":12.5},)"
            R"("headers":{"traceparent":"00-1-2-01","x-saga-attempt":"2"},)"
            R"("timestamp":"2026-11-22T17:04:05.123Z","partitionKey":"customer-7"})");
}

TEST(Envelope, LeavesAnEmptyPartitionKeyOut) {
  Envelope e;
  e.id = "m";
  e.type = "T";
  EXPECT_EQ(to_json(e), R"({"id":"m","type":"T","payload":null,"headers":{},)"
                        R"("timestamp":"1970-01-01T00:00:00.000Z"})");
}

TEST(Envelope, ComesBack) {
  EXPECT_EQ(parse_envelope(to_json(full_envelope())), full_envelope());
}

TEST(Envelope, ReadsWhatOthersWrite) {
  const Envelope e = parse_envelope(R"({
    "partitionKey": null, "extra": {"x": [1]}, "type": "T", "timestamp": "2026-11-22T19:04:05+02:00",
    "payload": [1], "id": "m" })");
  EXPECT_EQ(e.id, "m");
  EXPECT_EQ(e.type, "T");
  EXPECT_EQ(e.payload, Value(Array{Value(1)}));
  EXPECT_EQ(e.timestamp, TimePoint(std::chrono::milliseconds(1'795'367'045'000)));
  EXPECT_TRUE(e.headers.empty());
  EXPECT_TRUE(e.partition_key.empty());
  EXPECT_EQ(parse_envelope(R"({"id":"m","type":"T"})").payload, Value());
  EXPECT_EQ(parse_envelope(R"({"id":"m","type":"T","headers":null})").headers, Headers{});
}

TEST(Envelope, OfTwoMembersOfANameTheLastOneCounts) {
  const Envelope e = parse_envelope(R"({"id":"a","type":"T","payload":1,"id":"b","payload":2})");
  EXPECT_EQ(e.id, "b");
  EXPECT_EQ(e.payload, Value(2));
}

TEST(Envelope, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"[]", "expected an envelope, found array"},
      {"\"x\"", "expected an envelope, found string"},
      {"{}", "id: missing"},
      {R"({"id":""})", "id: empty"},
      {R"({"id":7})", "id: expected string, found number"},
      {R"({"id":null})", "id: expected string, found null"},
      {R"({"id":"m"})", "type: missing"},
      {R"({"id":"m","type":""})", "type: empty"},
      {R"({"id":"m","type":{}})", "type: expected string, found object"},
      {R"({"id":"m","type":"T","headers":[]})", "headers: expected object, found array"},
      {R"({"id":"m","type":"T","headers":{"a":1}})", "headers.a: expected string, found number"},
      {R"({"id":"m","type":"T","timestamp":5})", "timestamp: expected string, found number"},
      {R"({"id":"m","type":"T","timestamp":"x"})",
       "timestamp: expected a time such as 2026-11-22T17:04:05.123Z"},
      {R"({"id":"m","type":"T","partitionKey":5})", "partitionKey: expected string, found number"}};
  for (const auto& [json, expected] : table) {
    EXPECT_EQ(error_of([&] { parse_envelope(json); }), expected) << json;
  }
  EXPECT_THAT(error_of([] { parse_envelope("{"); }), ::testing::StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_envelope(""); }), ::testing::StartsWith("not JSON: "));
}

Value nested(std::size_t levels) {
  Value value(1);
  for (std::size_t i = 0; i < levels; ++i) {
    value = i % 2 == 0 ? Value(Array{std::move(value)}) : Value(Object{{"n", std::move(value)}});
  }
  return value;
}

TEST(Envelope, IsCheckedForWhatCouldNotBeReadAgain) {
  const auto problem = [](auto change) {
    Envelope e = full_envelope();
    change(e);
    return error_of([&] { check(e); });
  };
  EXPECT_EQ(problem([](Envelope&) {}), "<no error>");
  EXPECT_EQ(problem([](Envelope& e) { e.id = ""; }), "id: empty");
  EXPECT_EQ(problem([](Envelope& e) { e.type = ""; }), "type: empty");
  const std::string text = "M\xfcller";
  const std::string what = ": not UTF-8 (use sagabus::Bytes for binary data)";
  EXPECT_EQ(problem([&](Envelope& e) { e.id = text; }), "id" + what);
  EXPECT_EQ(problem([&](Envelope& e) { e.type = text; }), "type" + what);
  EXPECT_EQ(problem([&](Envelope& e) { e.partition_key = text; }), "partition_key" + what);
  EXPECT_EQ(problem([&](Envelope& e) { e.headers["h"] = text; }), "headers.h" + what);
  EXPECT_EQ(problem([&](Envelope& e) { e.headers[text] = "v"; }),
            "headers: a name that is not UTF-8");
  EXPECT_EQ(problem([&](Envelope& e) {
              e.payload = Value(Object{{"a", Value(Array{Value(1), Value(text)})}});
            }),
            "payload.a[1]" + what);
  EXPECT_EQ(problem([&](Envelope& e) {
              e.payload = Value(Object{{"a", Value(Object{{text, Value(1)}})}});
            }),
            "payload.a: a name that is not UTF-8");
  for (const double number : {std::nan(""), HUGE_VAL, -HUGE_VAL}) {
    EXPECT_EQ(problem([&](Envelope& e) { e.payload = Value(number); }),
              "payload: NaN and infinity cannot be sent");
  }
  for (const TimePoint time : {TimePoint::min(), TimePoint::max()}) {
    EXPECT_EQ(problem([&](Envelope& e) { e.timestamp = time; }),
              "timestamp: outside the years 0 to 9999");
  }
  EXPECT_EQ(problem([](Envelope& e) { e.payload = nested(kMaxPayloadDepth + 1); }),
            "payload: deeper than 63 levels");
  EXPECT_EQ(problem([](Envelope& e) { e.payload = nested(500); }),
            "payload: deeper than 63 levels");
}

TEST(Envelope, ComesBackFromAsDeepAsMayBe) {
  Envelope e = full_envelope();
  e.payload = nested(kMaxPayloadDepth);
  check(e);
  EXPECT_EQ(parse_envelope(to_json(e)), e);
}

TEST(Envelope, ReadsItsMessage) {
  const auto paid = read_message<shop::Paid>(full_envelope());
  EXPECT_EQ(paid.order, "o \"1\"");
  EXPECT_EQ(paid.amount, 12.5);
  Envelope e = full_envelope();
  e.payload = Value(Object{{"order", Value("o")}});
  EXPECT_EQ(error_of([&] { read_message<shop::Paid>(e); }), "amount: missing");
}

}  // namespace
}  // namespace sagabus
