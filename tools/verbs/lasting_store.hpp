// Stores that outlive the program: what verbs that look at instances, outboxes and timers need.
#pragma once

#include <string>

#include "command.hpp"
#include "store_uri.hpp"

namespace sagabus::tools {

// The store's URI, of a store that outlives its program. Throws as parse_store_uri does, and
// Failure: for memory:, and with Exit::not_found for a file that is not there, which opening it
// would make.
StoreUri parse_lasting_store(const std::string& uri);
void require_file(const SqliteUri& uri);

}  // namespace sagabus::tools
