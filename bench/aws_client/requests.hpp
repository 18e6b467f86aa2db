// What the order saga asks of DynamoDB for each message, and what it is answered.
#pragma once

#include <string_view>

namespace sagabus::bench {

struct Exchange {
  std::string_view operation;
  std::string_view body;
  std::string_view answer;
};

inline constexpr Exchange kGetItem{
    "GetItem",
    R"({"TableName":"production-orders-sagas","Key":{"sagaName":{"S":"OrderSaga"},)"
    R"("sagaId":{"S":"5f0c8a52-8d0b-5c1e-9d0e-3b1c6f0e3f7b"}},"ConsistentRead":true,)"
    R"("ReturnConsumedCapacity":"TOTAL"})",
    R"({"ConsumedCapacity":{"TableName":"production-orders-sagas","CapacityUnits":1.0},)"
    R"("Item":{"sagaName":{"S":"OrderSaga"},"sagaId":{"S":"5f0c8a52-8d0b-5c1e-9d0e-3b1c6f0e3f7b"},)"
    R"("correlationId":{"S":"order-0123456789"},"version":{"N":"2"},"isCompleted":{"BOOL":false},)"
    R"("state":{"M":{"orderId":{"S":"order-0123456789"},"customerId":{"S":"customer-0123456789"},)"
    R"("status":{"S":"payment_requested"},"total":{"N":"1234.56"},)"
    R"("transactionId":{"S":"9f1c6f0e-3f7b-4c57-9c49-0c1d4e9a7a10"},)"
    R"("address":{"S":"1 Long Street, Some Town, 12345, Some Country"},)"
    R"("items":{"M":{"sku-0":{"N":"1"},"sku-1":{"N":"2"},"sku-2":{"N":"3"}}},)"
    R"("express":{"BOOL":true}}},"createdAt":{"S":"2026-11-22T17:04:05.123Z"},)"
    R"("updatedAt":{"S":"2026-11-22T17:04:05.456Z"},"_b":{"S":"kJ8s0dPq2LmA"},)"
    R"("_i":{"S":"1:9f1c6f0e3f7b4c579c490c1d4e9a7a10@1763831045123"},"_w":{"S":"pX4n7Rv1"}}})"};

inline constexpr Exchange kUpdateItem{
    "UpdateItem",
    R"({"TableName":"production-orders-sagas","Key":{"sagaName":{"S":"OrderSaga"},)"
    R"("sagaId":{"S":"5f0c8a52-8d0b-5c1e-9d0e-3b1c6f0e3f7b"}},)"
    R"("UpdateExpression":"SET version = :n, isCompleted = :c, updatedAt = :u, #s = :s, #w = :w, )"
    R"(#i = :i REMOVE #o, #m, #t","ConditionExpression":"version = :v AND #b = :b AND )"
    R"x((attribute_not_exists(#t) OR (#t > :now AND attribute_not_exists(#a)))",)x"
    R"("ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeNames":{"#s":"state",)"
    R"("#t":"ttl","#b":"_b","#i":"_i","#o":"_o","#w":"_w","#a":"_a","#m":"_t"},)"
    R"("ExpressionAttributeValues":{":n":{"N":"3"},":c":{"BOOL":false},)"
    R"(":u":{"S":"2026-11-22T17:04:05.456Z"},":s":{"M":{"orderId":{"S":"order-0123456789"},)"
    R"("customerId":{"S":"customer-0123456789"},"status":{"S":"payment_requested"},)"
    R"("total":{"N":"1234.56"},"address":{"S":"1 Long Street, Some Town"},)"
    R"("express":{"BOOL":true}}},":w":{"S":"pX4n7Rv1"},)"
    R"(":i":{"S":"1:9f1c6f0e3f7b4c579c490c1d4e9a7a10@1763831045123"},)"
    R"(":v":{"N":"2"},":b":{"S":"kJ8s0dPq2LmA"},":now":{"N":"1763831045"}},)"
    R"("ReturnConsumedCapacity":"TOTAL"})",
    R"({"ConsumedCapacity":{"TableName":"production-orders-sagas","CapacityUnits":1.0}})"};

}  // namespace sagabus::bench
