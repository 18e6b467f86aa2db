#include "sqlite/records.hpp"

#include <fmt/format.h>

#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"
#include "state_text.hpp"

namespace sagabus::sqlite {
namespace {

#define SAGABUS_COLUMNS                                                                        \
  "saga_name, saga_id, correlation_id, version, is_completed, state, created_at, updated_at, " \
  "expires_at, birth, inbox, outbox, timers"
#define SAGABUS_ALIVE(now) "(expires_at IS NULL OR expires_at > " now ")"

constexpr Sql kFindById{"SELECT " SAGABUS_COLUMNS
                        " FROM saga_instances WHERE saga_name = ?1 AND saga_id = ?2 "
                        "AND " SAGABUS_ALIVE("?3")};
constexpr Sql kFindByCorrelationId{"SELECT " SAGABUS_COLUMNS
                                   " FROM saga_instances WHERE saga_name = ?1 "
                                   "AND correlation_id = ?2 AND " SAGABUS_ALIVE("?3")};
constexpr Sql kInsert{"INSERT INTO saga_instances (" SAGABUS_COLUMNS
                      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) "
                      "ON CONFLICT DO NOTHING"};
constexpr Sql kMakeRoom{
    "DELETE FROM saga_instances WHERE saga_name = ?1 AND (saga_id = ?2 OR correlation_id = ?3) "
    "AND expires_at <= ?4"};
constexpr Sql kReplace{
    "UPDATE saga_instances SET version = ?4, is_completed = ?5, state = ?6, created_at = ?7, "
    "updated_at = ?8, expires_at = ?9, birth = ?10, inbox = ?11, outbox = ?12, timers = ?13 "
    "WHERE saga_name = ?1 AND saga_id = ?2 AND correlation_id = ?3 AND version = ?14 "
    "AND birth = ?15 AND (birth <> '' OR created_at = ?16) AND " SAGABUS_ALIVE("?17")};
constexpr Sql kUpdate{
    "UPDATE saga_instances SET version = ?3, is_completed = ?4, state = ?5, updated_at = ?6, "
    "expires_at = ?7, inbox = ?8, outbox = ?9, timers = ?13 WHERE saga_name = ?1 AND saga_id = ?2 "
    "AND version = ?10 AND (?12 = '' OR birth = ?12) AND " SAGABUS_ALIVE("?11")};
constexpr Sql kErase{"DELETE FROM saga_instances WHERE saga_name = ?1 AND saga_id = ?2"};
constexpr Sql kEraseVersion{
    "DELETE FROM saga_instances WHERE saga_name = ?1 AND saga_id = ?2 AND version = ?3"};
constexpr Sql kList{"SELECT " SAGABUS_COLUMNS
                    " FROM saga_instances WHERE saga_name = ?1 AND saga_id > ?2 AND " SAGABUS_ALIVE(
                        "?3") " AND (?4 IS NULL OR is_completed = ?4) ORDER BY saga_id LIMIT ?5"};
constexpr Sql kCount{"SELECT count(*) FROM saga_instances WHERE saga_name = ?1 AND " SAGABUS_ALIVE(
    "?2") " AND (?3 IS NULL OR is_completed = ?3)"};
constexpr Sql kEraseCompleted{
    "DELETE FROM saga_instances WHERE rowid IN (SELECT rowid FROM saga_instances "
    "WHERE saga_name = ?1 AND is_completed = 1 AND updated_at < ?2 AND " SAGABUS_ALIVE(
        "?3") " LIMIT ?4)"};
constexpr Sql kEraseExpired{
    "DELETE FROM saga_instances WHERE rowid IN (SELECT rowid FROM saga_instances "
    "WHERE expires_at <= ?1 LIMIT ?2)"};

#undef SAGABUS_COLUMNS
#undef SAGABUS_ALIVE

std::int64_t signed_version(std::uint64_t version) {
  return static_cast<std::int64_t>(version);
}

std::optional<std::int64_t> number_of(std::optional<bool> flag) {
  return flag ? std::optional<std::int64_t>(*flag ? 1 : 0) : std::nullopt;
}

Record read_record(const Query& row) {
  Record out;
  out.saga_name = row.text(0);
  out.saga_id = row.text(1);
  out.correlation_id = row.text(2);
  out.version = static_cast<std::uint64_t>(row.number(3));
  out.completed = row.number(4) != 0;
  out.state = row.text(5);
  out.created_at = row.text(6);
  out.updated_at = row.text(7);
  if (!row.is_null(8)) out.expires_at = row.number(8);
  out.birth = row.text(9);
  out.inbox = row.text(10);
  out.outbox = row.text(11);
  out.timers = row.text(12);
  return out;
}

std::optional<Record> read_one(Query& query) {
  return query.next() ? std::optional<Record>(read_record(query)) : std::nullopt;
}

TimePoint read_time(const std::string& text) {
  const SplitTime time = parse_iso8601(text);
  return time.seconds + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
}

bool try_insert(Connection& connection, const Record& record) {
  Query insert = connection.query(kInsert);
  insert.bind(1, record.saga_name)
      .bind(2, record.saga_id)
      .bind(3, record.correlation_id)
      .bind(4, signed_version(record.version))
      .bind(5, std::int64_t{record.completed})
      .bind(6, record.state)
      .bind(7, record.created_at)
      .bind(8, record.updated_at)
      .bind(9, record.expires_at)
      .bind(10, record.birth)
      .bind(11, record.inbox)
      .bind(12, record.outbox)
      .bind(13, record.timers)
      .run();
  return connection.changes() == 1;
}

}  // namespace

