#include "dynamodb/requests.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

const TableRef kSagas{"sagas", true};
const TableRef kUncounted{"sagas", false};

Instance order() {
  Instance i;
  i.saga_name = "OrderSaga";
  i.saga_id = "id-1";
  i.correlation_id = "order \"1\"";
  i.version = 3;
  i.state = Value(Object{{"total", Value(12.5)}});
  i.created_at = TimePoint(std::chrono::milliseconds(1'767'225'600'001));
  i.updated_at = TimePoint(std::chrono::milliseconds(1'767'225'601'020));
  i.bookkeeping.birth = "b1";
  return i;
}

TEST(Requests, Get) {
  EXPECT_EQ(get_item_request(kSagas, {"OrderSaga", "id-1"}),
            R"({"TableName":"sagas","Key":{"sagaName":{"S":"OrderSaga"},"sagaId":{"S":"id-1"}},)"
            R"("ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"})");
}

TEST(Requests, PutIsTheItemAndItsCondition) {
  const Instance i = order();
  const ItemDraft draft{i, {"in", ""}, "t1", 1'767'312'000};
  EXPECT_EQ(
      put_item_request(kUncounted, draft, {.now = 7}),
      R"({"TableName":"sagas","Item":{"sagaName":{"S":"OrderSaga"},"sagaId":{"S":"id-1"},)"
      R"("correlationId":{"S":"order \"1\""},"version":{"N":"3"},"isCompleted":{"BOOL":false},)"
      R"("state":{"M":{"total":{"N":"12.5"}}},"createdAt":{"S":"2026-01-01T00:00:00.001Z"},)"
      R"("updatedAt":{"S":"2026-01-01T00:00:01.020Z"},"ttl":{"N":"1767312000"},"_b":{"S":"b1"},)"
      R"("_i":{"S":"in"},"_w":{"S":"t1"}},)"
      R"("ConditionExpression":"attribute_not_exists(sagaName) OR #t <= :now",)"
      R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeNames":{"#t":"ttl"},)"
      R"("ExpressionAttributeValues":{":now":{"N":"7"}}})");
}

TEST(Requests, UpdateSetsWhatThereIsAndRemovesTheRest) {
  const Instance i = order();
  const ItemDraft draft{i, {"in", ""}, "t1", std::nullopt};
  UpdateGuard guard;
  guard.version = 2;
  guard.life = UpdateGuard::Life::birth;
  guard.mark = "b1";
  guard.now = 7;
  EXPECT_EQ(
      update_item_request(kSagas, draft, guard, {}),
      R"({"TableName":"sagas","Key":{"sagaName":{"S":"OrderSaga"},"sagaId":{"S":"id-1"}},)"
      R"("UpdateExpression":"SET version = :n, isCompleted = :c, updatedAt = :u, #s = :s, #w = :w, )"
      R"(#i = :i REMOVE #o, #m, #t","ConditionExpression":"version = :v AND #b = :b AND )"
      R"x((attribute_not_exists(#t) OR (#t > :now AND attribute_not_exists(#a)))",)x"
      R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeNames":{"#s":"state",)"
      R"("#t":"ttl","#b":"_b","#i":"_i","#o":"_o","#w":"_w","#a":"_a","#m":"_t"},)"
      R"("ExpressionAttributeValues":{":n":{"N":"3"},":c":{"BOOL":false},)"
      R"(":u":{"S":"2026-01-01T00:00:01.020Z"},":s":{"M":{"total":{"N":"12.5"}}},":w":{"S":"t1"},)"
      R"(":i":{"S":"in"},":v":{"N":"2"},":b":{"S":"b1"},":now":{"N":"7"}},)"
      R"("ReturnConsumedCapacity":"TOTAL"})");
}

