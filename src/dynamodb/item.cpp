#include "dynamodb/item.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>

#include "dynamodb/attribute_reader.hpp"
#include "dynamodb/item_size.hpp"
#include "dynamodb/key_shards.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxSortKeyBytes = 1024;
constexpr std::size_t kMaxPartitionKeyBytes = 2048;
constexpr std::size_t kShownFields = 5;
constexpr std::size_t kSlack = 16 * 1024;  // more than keys, times and names of an item

TimePoint read_time(std::string_view name, const std::string& text) {
  try {
    const SplitTime time = parse_iso8601(text);
    return time.seconds + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
  } catch (const ValidationError& e) {
    throw ValidationError(fmt::format("{}: {}", name, e.what()));
  }
}

std::uint64_t read_version(const AttributeReader& in) {
  const std::int64_t version = in.required_whole(kVersion);
  if (version < 0) throw ValidationError("version: negative");
  return static_cast<std::uint64_t>(version);
}

// Another program may have written any number: what lies beyond all years is never, or long ago.
TimePoint moment(std::int64_t epoch_second) {
  return TimePoint(std::chrono::seconds(
      std::clamp(epoch_second, epoch_seconds(kEarliestText), epoch_seconds(kLatestText))));
}

void read_instance(const AttributeReader& in, Instance instance, StoredItem& out) {
  instance.correlation_id = in.required_text(kCorrelationId);
  instance.version = read_version(in);
  instance.completed = in.flag(kIsCompleted);
  if (auto state = in.value(kState)) instance.state = std::move(*state);
  out.created_at = in.text(kCreatedAt);
  if (out.created_at) instance.created_at = read_time(kCreatedAt, *out.created_at);
  instance.updated_at = instance.created_at;
  if (auto updated_at = in.text(kUpdatedAt)) {
    instance.updated_at = read_time(kUpdatedAt, *updated_at);
    out.updated_at = std::move(*updated_at);
  }
  if (out.ttl) instance.expires_at = moment(*out.ttl);
  instance.bookkeeping = read_bookkeeping(
      in.text(kBirth).value_or(""),
      {in.text(kInbox).value_or(""), in.text(kOutbox).value_or(""), in.text(kTimers).value_or("")},
      instance.saga_id);
  out.token = in.text(kToken).value_or("");
  out.reserved = in.flag(kReserved);
  out.instance = std::make_shared<const Instance>(std::move(instance));
}

void check_key(std::string_view name, std::string_view key, std::size_t limit) {
  if (key.empty()) throw ValidationError(fmt::format("{}: empty", name));
  if (key.size() > limit) {
    throw ValidationError(
        fmt::format("{}: {} bytes, over the limit of {}", name, key.size(), limit));
  }
  if (!sagabus::detail::is_utf8(key)) throw ValidationError(fmt::format("{}: not UTF-8", name));
}

std::size_t text_attribute_size(std::string_view name, std::string_view text) {
  return text.empty() ? 0 : name.size() + text.size();
}

std::size_t bookkeeping_size(const BookkeepingText& text) {
  return text_attribute_size(kInbox, text.inbox) + text_attribute_size(kOutbox, text.outbox) +
         text_attribute_size(kTimers, text.timers);
}

std::vector<StateTooLarge::Field> largest_fields(const ItemDraft& draft) {
  std::vector<StateTooLarge::Field> fields;
  if (const Object* state = draft.instance.state.if_object()) {
    for (const auto& [name, member] : *state) {
      fields.push_back({name, name.size() + value_size(member)});
    }
  } else {
    fields.push_back({"state", value_size(draft.instance.state)});
  }
  if (!draft.bookkeeping.inbox.empty()) {
    fields.push_back({"(inbox)", draft.bookkeeping.inbox.size()});
  }
  if (!draft.bookkeeping.outbox.empty()) {
    fields.push_back({"(outbox)", draft.bookkeeping.outbox.size()});
  }
  if (!draft.bookkeeping.timers.empty()) {
    fields.push_back({"(timers)", draft.bookkeeping.timers.size()});
  }
  std::stable_sort(fields.begin(), fields.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  if (fields.size() > kShownFields) fields.resize(kShownFields);
  return fields;
}

TableRecord read_record(const AttributeReader& in) {
  TableRecord record;
  const std::int64_t version = in.required_whole(kFormatVersion);
  if (version < 1) throw ValidationError(fmt::format("{}: {}", kFormatVersion, version));
  record.format_version = static_cast<std::uint64_t>(version);
  if (record.format_version > kKnownFormat) {
    record.key_shards = 0;
    return record;
  }
  const std::int64_t shards = in.required_whole(kKeyShards);
  if (shards < 1 || shards > kMaxKeyShards) {
    throw ValidationError(
        fmt::format("{}: {}, expected 1 to {}", kKeyShards, shards, kMaxKeyShards));
  }
  record.key_shards = static_cast<unsigned>(shards);
  return record;
}

}  // namespace

