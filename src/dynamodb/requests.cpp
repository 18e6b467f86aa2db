#include "dynamodb/requests.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "dynamodb/attribute_value.hpp"
#include "dynamodb/key_shards.hpp"
#include "dynamodb/request_parts.hpp"
#include "dynamodb/user_write.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

// The names in expressions that stand for attributes. A request names only those that it uses: the
// service refuses the others.
enum Alternative : unsigned {
  kNoName = 0,
  kNameState = 1U << 0,
  kNameTtl = 1U << 1,
  kNameBirth = 1U << 2,
  kNameInbox = 1U << 3,
  kNameOutbox = 1U << 4,
  kNameToken = 1U << 5,
  kNameReserved = 1U << 6,
  kNameTimers = 1U << 7,
};

struct NamedAttribute {
  Alternative flag;
  std::string_view text;  // as it stands in ExpressionAttributeNames
};

constexpr NamedAttribute kNames[] = {
    {kNameState, R"("#s":"state")"}, {kNameTtl, R"("#t":"ttl")"},   {kNameBirth, R"("#b":"_b")"},
    {kNameInbox, R"("#i":"_i")"},    {kNameOutbox, R"("#o":"_o")"}, {kNameToken, R"("#w":"_w")"},
    {kNameReserved, R"("#a":"_a")"}, {kNameTimers, R"("#m":"_t")"},
};

// An instance and its alias lie each in the shard of their own id.
void write_key_attributes(Body& body, const TableRef& table, Key key) {
  body.string_attribute(kSagaName, partition_of(key.saga_name, key.saga_id, table.key_shards));
  body.string_attribute(kSagaId, key.saga_id);
}

void write_key(Body& body, const TableRef& table, Key key) {
  body.raw("Key", "{");
  write_key_attributes(body, table, key);
  body.close();
}

// An expression, and what it refers to.
struct Expression {
  std::string text;
  unsigned names = kNoName;

  void require(std::string_view clause, unsigned used = kNoName) {
    if (!text.empty()) text += " AND ";
    text += clause;
    names |= used;
  }
};

void write_names(Body& body, unsigned used) {
  if (used == kNoName) return;
  body.raw("ExpressionAttributeNames", "{");
  bool first = true;
  for (const NamedAttribute& name : kNames) {
    if (!(used & name.flag)) continue;
    if (!std::exchange(first, false)) body.text() += ',';
    body.text() += name.text;
  }
  body.close();
}

void write_state(Body& body, std::string_view name, const Value& state) {
  append_attribute_value(body.member(name), state, FieldPath(MissingField::keep_default));
}

void write_item(Body& body, const TableRef& table, const ItemDraft& draft) {
  const Instance& i = draft.instance;
  body.raw("Item", "{");
  write_key_attributes(body, table, {i.saga_name, i.saga_id});
  body.string_attribute(kCorrelationId, i.correlation_id);
  body.number_attribute(kVersion, i.version);
  body.bool_attribute(kIsCompleted, i.completed);
  write_state(body, kState, i.state);
  body.string_attribute(kCreatedAt, to_iso8601(i.created_at));
  body.string_attribute(kUpdatedAt, to_iso8601(i.updated_at));
  if (draft.ttl) body.number_attribute(kTtl, *draft.ttl);
  write_optional(body, kBirth, i.bookkeeping.birth);
  write_optional(body, kInbox, draft.bookkeeping.inbox);
  write_optional(body, kOutbox, draft.bookkeeping.outbox);
  write_optional(body, kTimers, draft.bookkeeping.timers);
  write_optional(body, kToken, draft.token);
  if (draft.reserved) body.bool_attribute(kReserved, true);
  body.close();
}

void write_create_guard(Body& body, const CreateGuard& guard) {
  std::string condition = "attribute_not_exists(sagaName) OR #t <= :now";
  if (guard.stale) condition += " OR (aliasOf = :x AND #b = :b)";
  write_condition(body, condition);
  write_names(body, guard.stale ? kNameTtl | kNameBirth : kNameTtl);
  body.raw("ExpressionAttributeValues", "{");
  body.number_attribute(":now", guard.now);
  if (guard.stale) {
    body.string_attribute(":x", guard.stale->target);
    body.string_attribute(":b", guard.stale->birth);
  }
  body.close();
}

void write_put(Body& body, const TableRef& table, const ItemDraft& draft,
               const CreateGuard& guard) {
  body.string("TableName", table.name);
  write_item(body, table, draft);
  write_create_guard(body, guard);
}

std::string_view life_clause(UpdateGuard::Life life) {
  switch (life) {
    case UpdateGuard::Life::any:
      break;
    case UpdateGuard::Life::birth:
      return "#b = :b";
    case UpdateGuard::Life::created_at:
      return "attribute_not_exists(#b) AND createdAt = :b";
    case UpdateGuard::Life::unknown:
      return "attribute_not_exists(#b) AND attribute_not_exists(createdAt)";
  }
  return {};
}

// An update that sets or removes `ttl` must not leave an alias behind with another one.
Expression update_condition(const UpdateGuard& guard, bool sets_ttl) {
  Expression condition;
  condition.require("version = :v");
  if (guard.life != UpdateGuard::Life::any) {
    condition.require(life_clause(guard.life), kNameBirth);
  }
  if (guard.with_alias) {
    condition.require("(attribute_not_exists(#t) OR #t > :now)", kNameTtl);
  } else if (sets_ttl) {
    condition.require("(attribute_not_exists(#t) OR #t > :now) AND attribute_not_exists(#a)",
                      kNameTtl | kNameReserved);
  } else {
    condition.require("(attribute_not_exists(#t) OR (#t > :now AND attribute_not_exists(#a)))",
                      kNameTtl | kNameReserved);
  }
  return condition;
}

// SET what there is, REMOVE what there is not.
Expression update_expression(const ItemDraft& draft, const UpdateExtras& extras) {
  Expression update;
  update.text = "SET version = :n, isCompleted = :c, updatedAt = :u, #s = :s, #w = :w";
  update.names = kNameState | kNameToken | kNameTtl | kNameInbox | kNameOutbox | kNameTimers;
  std::string removed;
  const auto place = [&](bool present, std::string_view name, std::string_view set) {
    if (present) {
      update.text += set;
    } else {
      removed += removed.empty() ? " REMOVE " : ", ";
      removed += name;
    }
  };
  place(!draft.bookkeeping.inbox.empty(), "#i", ", #i = :i");
  place(!draft.bookkeeping.outbox.empty(), "#o", ", #o = :o");
  place(!draft.bookkeeping.timers.empty(), "#m", ", #m = :m");
  place(draft.ttl.has_value(), "#t", ", #t = :t");
  if (!extras.birth.empty()) {
    update.text += ", #b = :e";
    update.names |= kNameBirth;
  }
  if (!extras.created_at.empty()) update.text += ", createdAt = :k";
  update.text += removed;
  return update;
}

void write_update_values(Body& body, const ItemDraft& draft, const UpdateGuard& guard,
                         const UpdateExtras& extras) {
  body.raw("ExpressionAttributeValues", "{");
  body.number_attribute(":n", draft.instance.version);
  body.bool_attribute(":c", draft.instance.completed);
  body.string_attribute(":u", to_iso8601(draft.instance.updated_at));
  write_state(body, ":s", draft.instance.state);
  body.string_attribute(":w", draft.token);
  write_optional(body, ":i", draft.bookkeeping.inbox);
  write_optional(body, ":o", draft.bookkeeping.outbox);
  write_optional(body, ":m", draft.bookkeeping.timers);
  if (draft.ttl) body.number_attribute(":t", *draft.ttl);
  write_optional(body, ":e", extras.birth);
  write_optional(body, ":k", extras.created_at);
  body.number_attribute(":v", guard.version);
  if (guard.life == UpdateGuard::Life::birth || guard.life == UpdateGuard::Life::created_at) {
    body.string_attribute(":b", guard.mark);
  }
  body.number_attribute(":now", guard.now);
  body.close();
}

void write_update(Body& body, const TableRef& table, const ItemDraft& draft,
                  const UpdateGuard& guard, const UpdateExtras& extras) {
  body.string("TableName", table.name);
  write_key(body, table, {draft.instance.saga_name, draft.instance.saga_id});
  const Expression update = update_expression(draft, extras);
  const Expression condition = update_condition(guard, draft.ttl.has_value());
  body.string("UpdateExpression", update.text);
  write_condition(body, condition.text);
  write_names(body, update.names | condition.names);
  write_update_values(body, draft, guard, extras);
}

// What is not there need not be deleted; where it is counted, it must be.
Expression delete_condition(const DeleteGuard& guard) {
  Expression condition;
  condition.require("attribute_not_exists(aliasOf)");
  if (guard.version) condition.require("version = :v");
  if (guard.updated_at) condition.require("isCompleted = :c AND updatedAt = :u");
  if (!guard.with_alias) condition.require("attribute_not_exists(#a)", kNameReserved);
  if (guard.updated_at) return condition;
  condition.text.insert(0, "attribute_not_exists(sagaName) OR (");
  condition.text += ')';
  return condition;
}

void write_delete(Body& body, const TableRef& table, Key key, const DeleteGuard& guard) {
  body.string("TableName", table.name);
  write_key(body, table, key);
  const Expression condition = delete_condition(guard);
  write_condition(body, condition.text);
  write_names(body, condition.names);
  if (!guard.version && !guard.updated_at) return;
  body.raw("ExpressionAttributeValues", "{");
  if (guard.version) body.number_attribute(":v", *guard.version);
  if (guard.updated_at) {
    body.bool_attribute(":c", true);
    body.string_attribute(":u", *guard.updated_at);
  }
  body.close();
}

void write_alias_item(Body& body, const TableRef& table, Key key, const Alias& alias,
                      std::optional<std::int64_t> ttl) {
  body.raw("Item", "{");
  write_key_attributes(body, table, key);
  body.string_attribute(kAliasOf, alias.target);
  write_optional(body, kBirth, alias.birth);
  if (ttl) body.number_attribute(kTtl, *ttl);
  body.close();
}

void open_transaction(Body& body, std::string_view first) {
  body.open();
  body.raw("TransactItems", "[{");
  body.raw(first, "{");
}

void next_in_transaction(Body& body, std::string_view action) {
  body.text() += "}},{";
  body.raw(action, "{");
}

std::string finish_transaction(Body& body, const TableRef& table,
                               std::span<const StoreWritePtr> writes, const std::string& token) {
  body.text() += "}}";
  for (const StoreWritePtr& write : writes) body.text().append(",").append(content_of(*write).json);
  body.text() += ']';
  body.string("ClientRequestToken", token);
  write_capacity(body, table);
  return body.finish();
}

// The condition of the alias's own write: it is this instance's, or nothing is there.
void write_own_alias_guard(Body& body, std::string_view saga_id) {
  write_condition(body, "attribute_not_exists(sagaName) OR aliasOf = :x");
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":x", saga_id);
  body.close();
}

// What must still be so, and the values it is compared with: as the service wrote them.
struct AsRead {
  std::string_view attribute;
  std::string_view name;  // in expressions
  std::string_view value;
};
constexpr AsRead kAsRead[] = {{kCorrelationId, "correlationId", ":k"},
                              {kVersion, "version", ":v"},
                              {kTtl, "#t", ":t"},
                              {kCreatedAt, "createdAt", ":c"},
                              {kUpdatedAt, "updatedAt", ":u"}};

void write_adoption(Body& body, const TableRef& table, const AdoptDraft& draft, bool with_alias) {
  Expression condition;
  condition.require("attribute_not_exists(#b) AND attribute_exists(sagaName)",
                    kNameBirth | kNameTtl);
  std::string values;
  for (const AsRead& part : kAsRead) {
    const auto* const value =
        draft.item.if_contains({part.attribute.data(), part.attribute.size()});
    if (!value) {
      condition.require("attribute_not_exists(" + std::string(part.name) + ")");
      continue;
    }
    condition.require(std::string(part.name) + " = " + std::string(part.value));
    values += ",\"" + std::string(part.value) + "\":" + boost::json::serialize(*value);
  }
  body.string("TableName", table.name);
  write_key(body, table, draft.key);
  body.raw("UpdateExpression", with_alias ? R"("SET #b = :b, #a = :a")" : R"("SET #b = :b")");
  write_condition(body, condition.text);
  write_names(body, condition.names | (with_alias ? kNameReserved : kNoName));
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":b", draft.birth);
  if (with_alias) body.bool_attribute(":a", true);
  body.text() += values;
  body.close();
}

std::size_t room_for(const ItemDraft& draft) {
  const BookkeepingText& text = draft.bookkeeping;
  return 1280 + text.inbox.size() + (text.outbox.size() + text.timers.size()) * 5 / 4;
}

}  // namespace

std::string get_item_request(const TableRef& table, Key key) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  write_key(body, table, key);
  body.raw("ConsistentRead", "true");
  write_capacity(body, table);
  return body.finish();
}

