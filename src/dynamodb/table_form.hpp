// Table descriptions in the service's form, and compared with one another.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <vector>

#include "dynamodb/item.hpp"
#include "sagabus/dynamodb/table.hpp"

namespace sagabus::dynamodb {

// Reads `Table` of an answer to DescribeTable. Time to live and backups are told elsewhere.
TableInfo read_table_info(const boost::json::value& table);

// What must not differ, since it cannot be turned on later: keys, index, billing.
std::vector<std::string> schema_differences(const TableDescription& expected,
                                            const TableInfo& found);

// What the record says otherwise, which cannot be changed either.
std::vector<std::string> record_differences(const TableDescription& expected,
                                            const TableRecord& found);

// Whether partition and sort key are those of the schema.
bool has_our_keys(const TableInfo& table);

// The rest: time to live, stream, point-in-time recovery.
std::vector<std::string> feature_differences(const TableDescription& expected,
                                             const TableInfo& found);

}  // namespace sagabus::dynamodb
