// One connection to a database file, with its prepared statements.
#pragma once

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sagabus::sqlite {

// What SQLite said. Never leaves this box: typed_error() makes one of error.hpp's of it.
struct SqlFault {
  int code;  // extended
  std::string message;
};

// TransientError, AccessDenied, ValidationError or Error, with one line that names the file.
std::exception_ptr typed_error(const std::string& path, const SqlFault& fault);

// A statement's text; statements are cached by its address.
struct Sql {
  const char* text;
};

// One run of a prepared statement: bind, then run() or while (next()). Bound texts must outlive it.
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query() { sqlite3_reset(statement_); }

  Query& bind(int index, std::string_view text);
  Query& bind(int index, std::int64_t number);
  Query& bind(int index, std::optional<std::int64_t> number);
  Query& bind_blob(int index, std::string_view bytes);

  bool next();  // false after the last row
  void run();   // to its end
  std::string text(int column) const;
  std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  sqlite3_stmt* statement_;
};

struct ConnectionOptions {
  std::string path;
  std::chrono::milliseconds busy_timeout{5000};
  bool read_only = false;
  bool keeps_log = false;  // the last one to close leaves the log as it is
};

// Used by one thread at a time. Everything throws SqlFault.
class Connection {
 public:
  explicit Connection(ConnectionOptions options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  Query query(const Sql& sql);
  void execute(const char* sql);
  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  bool is_read_only() const { return sqlite3_db_readonly(handle_.get(), "main") == 1; }

  // Moves what the log holds into the database, once it has grown enough. Never waits for others.
  void checkpoint_if_due();

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  static int wait_for_others(void* self, int tries);

  ConnectionOptions options_;
  std::chrono::microseconds waited_{0};
  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
  int log_pages_ = 0;
  int next_checkpoint_ = 0;
};

}  // namespace sagabus::sqlite
