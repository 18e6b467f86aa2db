// What a table should be, as flags: the same ones for each verb that makes, checks or prints it.
#pragma once

#include <string>

#include "command.hpp"
#include "sagabus/dynamodb/table.hpp"
#include "store_uri.hpp"

namespace sagabus::tools {

// Empty, false or 0: not given.
struct TableFlags {
  std::string ttl_days;
  bool pitr = false;
  bool stream = false;
  bool deletion_protection = false;
  std::string lean;
  unsigned shards = 0;
  std::string billing;
};

void add_table_flags(CLI::App& verb, TableFlags& flags);

// Both throw std::invalid_argument naming the flag that is wrong.
dynamodb::TableDescription read_table_flags(const TableFlags& flags);
// With what the store's URI says. The flags go into the URI, for the store that is opened by it;
// where they contradict it, that is wrong use.
dynamodb::TableDescription read_table_flags(const TableFlags& flags, DynamoDbUri& uri);

}  // namespace sagabus::tools
