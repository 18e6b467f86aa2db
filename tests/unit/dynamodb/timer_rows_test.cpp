// Rows of timers and leases as requests, and back.
#include "dynamodb/timer_rows.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

const TableRef kCounted{"sagas", true};
const TableRef kQuiet{"sagas", false, 8};  // rows lie in no key shard
constexpr TimePoint kDue(std::chrono::milliseconds(1'767'225'600'001));

TimerRow row(std::string id, std::string endpoint = "billing") {
  auto envelope = std::make_shared<Envelope>();
  envelope->id = "m-1";
  envelope->type = "Reminder";
  envelope->payload = Value(Object{{"text", Value("say \"hi\"")}});
  envelope->timestamp = kDue;
  return {{kDue, std::move(id)}, std::move(endpoint), std::move(envelope)};
}

boost::json::object item_of(const std::string& request) {
  return boost::json::parse(request).at("Item").as_object();
}

std::string refusal(const boost::json::object& item) {
  try {
    read_timer_row(item);
  } catch (const ValidationError& e) {
    return e.what();
  }
  return "none";
}

// The CRC-32 of "123456789" is cbf43926.
TEST(TimerRows, LieInTheShardOfTheirId) {
  EXPECT_EQ(kTimerShards, 4U);
  EXPECT_EQ(timer_shard("123456789"), 2U);
  const auto item = item_of(put_timer_request(kCounted, row("123456789")));
  EXPECT_EQ(item.at("sagaName").at("S").as_string(), "$timers#2");
}

TEST(TimerRows, ArePutWhole) {
  TimerRow bare = row("123456789", "");
  const std::string message = to_json(*bare.envelope);
  EXPECT_EQ(put_timer_request(kQuiet, bare).find("endpoint"), std::string::npos);
  const auto request = boost::json::parse(put_timer_request(kCounted, row("123456789")));
  EXPECT_EQ(request.at("ReturnConsumedCapacity").as_string(), "TOTAL");
  EXPECT_FALSE(request.as_object().contains("ConditionExpression"));
  const auto& item = request.at("Item").as_object();
  EXPECT_EQ(item.size(), 4U);
  EXPECT_EQ(item.at("sagaId").at("S").as_string(), "2026-01-01T00:00:00.001Z#123456789");
  EXPECT_EQ(item.at("endpoint").at("S").as_string(), "billing");
  EXPECT_EQ(item.at("message").at("S").as_string(), message);
}

TEST(TimerRows, AreReadAsTheyWerePut) {
  for (const char* id : {"123456789", "#", "a#b#", "\xC3\xBC \"x\"\\"}) {
    const TimerRow put = row(id);
    const TimerRow read = read_timer_row(item_of(put_timer_request(kCounted, put)));
    EXPECT_EQ(read.key, put.key);
    EXPECT_EQ(read.endpoint, "billing");
    EXPECT_EQ(*read.envelope, *put.envelope);
  }
  EXPECT_EQ(read_timer_row(item_of(put_timer_request(kCounted, row("x", "")))).endpoint, "");
}

