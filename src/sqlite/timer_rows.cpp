#include "sqlite/timer_rows.hpp"

#include <fmt/format.h>

#include "sagabus/error.hpp"

namespace sagabus::sqlite {
namespace {

constexpr Sql kPutTimer{
    "INSERT INTO timers (due, id, endpoint, body) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT (due, id) DO UPDATE SET endpoint = excluded.endpoint, body = excluded.body"};
constexpr Sql kEraseTimer{"DELETE FROM timers WHERE due = ?1 AND id = ?2"};
constexpr Sql kListTimers{
    "SELECT due, id, endpoint, body FROM timers WHERE (due, id) > (?1, ?2) AND due <= ?3 "
    "ORDER BY due, id LIMIT ?4"};
constexpr Sql kLease{"SELECT holder, counter FROM leases WHERE shard = 0"};
constexpr Sql kFirstLease{
    "INSERT INTO leases (shard, holder, counter) VALUES (0, ?1, 1) ON CONFLICT DO NOTHING"};
constexpr Sql kTakeLease{
    "UPDATE leases SET holder = ?1, counter = counter + 1 "
    "WHERE shard = 0 AND holder = ?2 AND counter = ?3"};

std::vector<StoredTimer> read_all(Query& query) {
  std::vector<StoredTimer> out;
  while (query.next()) {
    out.push_back({query.number(0), query.text(1), query.text(2), query.text(3)});
  }
  return out;
}

}  // namespace

StoredTimer to_stored(const TimerRow& row) {
  return {row.key.due.time_since_epoch().count(), row.key.id, row.endpoint, to_json(*row.envelope)};
}

TimerRow to_row(StoredTimer&& stored) {
  TimerRow row;
  row.key = {TimePoint(std::chrono::milliseconds(stored.due)), std::move(stored.id)};
  row.endpoint = std::move(stored.endpoint);
  try {
    row.envelope = std::make_shared<const Envelope>(parse_envelope(stored.body));
  } catch (const ValidationError& error) {
    throw ValidationError(
        fmt::format("timer {} {}: stored row: {}", stored.due, row.key.id, error.what()));
  }
  return row;
}

void put_timer(Connection& connection, const StoredTimer& timer) {
  connection.query(kPutTimer)
      .bind(1, timer.due)
      .bind(2, timer.id)
      .bind(3, timer.endpoint)
      .bind(4, timer.body)
      .run();
}

bool erase_timer(Connection& connection, std::int64_t due, const std::string& id) {
  connection.query(kEraseTimer).bind(1, due).bind(2, id).run();
  return connection.changes() == 1;
}

std::vector<StoredTimer> list_timers(Connection& connection, std::int64_t due,
                                     const std::string& id, std::int64_t through,
                                     std::int64_t most) {
  Query query = connection.query(kListTimers);
  return read_all(query.bind(1, due).bind(2, id).bind(3, through).bind(4, most));
}

Lease load_lease(Connection& connection) {
  Query query = connection.query(kLease);
  if (!query.next()) return {};
  return {query.text(0), static_cast<std::uint64_t>(query.number(1))};
}

bool take_lease(Connection& connection, const Lease& seen, const std::string& holder) {
  if (seen == Lease{}) {
    connection.query(kFirstLease).bind(1, holder).run();
    return connection.changes() == 1;
  }
  connection.query(kTakeLease)
      .bind(1, holder)
      .bind(2, seen.holder)
      .bind(3, static_cast<std::int64_t>(seen.counter))
      .run();
  return connection.changes() == 1;
}

}  // namespace sagabus::sqlite
