// What a file of sagabus is like: for tools that look at one. Whoever runs a bus on it needs none.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace sagabus::sqlite {

// A store or transport that has the file open, perhaps in another process.
struct Holder {
  std::int64_t process = 0;  // its id when it opened the file
  std::string since;         // ISO 8601
};

struct FileInfo {
  bool ours = false;  // false: it is a database of another program, and the rest was not looked at
  std::int64_t schema_version = 0;
  std::int64_t known_version = 0;   // by this program; stores and transports open no other
  std::string journal_mode;         // "wal", once a store or a transport has opened it
  std::vector<std::string> damage;  // of `PRAGMA quick_check`, a line each; empty where all is well
  std::vector<Holder> holders;      // only those that live
  std::vector<std::chrono::nanoseconds> reads;  // how long each read took
};

// Reads all of the file, which takes its time where that is large, and then looks for an instance
// that is not there as often as `reads` says. Changes nothing, and may run beside programs that use
// the file: they go on meanwhile. Blocks its thread, and may be repeated.
//
// Throws NotFound where there is no such file, AccessDenied where it cannot be read,
// ValidationError where it is no SQLite database, TransientError where another program holds it for
// over 5 s.
FileInfo inspect_file(const std::string& path, unsigned reads = 50);

}  // namespace sagabus::sqlite