TEST(TimerRows, AreErasedByKeyAndTellWhatTheyWere) {
  EXPECT_EQ(delete_timer_request(kQuiet, {kDue, "123456789"}),
            R"({"TableName":"sagas","Key":{"sagaName":{"S":"$timers#2"},)"
            R"("sagaId":{"S":"2026-01-01T00:00:00.001Z#123456789"}},"ReturnValues":"ALL_OLD"})");
}

TEST(TimerRows, AreAskedForUpToAMoment) {
  TimerQuery query;
  query.shard = 3;
  query.through = kDue;
  query.limit = 200;
  EXPECT_EQ(timers_request(kCounted, query),
            R"({"TableName":"sagas","KeyConditionExpression":"sagaName = :n AND sagaId < :b",)"
            R"("ExpressionAttributeValues":{":n":{"S":"$timers#3"},)"
            R"(":b":{"S":"2026-01-01T00:00:00.001Z$"}},"Limit":200,"ConsistentRead":true,)"
            R"("ReturnConsumedCapacity":"TOTAL"})");
  query.through.reset();
  query.start_after = "2026-01-01T00:00:00.001Z#x";
  EXPECT_EQ(timers_request(kQuiet, query),
            R"({"TableName":"sagas","KeyConditionExpression":"sagaName = :n",)"
            R"("ExpressionAttributeValues":{":n":{"S":"$timers#3"}},"Limit":200,)"
            R"("ExclusiveStartKey":{"sagaName":{"S":"$timers#3"},)"
            R"("sagaId":{"S":"2026-01-01T00:00:00.001Z#x"}},"ConsistentRead":true})");
  query.through = TimePoint::max();
  EXPECT_NE(timers_request(kCounted, query).find("9999-12-31T23:59:59.999Z$"), std::string::npos);
}

// A row that its key does not lead back to could be sent, but never erased.
TEST(TimerRows, ThatTheirKeyDoesNotFindAreNone) {
  auto item = item_of(put_timer_request(kCounted, row("123456789")));
  const auto with = [&](const char* name, boost::json::value value) {
    auto changed = item;
    changed[name] = std::move(value);
    return refusal(changed);
  };
  const std::string key = "timer 2026-01-01T00:00:00.001Z#123456789: ";
  EXPECT_EQ(with("sagaName", {{"S", "$timers#1"}}), key + "sagaName: expected $timers#2");
  for (const char* text : {"2026-01-01T00:00:00Z#123456789", "2026-01-01T00:00:00.0010Z#123456789",
                           "2026-01-01T01:00:00.001+01:00#123456789"}) {
    EXPECT_EQ(with("sagaId", {{"S", text}}),
              "timer " + std::string(text) + ": sagaId: another way to write that time");
  }
  EXPECT_NE(with("sagaId", {{"S", "2026-01-01T00:00:00.001Z"}}), "none");
  EXPECT_NE(with("sagaId", {{"S", "soon#x"}}), "none");
}

TEST(TimerRows, AreRefusedWithTheirKeyAndWithoutTheirMessage) {
  auto item = item_of(put_timer_request(kCounted, row("123456789")));
  const auto with = [&](const char* name, boost::json::value value) {
    auto changed = item;
    changed[name] = std::move(value);
    return refusal(changed);
  };
  const std::string key = "timer 2026-01-01T00:00:00.001Z#123456789: ";
  EXPECT_EQ(with("endpoint", {{"N", "1"}}), key + "endpoint: expected S, found number");
  EXPECT_EQ(with("message", {{"BOOL", true}}), key + "message: expected S, found boolean");
  for (const char* text :
       {"secret", R"({"secret":)", R"({"id":"secret"})", R"({"id":7,"p":"secret"})"}) {
    const std::string error = with("message", {{"S", text}});
    EXPECT_TRUE(error.starts_with(key)) << error;
    EXPECT_EQ(error.find("secret"), std::string::npos) << error;
  }
  item.erase("message");
  EXPECT_EQ(refusal(item), key + "message: missing");
}

TEST(LeaseRows, AreTakenAsTheyWereSeen) {
  EXPECT_EQ(take_lease_request(kQuiet, 2, {}, "me"),
            R"({"TableName":"sagas","Item":{"sagaName":{"S":"$leases"},"sagaId":{"S":"timers#2"},)"
            R"x("holder":{"S":"me"},"counter":{"N":"1"}},)x"
            R"x("ConditionExpression":"attribute_not_exists(sagaName)",)x"
            R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD"})");
  EXPECT_EQ(take_lease_request(kCounted, 0, {"you", 41}, "me"),
            R"({"TableName":"sagas","Item":{"sagaName":{"S":"$leases"},"sagaId":{"S":"timers#0"},)"
            R"("holder":{"S":"me"},"counter":{"N":"42"}},)"
            R"("ConditionExpression":"holder = :h AND #c = :c",)"
            R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD",)"
            R"("ExpressionAttributeNames":{"#c":"counter"},)"
            R"("ExpressionAttributeValues":{":h":{"S":"you"},":c":{"N":"41"}},)"
            R"("ReturnConsumedCapacity":"TOTAL"})");
}

TEST(LeaseRows, ThatNobodyHoldsNameNobody) {
  const auto given_up = boost::json::parse(take_lease_request(kCounted, 0, {"me", 42}, ""));
  EXPECT_FALSE(given_up.at("Item").as_object().contains("holder"));
  EXPECT_EQ(read_lease_row(given_up.at("Item").as_object()).lease, (Lease{"", 43}));
  const auto taken = boost::json::parse(take_lease_request(kCounted, 0, {"", 43}, "me"));
  EXPECT_EQ(taken.at("ConditionExpression").as_string(),
            "attribute_not_exists(holder) AND #c = :c");
  EXPECT_FALSE(taken.at("ExpressionAttributeValues").as_object().contains(":h"));
}

TEST(LeaseRows, AreRead) {
  const auto read = [](const char* attributes) {
    return read_lease_row(boost::json::parse(attributes).as_object());
  };
  const LeaseRow row =
      read(R"({"sagaId":{"S":"timers#3"},"holder":{"S":"me"},"counter":{"N":"7"}})");
  EXPECT_EQ(row.shard, 3U);
  EXPECT_EQ(row.lease, (Lease{"me", 7}));
  EXPECT_EQ(read(R"({"sagaId":{"S":"timers#4"}})").shard, kTimerShards);
  EXPECT_EQ(read(R"({"sagaId":{"S":"others#0"}})").shard, kTimerShards);
  for (const char* broken :
       {R"({"sagaId":{"S":"timers#0"}})", R"({"sagaId":{"S":"timers#0"},"counter":{"S":"7"}})",
        R"({"sagaId":{"S":"timers#0"},"counter":{"N":"-7"}})",
        R"({"sagaId":{"S":"timers#0"},"counter":{"N":"0"}})",
        R"({"sagaId":{"S":"timers#0"},"counter":{"N":"7"},"holder":{"N":"1"}})"}) {
    EXPECT_THROW(read(broken), ValidationError) << broken;
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
