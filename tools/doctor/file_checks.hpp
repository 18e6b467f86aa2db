// What `sagabus doctor` looks at in a file.
#pragma once

#include <cstdint>

#include "doctor/finding.hpp"
#include "sagabus/sqlite/inspect.hpp"
#include "uri.hpp"

namespace sagabus::tools {

// Changes nothing, and reads all of the file.
void examine_file(const SqliteUri& uri, Report& report);

Finding schema_finding(const sqlite::FileInfo& file);
Finding journal_finding(const sqlite::FileInfo& file);
Finding damage_finding(const sqlite::FileInfo& file);
Finding holders_finding(const sqlite::FileInfo& file);
Finding space_finding(std::uintmax_t free_bytes, std::uintmax_t file_bytes);

}  // namespace sagabus::tools
