// What `sagabus doctor` looks at in a store on DynamoDB.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "doctor/finding.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "store_uri.hpp"

namespace sagabus::tools {

// Changes nothing: writes are tried on a key that no instance has, with a condition that cannot
// hold. Throws std::invalid_argument for what the store does not take.
boost::asio::awaitable<void> examine_table(DynamoDbUri uri, Report& report);

Finding table_finding(const dynamodb::TableInfo& table);
Finding index_finding(const dynamodb::TableInfo& table, dynamodb::CorrelationIndex wanted);
Finding ttl_finding(const dynamodb::TableInfo& table, bool uri_has_ttl);

}  // namespace sagabus::tools
