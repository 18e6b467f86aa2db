// What requests have in common.
#pragma once

#include <string_view>

#include "dynamodb/item.hpp"
#include "dynamodb/request_body.hpp"
#include "dynamodb/requests.hpp"

namespace sagabus::dynamodb {

// Of a row that is in no shard.
inline void write_row_attributes(Body& body, std::string_view name, std::string_view id) {
  body.string_attribute(kSagaName, name);
  body.string_attribute(kSagaId, id);
}

inline void write_row_key(Body& body, std::string_view name, std::string_view id) {
  body.raw("Key", "{");
  write_row_attributes(body, name, id);
  body.close();
}

inline void write_condition(Body& body, std::string_view condition) {
  body.string("ConditionExpression", condition);
  body.raw("ReturnValuesOnConditionCheckFailure", "\"ALL_OLD\"");
}

inline void write_capacity(Body& body, const TableRef& table) {
  if (table.count_units) body.raw("ReturnConsumedCapacity", "\"TOTAL\"");
}

inline void write_optional(Body& body, std::string_view name, std::string_view text) {
  if (!text.empty()) body.string_attribute(name, text);
}

}  // namespace sagabus::dynamodb
