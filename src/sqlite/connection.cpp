#include "sqlite/connection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "sagabus/error.hpp"

namespace sagabus::sqlite {
namespace {

using std::chrono::microseconds;

// 8 MB: hot pages are written to the database once for many times that they are logged.
constexpr int kCheckpointPages = 2000;

[[noreturn]] void fail(sqlite3* handle, int code) {
  throw SqlFault{code, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code)};
}

void check(sqlite3_stmt* statement, int code) {
  if (code != SQLITE_OK) fail(sqlite3_db_handle(statement), code);
}

}  // namespace

std::exception_ptr typed_error(const std::string& path, const SqlFault& fault) {
  const std::string line = fmt::format("sqlite {}: {}", path, fault.message);
  switch (fault.code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return std::make_exception_ptr(TransientError(
          fmt::format("sqlite {}: another connection held the database for too long", path)));
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
      return std::make_exception_ptr(TransientError(line));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return std::make_exception_ptr(AccessDenied(line));
    case SQLITE_NOTADB:
      return std::make_exception_ptr(
          ValidationError(fmt::format("sqlite {}: not an SQLite database", path)));
    case SQLITE_TOOBIG:
      return std::make_exception_ptr(ValidationError(line));
    default:
      return std::make_exception_ptr(Error(line));
  }
}

Query& Query::bind(int index, std::string_view text) {
  check(statement_, sqlite3_bind_text64(statement_, index, text.data() ? text.data() : "",
                                        text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Query& Query::bind(int index, std::int64_t number) {
  check(statement_, sqlite3_bind_int64(statement_, index, number));
  return *this;
}

Query& Query::bind(int index, std::optional<std::int64_t> number) {
  if (number) return bind(index, *number);
  check(statement_, sqlite3_bind_null(statement_, index));
  return *this;
}

Query& Query::bind_blob(int index, std::string_view bytes) {
  check(statement_,
        sqlite3_bind_blob64(statement_, index, bytes.data(), bytes.size(), SQLITE_STATIC));
  return *this;
}

bool Query::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) fail(sqlite3_db_handle(statement_), code);
  return false;
}

void Query::run() {
  while (next()) {
  }
}

std::string Query::text(int column) const {
  const void* const data = sqlite3_column_blob(statement_, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return data ? std::string(static_cast<const char*>(data), size) : std::string();
}

Connection::Connection(ConnectionOptions options) : options_(std::move(options)) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(options_.path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail(handle, code);
  sqlite3_busy_handler(handle, &Connection::wait_for_others, this);
  sqlite3_wal_hook(
      handle,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<Connection*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  if (options_.keeps_log) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }
  if (options_.read_only) execute("PRAGMA query_only = ON");
  execute("PRAGMA cache_size = -16000");
  execute("PRAGMA secure_delete = OFF");
}

Connection::~Connection() {
  for (const auto& [text, statement] : statements_) sqlite3_finalize(statement);
}

Query Connection::query(const Sql& sql) {
  sqlite3_stmt*& statement = statements_[sql.text];
  if (!statement) {
    const int code = sqlite3_prepare_v3(handle_.get(), sql.text, -1, SQLITE_PREPARE_PERSISTENT,
                                        &statement, nullptr);
    if (code != SQLITE_OK) fail(handle_.get(), code);
  }
  return Query(statement);
}

void Connection::execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(handle_.get(), code);
}

void Connection::checkpoint_if_due() {
  if (log_pages_ < next_checkpoint_ - kCheckpointPages) next_checkpoint_ = 0;  // started afresh
  if (log_pages_ < std::max(next_checkpoint_, kCheckpointPages)) return;
  next_checkpoint_ = log_pages_ + kCheckpointPages;
  sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

// SQLite's own handler sleeps up to 100 ms at a time, which starves a process beside a busy one.
int Connection::wait_for_others(void* self, int tries) {
  auto& connection = *static_cast<Connection*>(self);
  if (tries == 0) connection.waited_ = microseconds(0);
  if (connection.waited_ >= connection.options_.busy_timeout) return 0;
  const auto pause = std::min(microseconds(100) * (tries + 1), microseconds(5000));
  std::this_thread::sleep_for(pause);
  connection.waited_ += pause;
  return 1;
}

}  // namespace sagabus::sqlite