std::string get_record_request(const TableRef& table) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  write_row_key(body, kTable, kTableFormat);
  body.raw("ConsistentRead", "true");
  write_capacity(body, table);
  return body.finish();
}

std::string put_record_request(const TableRef& table, const TableRecord& record) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("Item", "{");
  write_row_attributes(body, kTable, kTableFormat);
  body.number_attribute(kFormatVersion, record.format_version);
  body.number_attribute(kKeyShards, std::uint64_t{record.key_shards});
  body.close();
  write_condition(body, "attribute_not_exists(sagaName)");
  write_capacity(body, table);
  return body.finish();
}

// Two, since one of them may be the record, which another program may just have written.
std::string any_item_request(const TableRef& table) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.string("FilterExpression", "sagaName <> :t");
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":t", kTable);
  body.close();
  body.raw("Select", "\"COUNT\"");
  body.raw("Limit", "2");
  body.raw("ConsistentRead", "true");
  write_capacity(body, table);
  return body.finish();
}

std::string put_watermark_request(const TableRef& table, const WatermarkItem& item) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("Item", "{");
  write_row_attributes(body, kWorkers, item.worker);
  body.string_attribute(kWatermark, item.text);
  body.string_attribute(kUpdatedAt, to_iso8601(item.updated_at));
  body.number_attribute(kTtl, item.ttl);
  body.close();
  write_capacity(body, table);
  return body.finish();
}

