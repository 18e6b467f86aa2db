// Instances as items of the published schema, and back. docs/formats/dynamodb-item.md says what is
// in an item.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/instance.hpp"

namespace sagabus::dynamodb {

// Attributes of the published schema, and its index.
inline constexpr std::string_view kSagaName = "sagaName";
inline constexpr std::string_view kSagaId = "sagaId";
inline constexpr std::string_view kCorrelationId = "correlationId";
inline constexpr std::string_view kVersion = "version";
inline constexpr std::string_view kIsCompleted = "isCompleted";
inline constexpr std::string_view kState = "state";
inline constexpr std::string_view kCreatedAt = "createdAt";
inline constexpr std::string_view kUpdatedAt = "updatedAt";
inline constexpr std::string_view kTtl = "ttl";
inline constexpr std::string_view kCorrelationIndex = "correlationIndex";

// Our own. Short, since every one counts in every write.
inline constexpr std::string_view kBirth = "_b";   // S, Bookkeeping::birth
inline constexpr std::string_view kInbox = "_i";   // S, BookkeepingText::inbox
inline constexpr std::string_view kOutbox = "_o";  // S, BookkeepingText::outbox
inline constexpr std::string_view kTimers = "_t";  // S, BookkeepingText::timers
inline constexpr std::string_view kToken = "_w";   // S, names the write that made the item so
inline constexpr std::string_view kReserved =
    "_a";  // BOOL, an alias item stands at the derived key
inline constexpr std::string_view kAliasOf = "aliasOf";  // S, of an alias item: the instance's id

// Rows that are no instances.
inline constexpr std::string_view kWorkers = "$workers";     // the saga name of workers' rows
inline constexpr std::string_view kWatermark = "watermark";  // S, what the worker tells others

// The one row that tells how a table is laid out.
inline constexpr std::string_view kTable = "$table";                 // its saga name
inline constexpr std::string_view kTableFormat = "format";           // its saga id
inline constexpr std::string_view kFormatVersion = "formatVersion";  // N
inline constexpr std::string_view kKeyShards = "keyShards";          // N
inline constexpr std::uint64_t kKnownFormat = 1;

// What that row says. A table without one is as it stands here.
struct TableRecord {
  std::uint64_t format_version = kKnownFormat;
  unsigned key_shards = 1;  // 0 where the format is a newer one: who knows what it says
};

// Throws ValidationError with the table's name where the row says nothing of the kind.
TableRecord read_table_record(const boost::json::object& item, std::string_view table);

// An alias: it stands at the derived key of an instance whose id its caller chose.
struct Alias {
  std::string target;  // the instance's id
  std::string birth;   // the instance's, to tell apart two aliases of one target
};

// An item as it was found.
struct StoredItem {
  InstancePtr instance;  // null where it is an alias
  std::optional<Alias> alias;
  std::string token;
  bool reserved = false;                  // the instance has an alias
  std::optional<std::string> created_at;  // as it stands there
  std::string updated_at;
  std::optional<std::int64_t> ttl;  // seconds since the epoch
  std::size_t bytes = 0;
};

// Throws ValidationError naming saga id and attribute where the item is not one of the schema, or
// lies in another shard than its own.
StoredItem read_item(const boost::json::object& item, unsigned key_shards);

bool is_expired(const StoredItem& item, TimePoint now);

// The expiry of a completed instance: in whole seconds, not before `updated_at` + `ttl`.
std::optional<TimePoint> expiry(const Instance& instance,
                                std::optional<std::chrono::milliseconds> ttl);

std::int64_t epoch_seconds(TimePoint time);  // rounded down

// What an item of this instance holds, ready to be written.
struct ItemDraft {
  const Instance& instance;
  BookkeepingText bookkeeping;
  std::string token;
  std::optional<std::int64_t> ttl;
  bool reserved = false;
};

// Throws ValidationError where a key is empty or too long, and StateTooLarge where the item passes
// 400 KB, or 336 KB without inbox, outbox and timers. The latter not for an item that has no birth:
// another program made it, and it may have been as large before. `written` are the bytes of the
// request, which no item inside it can surpass by much.
void check_keys(const Instance& instance, unsigned key_shards);
void check_size(const ItemDraft& draft, std::size_t written, unsigned key_shards);
std::size_t item_size(const ItemDraft& draft, unsigned key_shards);

}  // namespace sagabus::dynamodb
