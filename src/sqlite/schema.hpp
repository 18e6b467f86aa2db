// The tables, and how a file becomes a database of ours. docs/formats/sqlite.md describes them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "sqlite/connection.hpp"

namespace sagabus::sqlite {

inline constexpr int kSchemaVersion = 3;
inline constexpr std::int64_t kApplicationId = 0x53414741;  // "SAGA"

// Opens the file for writing; makes it (mode 0600) and its tables where there is none. Throws
// AccessDenied, NotFound (no such directory), ValidationError (another program's file, or a newer
// version's), or SqlFault.
std::unique_ptr<Connection> open_database(const ConnectionOptions& options);

// A second connection to a file that is open, which only reads.
std::unique_ptr<Connection> open_reader(ConnectionOptions options);

}  // namespace sagabus::sqlite
