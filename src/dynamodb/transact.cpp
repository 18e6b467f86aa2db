#include "sagabus/dynamodb/transact.hpp"

#include <fmt/format.h>

#include <numeric>

#include "dynamodb/attribute_value.hpp"
#include "dynamodb/item_size.hpp"
#include "dynamodb/request_body.hpp"
#include "dynamodb/user_write.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
constexpr std::size_t kMostActions = 100;
constexpr std::size_t kMostBytes = 4 * 1024 * 1024;

// An action on its way to be text.
class Action {
 public:
  Action(std::string_view action, const std::string& table_name) {
    content_.action = action;
    content_.table_name = table_name;
    if (!is_table_name(table_name)) fail("table_name: no name or ARN of a table");
    body_.open();
    body_.raw(action, "{");
    body_.string("TableName", table_name);
  }

  void item(std::string_view name, const Object& attributes) {
    if (attributes.empty()) fail(fmt::format("{}: empty", name));
    write(name, attributes);
    if (content_.bytes > kMaxItemBytes) {
      fail(fmt::format("{}: {} bytes, at most {}", name, content_.bytes, kMaxItemBytes));
    }
  }
  void require(std::string_view name, const std::string& text) const {
    if (text.empty()) fail(fmt::format("{}: empty", name));
  }
  void expression(std::string_view name, const std::string& text) {
    body_.string(name, checked(text));
  }
  void condition(const std::string& text) {
    if (text.empty()) return;
    expression("ConditionExpression", text);
    body_.raw("ReturnValuesOnConditionCheckFailure", "\"ALL_OLD\"");
  }
  void names(const ExpressionNames& names) {
    if (names.empty()) return;
    body_.raw("ExpressionAttributeNames", "{");
    for (const auto& [name, attribute] : names) {
      append_json_string(body_.escaped_member(checked(name)), checked(attribute));
    }
    body_.close();
  }
  void values(const Object& values) {
    if (!values.empty()) write("ExpressionAttributeValues", values);
  }
  StoreWritePtr finish() {
    body_.close();
    content_.json = body_.finish();
    return std::make_shared<const UserWrite>(std::move(content_));
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw ValidationError(
        fmt::format("dynamodb: {} in {}: {}", content_.action, content_.table_name, problem));
  }

  const std::string& checked(const std::string& text) const {
    if (!sagabus::detail::is_utf8(text)) fail("a text that is not UTF-8");
    return text;
  }

  void write(std::string_view name, const Object& attributes) {
    append_attributes(body_.member(name), attributes, FieldPath(MissingField::keep_default));
    for (const auto& [attribute, value] : attributes) {
      content_.bytes += attribute.size() + value_size(value);
    }
  }

  UserWrite::Content content_;
  Body body_;
};

}  // namespace

Put::operator StoreWritePtr() const {
  Action action("Put", table_name);
  action.item("Item", item);
  action.condition(condition);
  action.names(names);
  action.values(values);
  return action.finish();
}

Update::operator StoreWritePtr() const {
  Action action("Update", table_name);
  action.require("update", update);
  action.item("Key", key);
  action.expression("UpdateExpression", update);
  action.condition(condition);
  action.names(names);
  action.values(values);
  return action.finish();
}

Delete::operator StoreWritePtr() const {
  Action action("Delete", table_name);
  action.item("Key", key);
  action.condition(condition);
  action.names(names);
  action.values(values);
  return action.finish();
}

ConditionCheck::operator StoreWritePtr() const {
  Action action("ConditionCheck", table_name);
  action.require("condition", condition);
  action.item("Key", key);
  action.condition(condition);
  action.names(names);
  action.values(values);
  return action.finish();
}

std::string UserWrite::describe() const {
  return fmt::format("dynamodb: {} in {}", content_.action, content_.table_name);
}

const UserWrite::Content& content_of(const StoreWrite& write) {
  return dynamic_cast<const UserWrite&>(write).content();
}

void check_transaction(std::span<const StoreWritePtr> writes, std::size_t own,
                       std::size_t own_bytes) {
  if (writes.size() + own > kMostActions) {
    throw ValidationError(
        fmt::format("dynamodb: a transaction of {} writes, {} of them the store's own: at most {}",
                    writes.size() + own, own, kMostActions));
  }
  const std::size_t bytes = std::accumulate(
      writes.begin(), writes.end(), own_bytes,
      [](std::size_t sum, const StoreWritePtr& write) { return sum + content_of(*write).bytes; });
  if (bytes > kMostBytes) {
    throw ValidationError(
        fmt::format("dynamodb: a transaction of {} bytes: at most {}", bytes, kMostBytes));
  }
}

}  // namespace sagabus::dynamodb
