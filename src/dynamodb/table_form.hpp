// Table descriptions in the service's form, and compared with one another.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/item.hpp"
#include "sagabus/dynamodb/table.hpp"

namespace sagabus::dynamodb {

// The table that a description asks for, in the form of what a table is: the one source of
// requests, comparisons and templates. Throws std::invalid_argument for what no table can have.
TableInfo planned_table(const std::string& table_name, const TableDescription& description);

// The attributes of all keys, each once.
std::vector<KeyAttribute> key_attributes(const TableInfo& table);

// What requests after CreateTable say: members of their bodies.
inline constexpr std::string_view kStreamView = "NEW_AND_OLD_IMAGES";
std::string ttl_member(const TableInfo& table);
std::string stream_member(const TableInfo& table);
std::string backups_member();
std::string protection_member();

// The body of CreateTable.
std::string create_table_request(const TableInfo& table);

// Reads `Table` of an answer to DescribeTable. Time to live and backups are told elsewhere.
TableInfo read_table_info(const boost::json::value& table);

// What must not differ, since it cannot be turned on later: keys, index, billing.
std::vector<std::string> schema_differences(const TableInfo& expected, const TableInfo& found);

// What the record says otherwise, which cannot be changed either.
std::vector<std::string> record_differences(unsigned key_shards, const TableRecord& found);

// Whether partition and sort key are those of the schema.
bool has_our_keys(const TableInfo& table);

// The rest: units, time to live, stream, point-in-time recovery, deletion protection.
std::vector<std::string> feature_differences(const TableInfo& expected, const TableInfo& found);

}  // namespace sagabus::dynamodb
