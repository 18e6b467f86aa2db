// What the verbs about tables share.
#pragma once

#include <string_view>

#include "command.hpp"
#include "open_store.hpp"

namespace sagabus::tools {

// The group `sagabus table`, made with the first verb that asks for it.
CLI::App& table_group(CLI::App& app);

// The URI of a store that has a table, and that store. They throw std::invalid_argument, and
// Failure with Exit::wrong_use where the URI is of a store that has no table.
DynamoDbUri parse_table_uri(const std::string& uri);
dynamodb::SagaStore open_table(const std::string& uri);

}  // namespace sagabus::tools
