// Writes of your own to DynamoDB, committed with a saga's step: both, or neither.
//
//   ctx.transact(dynamodb::Update{.table_name = "stock",
//                                 .key = {{"sku", Value(m.sku)}},
//                                 .update = "SET available = available - :n",
//                                 .condition = "available >= :n",
//                                 .values = {{":n", Value(m.quantity)}}});
//
// The step is then one TransactWriteItems in place of a PutItem or UpdateItem. The service bills
// each of its writes twice, and wants all tables in one account and Region. Beside the store's own
// permissions it needs those of the writes, on their tables: dynamodb:PutItem, UpdateItem,
// DeleteItem, ConditionCheckItem.
//
// A table that is missing or forbidden is an outage, as the store's own is: the message is tried
// again until that is mended, with a warning in the log each time.
//
// A step's transaction holds at most 100 writes, of which one, or two for an instance whose id its
// caller chose, are the store's; and 4 MB. What is over that, as far as it can be seen before
// anything is sent, is a ValidationError. No two may be for one item, and none for the instance's
// own: leave the items of sagas to their sagas.
//
// Making a StoreWrite of one of these (which giving it to ctx.transact does) throws ValidationError
// where it cannot be sent: a table's name that is none, no item, key, update or condition where one
// is needed, an item of over 400 KB, and values that DynamoDB cannot hold.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sagabus/codec.hpp"
#include "sagabus/store_write.hpp"
#include "sagabus/value.hpp"

namespace sagabus::dynamodb {

// What stands for what in expressions: {"#n", "name"}. Those that no expression has are refused by
// the service.
using ExpressionNames = std::vector<std::pair<std::string, std::string>>;

// `table_name` is a name or an ARN, as in StoreOptions. `condition` is the service's
// ConditionExpression; empty: none. `values` are named ":n" and so on.

// Puts an item in the place of what is there.
struct Put {
  std::string table_name{};
  Object item{};  // with its key
  std::string condition{};
  ExpressionNames names{};
  Object values{};
  operator StoreWritePtr() const;  // NOLINT(google-explicit-constructor): is what it stands for
};

// Changes an item, or makes it.
struct Update {
  std::string table_name{};
  Object key{};
  std::string update{};  // an UpdateExpression
  std::string condition{};
  ExpressionNames names{};
  Object values{};
  operator StoreWritePtr() const;  // NOLINT(google-explicit-constructor)
};

// Deletes an item, if there is one.
struct Delete {
  std::string table_name{};
  Object key{};
  std::string condition{};
  ExpressionNames names{};
  Object values{};
  operator StoreWritePtr() const;  // NOLINT(google-explicit-constructor)
};

// Writes nothing: the step is committed only where the condition holds.
struct ConditionCheck {
  std::string table_name{};
  Object key{};
  std::string condition{};  // required
  ExpressionNames names{};
  Object values{};
  operator StoreWritePtr() const;  // NOLINT(google-explicit-constructor)
};

// A described struct as an item: its fields are the attributes. Throws as to_value does.
template <Describable T>
Object to_item(const T& object) {
  Value value = to_value(object);
  return std::move(*value.if_object());
}

}  // namespace sagabus::dynamodb