TableRecord read_table_record(const json::object& item, std::string_view table) {
  try {
    return read_record(AttributeReader(item));
  } catch (const ValidationError& e) {
    throw ValidationError(
        fmt::format("table {}: its {} record is broken: {}; put back the numbers that the table "
                    "was made with",
                    table, kTable, e.what()));
  }
}

StoredItem read_item(const json::object& item, unsigned key_shards) {
  const AttributeReader in(item);
  StoredItem out;
  out.bytes = item_size(item);
  Instance instance;
  const std::string partition = in.required_text(kSagaName);
  instance.saga_id = in.required_text(kSagaId);
  try {
    instance.saga_name = saga_name_of(partition, instance.saga_id, key_shards);
    out.ttl = in.whole(kTtl);
    if (auto target = in.text(kAliasOf)) {
      out.alias = Alias{std::move(*target), in.text(kBirth).value_or("")};
    } else {
      read_instance(in, std::move(instance), out);
    }
  } catch (const ValidationError& e) {
    throw ValidationError(
        fmt::format("item {}: {}", in.text(kSagaId).value_or("without an id"), e.what()));
  }
  return out;
}

bool is_expired(const StoredItem& item, TimePoint now) {
  return item.ttl && *item.ttl <= epoch_seconds(now);
}

std::optional<TimePoint> expiry(const Instance& instance,
                                std::optional<std::chrono::milliseconds> ttl) {
  if (!instance.completed || !ttl) return std::nullopt;
  return TimePoint(std::chrono::ceil<std::chrono::seconds>(instance.updated_at + *ttl));
}

std::int64_t epoch_seconds(TimePoint time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

void check_keys(const Instance& instance, unsigned key_shards) {
  check_key("saga name", instance.saga_name, kMaxPartitionKeyBytes - shard_bytes(key_shards));
  check_key("saga id", instance.saga_id, kMaxSortKeyBytes);
  check_key("correlation id", instance.correlation_id, kMaxSortKeyBytes);
}

std::size_t item_size(const ItemDraft& draft, unsigned key_shards) {
  constexpr std::size_t kTimes = 2 * 24;  // two texts of ISO 8601
  const Instance& i = draft.instance;
  std::size_t bytes = text_attribute_size(kSagaName, i.saga_name) + shard_bytes(key_shards) +
                      text_attribute_size(kSagaId, i.saga_id) +
                      text_attribute_size(kCorrelationId, i.correlation_id);
  bytes += kVersion.size() + number_size(fmt::format("{}", i.version)) + kIsCompleted.size() + 1;
  bytes += kState.size() + value_size(i.state) + kCreatedAt.size() + kUpdatedAt.size() + kTimes;
  if (draft.ttl) bytes += kTtl.size() + number_size(fmt::format("{}", *draft.ttl));
  bytes += text_attribute_size(kBirth, i.bookkeeping.birth) +
           text_attribute_size(kToken, draft.token) + bookkeeping_size(draft.bookkeeping);
  return bytes + (draft.reserved ? kReserved.size() + 1 : 0);
}

void check_size(const ItemDraft& draft, std::size_t written, unsigned key_shards) {
  constexpr std::size_t kMaxBare = kMaxItemBytes - kBookkeepingBytes;
  if (written + kSlack < kMaxBare) return;  // no value is larger than its text
  const auto check = [&draft](std::size_t bytes, std::size_t limit) {
    if (bytes <= limit) return;
    throw StateTooLarge(draft.instance.saga_id, bytes, limit, largest_fields(draft));
  };
  const std::size_t bytes = item_size(draft, key_shards);
  if (!draft.instance.bookkeeping.birth.empty()) {
    check(bytes - bookkeeping_size(draft.bookkeeping), kMaxBare);
  }
  check(bytes, kMaxItemBytes);
}

}  // namespace sagabus::dynamodb