// Not consistent, at half the price: what a worker told before holds as well.
std::string get_watermark_request(const TableRef& table, std::string_view worker) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  write_row_key(body, kWorkers, worker);
  write_capacity(body, table);
  return body.finish();
}

std::string put_item_request(const TableRef& table, const ItemDraft& draft,
                             const CreateGuard& guard) {
  Body body(room_for(draft));
  body.open();
  write_put(body, table, draft, guard);
  write_capacity(body, table);
  return body.finish();
}

std::string update_item_request(const TableRef& table, const ItemDraft& draft,
                                const UpdateGuard& guard, const UpdateExtras& extras) {
  Body body(room_for(draft));
  body.open();
  write_update(body, table, draft, guard, extras);
  write_capacity(body, table);
  return body.finish();
}

std::string delete_item_request(const TableRef& table, Key key, const DeleteGuard& guard) {
  Body body;
  body.open();
  write_delete(body, table, key, guard);
  write_capacity(body, table);
  return body.finish();
}

std::string put_transaction_request(const TableRef& table, const ItemDraft& draft,
                                    const CreateGuard& guard, std::span<const StoreWritePtr> writes,
                                    const std::string& token) {
  Body body(room_for(draft));
  open_transaction(body, "Put");
  write_put(body, table, draft, guard);
  return finish_transaction(body, table, writes, token);
}

