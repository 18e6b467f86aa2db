// The rows of timers and leases: their SQL, and what it means. Functions of a Connection run inside
// a job. Times are milliseconds since 1970.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/timer_store.hpp"
#include "sqlite/connection.hpp"

namespace sagabus::sqlite {

struct StoredTimer {
  std::int64_t due = 0;
  std::string id;
  std::string endpoint;  // empty: every endpoint that subscribed
  std::string body;      // the envelope, JSON
};

// Without I/O. Reading throws ValidationError for a row that another hand has broken.
StoredTimer to_stored(const TimerRow& row);
TimerRow to_row(StoredTimer&& stored);

void put_timer(Connection& connection, const StoredTimer& timer);
bool erase_timer(Connection& connection, std::int64_t due, const std::string& id);
// Those after that key, up to a due time.
std::vector<StoredTimer> list_timers(Connection& connection, std::int64_t due,
                                     const std::string& id, std::int64_t through,
                                     std::int64_t most);

Lease load_lease(Connection& connection);
bool take_lease(Connection& connection, const Lease& seen, const std::string& holder);

}  // namespace sagabus::sqlite
