// The rows of saga_instances: their SQL, and what it means. Functions of a Connection run inside a
// job; the others need none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/store.hpp"
#include "sqlite/connection.hpp"

namespace sagabus::sqlite {

// An instance as its row holds it. Read on the lane, understood by the caller.
struct Record {
  std::string saga_name;
  std::string saga_id;
  std::string correlation_id;
  std::uint64_t version = 0;
  bool completed = false;
  std::string state;
  std::string created_at;
  std::string updated_at;
  std::optional<std::int64_t> expires_at;  // seconds since 1970
  std::string birth;
  std::string inbox;
  std::string outbox;
  std::string timers;
};

// All but `expires_at`, which only the store knows. Throws ValidationError for a state that JSON
// cannot hold, StateTooLarge.
Record to_record(const Instance& instance);

std::optional<TimePoint> to_time(std::optional<std::int64_t> seconds);

// Throws ValidationError, naming the instance, for a row that another hand has broken.
Instance to_instance(Record&& record);

// Where a row is expired at `now` (in seconds), it counts as absent in all of these.
std::optional<Record> find_by_id(Connection& connection, const std::string& saga_name,
                                 const std::string& saga_id, std::int64_t now);
std::optional<Record> find_by_correlation_id(Connection& connection, const std::string& saga_name,
                                             const std::string& correlation_id, std::int64_t now);

// Throws Error where the id belongs to another correlation id.
std::optional<Record> find_by_key(Connection& connection, const InstanceKey& key, std::int64_t now);

// False where the id or the correlation id is taken.
bool insert_record(Connection& connection, const Record& record, std::int64_t now);

// `expected.birth` tells lives apart, or `created_at` where it is empty. False where another
// version, another life or nothing is there.
struct ExpectedRecord {
  std::uint64_t version = 0;
  std::string birth;
  std::string created_at;
};
bool replace_record(Connection& connection, const Record& record, const ExpectedRecord& expected,
                    std::int64_t now);

// Keeps created_at, correlation_id and birth. The same answer; where the record has no birth,
// whichever life it is.
bool update_record(Connection& connection, const Record& record, std::uint64_t expected_version,
                   std::int64_t now);

bool erase_record(Connection& connection, const std::string& saga_name, const std::string& saga_id,
                  std::optional<std::uint64_t> expected_version);

struct RecordPage {
  std::vector<Record> records;
  bool more = false;  // there are others behind them
};

// A page in the order of their ids, those after `after`; see FindPage.
RecordPage list_records(Connection& connection, const FindRequest& request,
                        const std::string& after, std::int64_t now);

std::uint64_t count_records(Connection& connection, const std::string& saga_name,
                            std::optional<bool> completed, std::int64_t now);

// Removes up to `most` completed ones that were updated before `time`.
std::uint64_t erase_completed(Connection& connection, const std::string& saga_name,
                              const std::string& time, std::int64_t now, std::int64_t most);

// Removes up to `most` rows that are expired, of whatever saga.
void erase_expired(Connection& connection, std::int64_t now, std::int64_t most);

}  // namespace sagabus::sqlite