std::string update_transaction_request(const TableRef& table, const ItemDraft& draft,
                                       const UpdateGuard& guard, const UpdateExtras& extras,
                                       std::span<const StoreWritePtr> writes,
                                       const std::string& token) {
  Body body(room_for(draft));
  open_transaction(body, "Update");
  write_update(body, table, draft, guard, extras);
  return finish_transaction(body, table, writes, token);
}

std::string insert_with_alias_request(const TableRef& table, const ItemDraft& draft,
                                      const std::string& derived_id, const CreateGuard& instance,
                                      const CreateGuard& alias,
                                      std::span<const StoreWritePtr> writes,
                                      const std::string& token) {
  Body body(room_for(draft));
  open_transaction(body, "Put");
  write_put(body, table, draft, instance);
  next_in_transaction(body, "Put");
  body.string("TableName", table.name);
  write_alias_item(body, table, {draft.instance.saga_name, derived_id},
                   {draft.instance.saga_id, draft.instance.bookkeeping.birth}, draft.ttl);
  write_create_guard(body, alias);
  return finish_transaction(body, table, writes, token);
}

std::string update_with_alias_request(const TableRef& table, const ItemDraft& draft,
                                      const UpdateGuard& guard, const UpdateExtras& extras,
                                      const std::string& derived_id, const std::string& alias_birth,
                                      std::span<const StoreWritePtr> writes,
                                      const std::string& token) {
  Body body(room_for(draft));
  open_transaction(body, "Update");
  write_update(body, table, draft, guard, extras);
  next_in_transaction(body, "Put");
  body.string("TableName", table.name);
  write_alias_item(body, table, {draft.instance.saga_name, derived_id},
                   {draft.instance.saga_id, alias_birth}, draft.ttl);
  write_own_alias_guard(body, draft.instance.saga_id);
  return finish_transaction(body, table, writes, token);
}

