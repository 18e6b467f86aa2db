// The rows of timers and leases: requests for them, and what an item of theirs says. Pure
// functions; docs/formats/dynamodb-item.md says what is in a row.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <optional>
#include <string>

#include "dynamodb/requests.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::dynamodb {

// Over which rows are spread by their id. Never to be changed: rows are found by it.
inline constexpr unsigned kTimerShards = 4;
unsigned timer_shard(std::string_view id);

std::string put_timer_request(const TableRef& table, const TimerRow& row);
std::string delete_timer_request(const TableRef& table, const TimerKey& key);  // tells what it was

struct TimerQuery {
  unsigned shard = 0;
  std::optional<TimePoint> through{};  // those that are due then or before; none: all
  std::size_t limit = 1;
  std::string start_after{};  // the text of a key; empty: from the start
};
std::string timers_request(const TableRef& table, const TimerQuery& query);

std::string leases_request(const TableRef& table);
std::string take_lease_request(const TableRef& table, unsigned shard, const Lease& seen,
                               const std::string& holder);

// Throw ValidationError with the row's sort key, and nothing of what is in the message. A row that
// its key would not be found by again is none: it could not be erased.
TimerRow read_timer_row(const boost::json::object& item);
struct LeaseRow {
  unsigned shard = 0;  // one that is none where it is no lease of timers
  Lease lease{};
};
LeaseRow read_lease_row(const boost::json::object& item);

}  // namespace sagabus::dynamodb
