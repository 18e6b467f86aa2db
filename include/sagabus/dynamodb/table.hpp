// The table that a store needs: making it, looking at it, deleting it. For set-up scripts, tests
// and the `sagabus` command; a running program needs none of this, nor the permissions for it
// (dynamodb:CreateTable, DescribeTable, DeleteTable, UpdateTable, DescribeTimeToLive,
// UpdateTimeToLive, DescribeContinuousBackups, UpdateContinuousBackups; GetItem and PutItem for the
// table's record, and Scan where create_table is asked for key shards).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/dynamodb/client.hpp"
#include "sagabus/dynamodb/store.hpp"

namespace sagabus::dynamodb {

enum class Billing { on_demand, provisioned };

// What a table should be. As it stands: the published schema, to the letter. Key names and types
// are always those: sagaName (S, HASH), sagaId (S, RANGE), and for the index sagaName (HASH),
// correlationId (S, RANGE).
struct TableDescription {
  CorrelationIndex index = CorrelationIndex::all;  // a lean table: keys_only or none
  Billing billing = Billing::on_demand;
  std::uint64_t read_units = 5;  // of the table, and of its index; only where provisioned
  std::uint64_t write_units = 5;
  bool ttl = true;                      // time to live on the attribute `ttl`
  bool point_in_time_recovery = false;  // on: the table can be restored to any second of 35 days
  bool stream = false;                  // with new and old images
  bool deletion_protection = false;     // on: the table cannot be deleted until it is turned off
  unsigned key_shards = 1;              // 1 to 1,000, as StoreOptions has it
};

struct KeyAttribute {
  std::string name;
  std::string type;  // "S", "N", "B"
  friend bool operator==(const KeyAttribute&, const KeyAttribute&) = default;
};

struct IndexInfo {
  std::string name;
  std::vector<KeyAttribute> keys;  // the partition key, then the sort key
  std::string projection;          // "ALL", "KEYS_ONLY", "INCLUDE"
  std::string status;              // "ACTIVE"
};

// What a table is.
struct TableInfo {
  std::string name;
  std::string arn;
  std::string status;  // "ACTIVE"
  std::vector<KeyAttribute> keys;
  std::vector<IndexInfo> indexes;
  Billing billing = Billing::on_demand;
  std::uint64_t read_units = 0;  // where provisioned
  std::uint64_t write_units = 0;
  std::string stream;         // what it shows, "NEW_AND_OLD_IMAGES"; empty where off
  std::string stream_arn;     // of the newest stream
  std::string ttl_attribute;  // empty where off
  std::optional<bool> point_in_time_recovery;  // nothing where the service has none
  bool deletion_protection = false;
  std::uint64_t format_version = 1;  // as its record says, or where it has none
  unsigned key_shards = 1;           // the same; 0 where the format is a newer one
  std::uint64_t items = 0;           // as of some hours ago
  std::uint64_t bytes = 0;
};

// All functions throw the errors of sagabus/error.hpp, and may be cancelled: what was asked of the
// service then goes on there. They may be repeated. The client's clock measures their waits.

// Makes the store's table, as the store expects it, or as described. A table that is there and
// matches is fine; time to live, point-in-time recovery, the stream and deletion protection are
// turned on where they are asked for and off. Writes the table's record where it has none. Returns
// when table and index can be used. Throws ValidationError listing the differences where another
// table has that name, or where key shards are asked for and a table without a record holds items;
// Unsupported where the service has no point-in-time recovery and it was asked for, TransientError
// where the table is not ready after ten minutes; std::invalid_argument for what no table can have.
//
// Start no program on the table before this has returned: one that expects a single shard takes a
// table without a record for its own.
boost::asio::awaitable<void> create_table(SagaStore store);
boost::asio::awaitable<void> create_table(SagaStore store, TableDescription description);

// Deletes the table with everything in it, and returns when it is gone. Nothing happens where there
// is none. Throws ValidationError where its deletion protection is on.
boost::asio::awaitable<void> delete_table(SagaStore store);

// Throws TableNotFound where there is none, ValidationError where its record cannot be read.
boost::asio::awaitable<TableInfo> describe_table(SagaStore store);

// What is not as described, a line each, such as "sort key: expected sagaId (S), found id (S)";
// empty where all is well. What a table has beyond the description is no difference, but for an
// index that a lean one should not have, and a time to live that is not wanted. Throws what
// describe_table throws. Without a description, index and key shards are the store's.
boost::asio::awaitable<std::vector<std::string>> verify_table(SagaStore store);
boost::asio::awaitable<std::vector<std::string>> verify_table(SagaStore store,
                                                              TableDescription description);

// The comparison of verify_table by itself: for who has looked at the table already, or wants to
// know first what it is. Units are compared where both are provisioned. Throws
// std::invalid_argument for a description of what no table can be.
std::vector<std::string> table_differences(const TableDescription& expected,
                                           const TableInfo& found);

// The body of the CreateTable request that makes such a table. Of key shards it says nothing: they
// stand in the table's record. Throws std::invalid_argument for units of 0 where provisioned, and
// for key shards out of range.
std::string create_table_request(const std::string& table_name,
                                 const TableDescription& description);

}  // namespace sagabus::dynamodb