std::string delete_with_alias_request(const TableRef& table, Key key, const DeleteGuard& guard,
                                      const std::string& derived_id, const std::string& token) {
  Body body;
  open_transaction(body, "Delete");
  write_delete(body, table, key, guard);
  next_in_transaction(body, "Delete");
  body.string("TableName", table.name);
  write_key(body, table, {key.saga_name, derived_id});
  write_own_alias_guard(body, key.saga_id);
  return finish_transaction(body, table, {}, token);
}

std::string adopt_item_request(const TableRef& table, const AdoptDraft& draft) {
  Body body;
  body.open();
  write_adoption(body, table, draft, false);
  write_capacity(body, table);
  return body.finish();
}

std::string adopt_with_alias_request(const TableRef& table, const AdoptDraft& draft,
                                     const std::string& derived_id, const CreateGuard& alias,
                                     const std::string& token) {
  Body body;
  open_transaction(body, "Update");
  write_adoption(body, table, draft, true);
  next_in_transaction(body, "Put");
  body.string("TableName", table.name);
  write_alias_item(body, table, {draft.key.saga_name, derived_id},
                   {std::string(draft.key.saga_id), std::string(draft.birth)}, draft.ttl);
  write_create_guard(body, alias);
  return finish_transaction(body, table, {}, token);
}

std::string raw_items_request(const TableRef& table, std::string_view saga_name,
                              std::string_view start_after) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("KeyConditionExpression", R"("sagaName = :g")");
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":g", saga_name);
  body.close();
  if (!start_after.empty()) {
    body.raw("ExclusiveStartKey", "{");
    write_row_attributes(body, saga_name, start_after);
    body.close();
  }
  body.raw("ConsistentRead", "true");
  write_capacity(body, table);
  return body.finish();
}

std::string list_request(const TableRef& table, const ListQuery& query) {
  const std::string partition = partition_value(query.saga_name, query.shard, table.key_shards);
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.raw("KeyConditionExpression", R"("sagaName = :g")");
  Expression filter;
  filter.require("attribute_not_exists(aliasOf) AND (attribute_not_exists(#t) OR #t > :now)",
                 kNameTtl);
  if (query.completed) filter.require("isCompleted = :c");
  if (!query.updated_before.empty()) filter.require("updatedAt < :u");
  body.string("FilterExpression", filter.text);
  if (query.select == ListQuery::Select::count) body.raw("Select", "\"COUNT\"");
  if (query.select == ListQuery::Select::deletable) {
    body.raw("ProjectionExpression",
             R"("sagaName, sagaId, correlationId, version, isCompleted, updatedAt, #t, #a")");
    filter.names |= kNameReserved;
  }
  write_names(body, filter.names);
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":g", partition);
  body.number_attribute(":now", query.now);
  if (query.completed) body.bool_attribute(":c", *query.completed);
  write_optional(body, ":u", query.updated_before);
  body.close();
  if (query.limit > 0) body.raw("Limit", std::to_string(query.limit));
  if (!query.start_after.empty()) {
    body.raw("ExclusiveStartKey", "{");
    write_row_attributes(body, partition, query.start_after);
    body.close();
  }
  body.raw("ConsistentRead", "true");
  write_capacity(body, table);
  return body.finish();
}

std::string index_request(const TableRef& table, std::string_view saga_name,
                          std::string_view correlation_id, std::string_view start_after) {
  Body body;
  body.open();
  body.string("TableName", table.name);
  body.string("IndexName", kCorrelationIndex);
  body.raw("KeyConditionExpression", R"("sagaName = :g AND correlationId = :k")");
  body.raw("ProjectionExpression", "\"sagaId\"");
  body.raw("ExpressionAttributeValues", "{");
  body.string_attribute(":g", saga_name);
  body.string_attribute(":k", correlation_id);
  body.close();
  if (!start_after.empty()) {
    body.raw("ExclusiveStartKey", "{");
    body.string_attribute(kSagaName, saga_name);
    body.string_attribute(kSagaId, start_after);
    body.string_attribute(kCorrelationId, correlation_id);
    body.close();
  }
  write_capacity(body, table);
  return body.finish();
}

}  // namespace sagabus::dynamodb