Record to_record(const Instance& instance) {
  Record out;
  out.saga_name = instance.saga_name;
  out.saga_id = instance.saga_id;
  out.correlation_id = instance.correlation_id;
  out.version = instance.version;
  out.completed = instance.completed;
  out.state = detail::write_state(instance.state);
  if (out.state.size() > detail::kMaxStateBytes) {
    throw StateTooLarge(instance.saga_id, out.state.size(), detail::kMaxStateBytes,
                        {{"state", out.state.size()}});
  }
  out.created_at = to_iso8601(instance.created_at);
  out.updated_at = to_iso8601(instance.updated_at);
  out.birth = instance.bookkeeping.birth;
  BookkeepingText text = write_bookkeeping(instance.bookkeeping, instance.saga_id);
  out.inbox = std::move(text.inbox);
  out.outbox = std::move(text.outbox);
  out.timers = std::move(text.timers);
  return out;
}

std::optional<TimePoint> to_time(std::optional<std::int64_t> seconds) {
  if (!seconds) return std::nullopt;
  return TimePoint(std::chrono::seconds(*seconds));
}

Instance to_instance(Record&& record) {
  Instance out;
  out.saga_name = std::move(record.saga_name);
  out.saga_id = std::move(record.saga_id);
  out.correlation_id = std::move(record.correlation_id);
  out.version = record.version;
  out.completed = record.completed;
  try {
    out.state = detail::read_state(record.state);
    out.created_at = read_time(record.created_at);
    out.updated_at = read_time(record.updated_at);
    const BookkeepingText text{std::move(record.inbox), std::move(record.outbox),
                               std::move(record.timers)};
    out.bookkeeping = read_bookkeeping(std::move(record.birth), text, out.saga_id);
  } catch (const ValidationError& error) {
    throw ValidationError(
        fmt::format("saga {} {}: stored row: {}", out.saga_name, out.saga_id, error.what()));
  }
  out.expires_at = to_time(record.expires_at);
  return out;
}

std::optional<Record> find_by_id(Connection& connection, const std::string& saga_name,
                                 const std::string& saga_id, std::int64_t now) {
  Query query = connection.query(kFindById);
  return read_one(query.bind(1, saga_name).bind(2, saga_id).bind(3, now));
}

std::optional<Record> find_by_correlation_id(Connection& connection, const std::string& saga_name,
                                             const std::string& correlation_id, std::int64_t now) {
  Query query = connection.query(kFindByCorrelationId);
  return read_one(query.bind(1, saga_name).bind(2, correlation_id).bind(3, now));
}