TEST(Requests, TimersStandBesideInboxAndOutbox) {
  const Instance i = order();
  const ItemDraft draft{i, {"in", "out", "ti"}, "t1", std::nullopt};
  const auto put = boost::json::parse(put_item_request(kSagas, draft, {}));
  EXPECT_EQ(put.at("Item").at("_t").at("S").as_string(), "ti");
  const auto update = boost::json::parse(update_item_request(kSagas, draft, {}, {}));
  const std::string expression(update.at("UpdateExpression").as_string());
  EXPECT_TRUE(expression.ends_with(", #i = :i, #o = :o, #m = :m REMOVE #t")) << expression;
  EXPECT_EQ(update.at("ExpressionAttributeValues").at(":m").at("S").as_string(), "ti");
}

TEST(Requests, AListLooksForInstancesThatHaveNotExpired) {
  ListQuery query;
  query.saga_name = "OrderSaga";
  query.now = 7;
  query.completed = true;
  query.limit = 11;
  query.start_after = "id-9";
  EXPECT_EQ(
      list_request(kSagas, query),
      R"({"TableName":"sagas","KeyConditionExpression":"sagaName = :g","FilterExpression":)"
      R"("attribute_not_exists(aliasOf) AND (attribute_not_exists(#t) OR #t > :now) AND )"
      R"(isCompleted = :c","ExpressionAttributeNames":{"#t":"ttl"},"ExpressionAttributeValues":)"
      R"({":g":{"S":"OrderSaga"},":now":{"N":"7"},":c":{"BOOL":true}},"Limit":11,)"
      R"("ExclusiveStartKey":{"sagaName":{"S":"OrderSaga"},"sagaId":{"S":"id-9"}},)"
      R"("ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"})");
}

TEST(Requests, WithKeyShardsEveryItemLiesInTheOneOfItsId) {
  const TableRef table{"sagas", false, 8};
  const Instance i = order();  // "id-1" is in shard 4, "d-1" in 3
  const ItemDraft draft{i, {}, "t1", std::nullopt};
  const auto partition = [](const boost::json::value& holder) {
    return std::string(holder.at("sagaName").at("S").as_string());
  };
  const auto body = [](const std::string& text) { return boost::json::parse(text); };
  EXPECT_EQ(partition(body(get_item_request(table, {"OrderSaga", "id-1"})).at("Key")),
            "OrderSaga#04");
  EXPECT_EQ(partition(body(put_item_request(table, draft, {})).at("Item")), "OrderSaga#04");
  EXPECT_EQ(partition(body(update_item_request(table, draft, {}, {})).at("Key")), "OrderSaga#04");
  EXPECT_EQ(partition(body(delete_item_request(table, {"OrderSaga", "id-1"}, {})).at("Key")),
            "OrderSaga#04");

  const auto inserted = body(insert_with_alias_request(table, draft, "d-1", {}, {}, {}, "token"));
  EXPECT_EQ(partition(inserted.at("TransactItems").at(0).at("Put").at("Item")), "OrderSaga#04");
  EXPECT_EQ(partition(inserted.at("TransactItems").at(1).at("Put").at("Item")), "OrderSaga#03");
  const auto updated =
      body(update_with_alias_request(table, draft, {}, {}, "d-1", "b", {}, "token"));
  EXPECT_EQ(partition(updated.at("TransactItems").at(0).at("Update").at("Key")), "OrderSaga#04");
  EXPECT_EQ(partition(updated.at("TransactItems").at(1).at("Put").at("Item")), "OrderSaga#03");
  const auto deleted =
      body(delete_with_alias_request(table, {"OrderSaga", "id-1"}, {}, "d-1", "token"));
  EXPECT_EQ(partition(deleted.at("TransactItems").at(0).at("Delete").at("Key")), "OrderSaga#04");
  EXPECT_EQ(partition(deleted.at("TransactItems").at(1).at("Delete").at("Key")), "OrderSaga#03");

  ListQuery query;
  query.saga_name = "OrderSaga";
  query.shard = 5;
  query.start_after = "id-9";
  const auto listed = body(list_request(table, query));
  EXPECT_EQ(listed.at("ExpressionAttributeValues").at(":g").at("S").as_string(), "OrderSaga#05");
  EXPECT_EQ(partition(listed.at("ExclusiveStartKey")), "OrderSaga#05");
}

TEST(Requests, RowsThatAreNoInstancesLieInNoShard) {
  const TableRef sharded{"sagas", true, 8};
  EXPECT_EQ(get_watermark_request(sharded, "w1"), get_watermark_request(kSagas, "w1"));
  EXPECT_EQ(put_watermark_request(sharded, {"w1", "text"}),
            put_watermark_request(kSagas, {"w1", "text"}));
  EXPECT_EQ(get_record_request(sharded),
            R"({"TableName":"sagas","Key":{"sagaName":{"S":"$table"},"sagaId":{"S":"format"}},)"
            R"("ConsistentRead":true,"ReturnConsumedCapacity":"TOTAL"})");
  EXPECT_EQ(put_record_request(kUncounted, {1, 8}),
            R"({"TableName":"sagas","Item":{"sagaName":{"S":"$table"},"sagaId":{"S":"format"},)"
            R"("formatVersion":{"N":"1"},"keyShards":{"N":"8"}},)"
            R"x("ConditionExpression":"attribute_not_exists(sagaName)",)x"
            R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD"})");
}

// Whatever is asked, an expression names exactly what it uses, as the service demands.
void expect_well_formed(const std::string& body) {
  const boost::json::value request = boost::json::parse(body);
  const auto check = [&](const boost::json::object& action) {
    std::string expressions;
    for (const char* name : {"ConditionExpression", "UpdateExpression", "FilterExpression",
                             "KeyConditionExpression", "ProjectionExpression"}) {
      if (const auto* text = action.if_contains(name)) {
        expressions += std::string(text->as_string()) + " ";
      }
    }
    const auto used = [&](boost::json::string_view name) {
      const std::size_t at = expressions.find(std::string(name));
      return at != std::string::npos;
    };
    std::size_t named = 0;
    for (const char* list : {"ExpressionAttributeNames", "ExpressionAttributeValues"}) {
      const auto* names = action.if_contains(list);
      if (!names) continue;
      for (const auto& member : names->as_object()) {
        EXPECT_TRUE(used(member.key())) << member.key() << " in " << body;
        ++named;
      }
    }
    std::set<std::string> wanted;
    for (std::size_t i = 0; i < expressions.size(); ++i) {
      if (expressions[i] != '#' && expressions[i] != ':') continue;
      std::size_t end = i + 1;
      while (end < expressions.size() &&
             std::isalnum(static_cast<unsigned char>(expressions[end]))) {
        ++end;
      }
      wanted.insert(expressions.substr(i, end - i));
    }
    EXPECT_EQ(named, wanted.size()) << body;
  };
  if (const auto* actions = request.as_object().if_contains("TransactItems")) {
    for (const auto& action : actions->as_array()) {
      check(action.as_object().begin()->value().as_object());
    }
  } else {
    check(request.as_object());
  }
}

TEST(Requests, EveryVariantIsWellFormed) {
  using Life = UpdateGuard::Life;
  const Instance i = order();
  for (unsigned bits = 0; bits < 128; ++bits) {
    ItemDraft draft{
        i, {bits & 1 ? "in" : "", bits & 2 ? "out" : "", bits & 64 ? "ti" : ""}, "t", std::nullopt};
    if (bits & 4) draft.ttl = 9;
    draft.reserved = (bits & 8) != 0;
    CreateGuard create{.now = 7};
    if (bits & 16) create.stale = Alias{"x", "b"};
    expect_well_formed(put_item_request(kSagas, draft, create));
    expect_well_formed(
        insert_with_alias_request(kSagas, draft, "d", {.now = 7}, create, {}, "token"));
    for (const Life life : {Life::any, Life::birth, Life::created_at, Life::unknown}) {
      UpdateGuard update;
      update.life = life;
      update.mark = "m";
      update.with_alias = (bits & 8) != 0;
      UpdateExtras extras;
      extras.birth = std::string(bits & 16 ? "b2" : "");
      extras.created_at = std::string(bits & 32 ? "k" : "");
      expect_well_formed(update_item_request(kSagas, draft, update, extras));
      expect_well_formed(
          update_with_alias_request(kSagas, draft, update, extras, "d", "b", {}, "tok"));
    }
    DeleteGuard guard;
    if (bits & 1) guard.version = 2;
    if (bits & 2) guard.updated_at = "u";
    guard.with_alias = (bits & 8) != 0;
    expect_well_formed(delete_item_request(kSagas, {"n", "i"}, guard));
    expect_well_formed(delete_with_alias_request(kSagas, {"n", "i"}, guard, "d", "token"));
    ListQuery list;
    list.saga_name = "n";
    if (bits & 1) list.completed = true;
    if (bits & 2) list.updated_before = "2026";
    list.select = static_cast<ListQuery::Select>(bits % 3);
    expect_well_formed(list_request(kSagas, list));
  }
  expect_well_formed(index_request(kSagas, "n", "c", ""));
  expect_well_formed(index_request(kSagas, "n", "c", "after"));
}

TEST(Requests, AStateThatCannotBeWrittenIsNamed) {
  Instance i = order();
  i.state = Value(Object{{"total", Value(1e200)}});
  const ItemDraft draft{i, {}, "t", std::nullopt};
  try {
    put_item_request(kSagas, draft, {});
    FAIL() << "expected ValidationError";
  } catch (const ValidationError& e) {
    EXPECT_TRUE(std::string(e.what()).starts_with("total: ")) << e.what();
  }
}

TEST(Items, AreReadAsTheyWereWritten) {
  Instance i = order();
  i.completed = true;
  i.expires_at = TimePoint(std::chrono::seconds(1'767'312'000));
  const ItemDraft draft{i, {}, "t1", 1'767'312'000, true};
  const auto body = boost::json::parse(put_item_request(kSagas, draft, {}));
  const StoredItem item = read_item(body.at("Item").as_object(), 1);
  ASSERT_TRUE(item.instance);
  EXPECT_EQ(*item.instance, i);
  EXPECT_EQ(item.token, "t1");
  EXPECT_TRUE(item.reserved);
  EXPECT_EQ(item.created_at, "2026-01-01T00:00:00.001Z");
  EXPECT_EQ(item.bytes, item_size(draft, 1));
  EXPECT_FALSE(is_expired(item, TimePoint(std::chrono::milliseconds(1'767'311'999'999))));
  EXPECT_TRUE(is_expired(item, TimePoint(std::chrono::milliseconds(1'767'312'000'000))));
}

TEST(Items, HoldTheirTimers) {
  Instance i = order();
  const ItemDraft without{i, {}, "t1", std::nullopt};
  const std::size_t bare = item_size(without, 1);
  i.bookkeeping.timers = {{"reminder", "tok", i.updated_at, i.created_at}, {"", "tok2"}};
  const ItemDraft draft{i, write_bookkeeping(i.bookkeeping, i.saga_id), "t1", std::nullopt};
  const auto body = boost::json::parse(put_item_request(kSagas, draft, {}));
  const StoredItem item = read_item(body.at("Item").as_object(), 1);
  EXPECT_EQ(*item.instance, i);
  EXPECT_EQ(item.bytes, item_size(draft, 1));
  EXPECT_EQ(item.bytes, bare + 2 + draft.bookkeeping.timers.size());
}

TEST(Items, TimersTakeTheirRoomFromTheBookkeeping) {
  Instance i = order();
  const std::size_t other =
      item_size(ItemDraft{i, {}, "t1", std::nullopt}, 1) - 5;  // {"total":12.5}
  i.state = Value(Object{{"text", Value(std::string(336 * 1024 - other - 100, 'x'))}});
  ItemDraft draft{i, {"", "", std::string(60 * 1024, 't')}, "t1", std::nullopt};
  EXPECT_NO_THROW(check_size(draft, 500 * 1024, 1));
  draft.bookkeeping.timers.append(10 * 1024, 't');
  try {
    check_size(draft, 500 * 1024, 1);
    FAIL() << "expected StateTooLarge";
  } catch (const StateTooLarge& e) {
    ASSERT_EQ(e.largest_fields().size(), 2U);
    EXPECT_EQ(e.largest_fields()[1].name, "(timers)");
    EXPECT_EQ(e.largest_fields()[1].bytes, 70U * 1024);
  }
}

TEST(Items, OfOtherProgramsAreReadWithoutOurBookkeeping) {
  const auto body = boost::json::parse(
      R"({"sagaName":{"S":"n"},"sagaId":{"S":"i"},"correlationId":{"S":"c"},"version":{"N":"1"},)"
      R"("isCompleted":{"BOOL":false},"state":{"M":{}},"createdAt":{"S":"2026-01-01T01:00:00+01:00"},)"
      R"("updatedAt":{"S":"2026-01-01T00:00:00.123456Z"},"note":{"SS":["x"]}})");
  const StoredItem item = read_item(body.as_object(), 1);
  EXPECT_EQ(item.instance->created_at, TimePoint(std::chrono::milliseconds(1'767'225'600'000)));
  EXPECT_EQ(item.instance->updated_at, TimePoint(std::chrono::milliseconds(1'767'225'600'123)));
  EXPECT_TRUE(item.instance->bookkeeping.birth.empty());
}

TEST(Items, OfAnotherShapeAreRefusedByAttribute) {
  const auto error_of = [](const char* text) {
    try {
      read_item(boost::json::parse(text).as_object(), 1);
    } catch (const ValidationError& e) {
      return std::string(e.what());
    }
    return std::string("none");
  };
  EXPECT_EQ(error_of(R"({"sagaName":{"S":"n"},"sagaId":{"S":"i"}})"),
            "item i: correlationId: missing");
  EXPECT_EQ(error_of(R"({"sagaName":{"S":"n"},"sagaId":{"S":"i"},"correlationId":{"S":"c"},)"
                     R"("version":{"S":"1"}})"),
            "item i: version: expected a whole N, found string");
  EXPECT_EQ(error_of(R"({"sagaName":{"S":"n"},"sagaId":{"S":"i"},"correlationId":{"S":"c"},)"
                     R"("version":{"N":"1"},"createdAt":{"S":"yesterday"}})")
                .find("item i: createdAt: expected a time"),
            0U);
}

TEST(Items, OfAShardBearThePlainName) {
  const Instance i = order();
  const ItemDraft draft{i, {}, "t1", std::nullopt};
  const auto body = boost::json::parse(put_item_request({"sagas", true, 8}, draft, {}));
  const auto& written = body.at("Item").as_object();
  const StoredItem item = read_item(written, 8);
  EXPECT_EQ(*item.instance, i);
  EXPECT_EQ(item.bytes, item_size(draft, 8));
  EXPECT_THROW(read_item(written, 101), ValidationError);  // it would lie elsewhere
}

TEST(TableRecords, AreRead) {
  const auto read = [](const char* attributes) {
    return read_table_record(boost::json::parse(attributes).as_object(), "sagas");
  };
  EXPECT_EQ(read(R"({"formatVersion":{"N":"1"},"keyShards":{"N":"8"}})").key_shards, 8U);
  const TableRecord newer = read(R"({"formatVersion":{"N":"2"},"keyShards":{"S":"many"}})");
  EXPECT_EQ(newer.format_version, 2U);
  EXPECT_EQ(newer.key_shards, 0U);
  for (const char* broken :
       {R"({})", R"({"keyShards":{"N":"8"}})", R"({"formatVersion":{"N":"1"}})",
        R"({"formatVersion":{"N":"0"},"keyShards":{"N":"8"}})",
        R"({"formatVersion":{"N":"1.5"},"keyShards":{"N":"8"}})",
        R"({"formatVersion":{"S":"1"},"keyShards":{"N":"8"}})",
        R"({"formatVersion":{"N":"1"},"keyShards":{"N":"0"}})",
        R"({"formatVersion":{"N":"1"},"keyShards":{"N":"-8"}})",
        R"({"formatVersion":{"N":"1"},"keyShards":{"N":"1001"}})",
        R"({"formatVersion":{"N":"1"},"keyShards":{"N":"1e30"}})",
        R"({"formatVersion":{"N":"1"},"keyShards":{"S":"8"}})"}) {
    EXPECT_THROW(read(broken), ValidationError) << broken;
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
