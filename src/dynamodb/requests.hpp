// The bodies of requests, written as text: pure functions of what is asked.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/item.hpp"
#include "sagabus/store_write.hpp"

namespace sagabus::dynamodb {

// What every request to one table says.
struct TableRef {
  std::string name;         // or ARN
  bool count_units = true;  // asks for the consumed capacity
  unsigned key_shards = 1;
};

struct Key {
  std::string_view saga_name;
  std::string_view saga_id;
};

// A new item goes where none is, or an expired one, or this alias, whose instance is gone.
struct CreateGuard {
  std::int64_t now = 0;  // seconds since the epoch
  std::optional<Alias> stale{};
};

// An item may be replaced while it has this version, in this life, and has not expired.
struct UpdateGuard {
  enum class Life { any, birth, created_at, unknown };
  std::uint64_t version = 0;
  Life life = Life::any;
  std::string mark;  // the birth, or the text of createdAt
  std::int64_t now = 0;
  bool with_alias = false;  // an alias may belong to it: it is written along, or does not matter
};

// Attributes that an update otherwise keeps.
struct UpdateExtras {
  std::string birth;       // empty: kept
  std::string created_at;  // empty: kept
};

struct DeleteGuard {
  std::optional<std::uint64_t> version;
  std::optional<std::string> updated_at;  // also: completed, and last updated at this very time
  bool with_alias = false;
};

std::string get_item_request(const TableRef& table, Key key);

// How the table is laid out: not sharded itself, and not an instance.
std::string get_record_request(const TableRef& table);
std::string put_record_request(const TableRef& table, const TableRecord& record);  // if none is
// Counts what there is beside the record, up to one or two.
std::string any_item_request(const TableRef& table);

// What a worker tells others: not an instance, so in no listing, and outside of the index.
struct WatermarkItem {
  std::string_view worker;
  std::string_view text;
  TimePoint updated_at{};
  std::int64_t ttl = 0;  // seconds since the epoch
};
std::string put_watermark_request(const TableRef& table, const WatermarkItem& item);
std::string get_watermark_request(const TableRef& table, std::string_view worker);

std::string put_item_request(const TableRef& table, const ItemDraft& draft,
                             const CreateGuard& guard);
std::string update_item_request(const TableRef& table, const ItemDraft& draft,
                                const UpdateGuard& guard, const UpdateExtras& extras);
std::string delete_item_request(const TableRef& table, Key key, const DeleteGuard& guard);

// Transactions: all of it or nothing. `token` makes a repeat harmless. `writes` are the user's, and
// come last.
std::string put_transaction_request(const TableRef& table, const ItemDraft& draft,
                                    const CreateGuard& guard, std::span<const StoreWritePtr> writes,
                                    const std::string& token);
std::string update_transaction_request(const TableRef& table, const ItemDraft& draft,
                                       const UpdateGuard& guard, const UpdateExtras& extras,
                                       std::span<const StoreWritePtr> writes,
                                       const std::string& token);

// The instance, and then the alias at the derived key.
std::string insert_with_alias_request(const TableRef& table, const ItemDraft& draft,
                                      const std::string& derived_id, const CreateGuard& instance,
                                      const CreateGuard& alias,
                                      std::span<const StoreWritePtr> writes,
                                      const std::string& token);
std::string update_with_alias_request(const TableRef& table, const ItemDraft& draft,
                                      const UpdateGuard& guard, const UpdateExtras& extras,
                                      const std::string& derived_id, const std::string& alias_birth,
                                      std::span<const StoreWritePtr> writes,
                                      const std::string& token);
std::string delete_with_alias_request(const TableRef& table, Key key, const DeleteGuard& guard,
                                      const std::string& derived_id, const std::string& token);

// An item of another program becomes one of ours while it is as it was read.
struct AdoptDraft {
  const boost::json::object& item;
  Key key;
  std::string_view birth;
  std::optional<std::int64_t> ttl;
};
std::string adopt_item_request(const TableRef& table, const AdoptDraft& draft);
std::string adopt_with_alias_request(const TableRef& table, const AdoptDraft& draft,
                                     const std::string& derived_id, const CreateGuard& alias,
                                     const std::string& token);

// All items under a saga's name, as they are.
std::string raw_items_request(const TableRef& table, std::string_view saga_name,
                              std::string_view start_after);

// What a query of one saga's instances leaves out, and takes.
struct ListQuery {
  enum class Select { items, count, deletable };
  std::string_view saga_name;
  unsigned shard = 0;
  std::int64_t now = 0;
  std::optional<bool> completed;
  std::string updated_before;  // empty: any
  Select select = Select::items;
  std::size_t limit = 0;    // items looked at; 0: as many as fit
  std::string start_after;  // a saga id; empty: from the start of the shard
};
std::string list_request(const TableRef& table, const ListQuery& query);

// The ids that the index has for a correlation id, where there is one shard.
std::string index_request(const TableRef& table, std::string_view saga_name,
                          std::string_view correlation_id, std::string_view start_after);

}  // namespace sagabus::dynamodb