// An instance whose id was chosen by the caller of insert() has another id than the derived one.
std::optional<Record> find_by_key(Connection& connection, const InstanceKey& key,
                                  std::int64_t now) {
  std::optional<Record> found = find_by_id(connection, key.saga_name, key.saga_id, now);
  if (!found) return find_by_correlation_id(connection, key.saga_name, key.correlation_id, now);
  if (found->correlation_id != key.correlation_id) {
    throw Error(fmt::format("saga {}: the id {} belongs to another correlation id", key.saga_name,
                            key.saga_id));
  }
  return found;
}

bool insert_record(Connection& connection, const Record& record, std::int64_t now) {
  if (try_insert(connection, record)) return true;
  connection.query(kMakeRoom)
      .bind(1, record.saga_name)
      .bind(2, record.saga_id)
      .bind(3, record.correlation_id)
      .bind(4, now)
      .run();
  return connection.changes() > 0 && try_insert(connection, record);
}

bool replace_record(Connection& connection, const Record& record, const ExpectedRecord& expected,
                    std::int64_t now) {
  Query query = connection.query(kReplace);
  query.bind(1, record.saga_name)
      .bind(2, record.saga_id)
      .bind(3, record.correlation_id)
      .bind(4, signed_version(record.version))
      .bind(5, std::int64_t{record.completed})
      .bind(6, record.state)
      .bind(7, record.created_at)
      .bind(8, record.updated_at)
      .bind(9, record.expires_at)
      .bind(10, record.birth)
      .bind(11, record.inbox)
      .bind(12, record.outbox)
      .bind(13, record.timers)
      .bind(14, signed_version(expected.version))
      .bind(15, expected.birth)
      .bind(16, expected.created_at)
      .bind(17, now)
      .run();
  return connection.changes() == 1;
}

bool update_record(Connection& connection, const Record& record, std::uint64_t expected_version,
                   std::int64_t now) {
  Query query = connection.query(kUpdate);
  query.bind(1, record.saga_name)
      .bind(2, record.saga_id)
      .bind(3, signed_version(record.version))
      .bind(4, std::int64_t{record.completed})
      .bind(5, record.state)
      .bind(6, record.updated_at)
      .bind(7, record.expires_at)
      .bind(8, record.inbox)
      .bind(9, record.outbox)
      .bind(10, signed_version(expected_version))
      .bind(11, now)
      .bind(12, record.birth)
      .bind(13, record.timers)
      .run();
  return connection.changes() == 1;
}

bool erase_record(Connection& connection, const std::string& saga_name, const std::string& saga_id,
                  std::optional<std::uint64_t> expected_version) {
  Query query = connection.query(expected_version ? kEraseVersion : kErase);
  query.bind(1, saga_name).bind(2, saga_id);
  if (expected_version) query.bind(3, signed_version(*expected_version));
  query.run();
  return connection.changes() == 1;
}

RecordPage list_records(Connection& connection, const FindRequest& request,
                        const std::string& after, std::int64_t now) {
  Query query = connection.query(kList);
  query.bind(1, request.saga_name)
      .bind(2, after)
      .bind(3, now)
      .bind(4, number_of(request.completed))
      .bind(5, static_cast<std::int64_t>(request.limit) + 1);
  RecordPage page;
  std::size_t bytes = 0;
  while (query.next()) {
    page.more = page.records.size() == request.limit || bytes >= kPageBytes;
    if (page.more) break;
    const Record& record = page.records.emplace_back(read_record(query));
    bytes +=
        record.state.size() + record.inbox.size() + record.outbox.size() + record.timers.size();
  }
  return page;
}

std::uint64_t count_records(Connection& connection, const std::string& saga_name,
                            std::optional<bool> completed, std::int64_t now) {
  Query query = connection.query(kCount);
  query.bind(1, saga_name).bind(2, now).bind(3, number_of(completed)).next();
  return static_cast<std::uint64_t>(query.number(0));
}

std::uint64_t erase_completed(Connection& connection, const std::string& saga_name,
                              const std::string& time, std::int64_t now, std::int64_t most) {
  connection.query(kEraseCompleted)
      .bind(1, saga_name)
      .bind(2, time)
      .bind(3, now)
      .bind(4, most)
      .run();
  return static_cast<std::uint64_t>(connection.changes());
}

void erase_expired(Connection& connection, std::int64_t now, std::int64_t most) {
  connection.query(kEraseExpired).bind(1, now).bind(2, most).run();
}

}  // namespace sagabus::sqlite
