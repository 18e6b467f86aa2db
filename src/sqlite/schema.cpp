#include "sqlite/schema.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

#include "sagabus/error.hpp"

namespace sagabus::sqlite {
namespace {

constexpr const char* kTables = R"sql(
CREATE TABLE saga_instances (
  saga_name      TEXT NOT NULL,
  saga_id        TEXT NOT NULL,
  correlation_id TEXT NOT NULL,
  version        INTEGER NOT NULL,
  is_completed   INTEGER NOT NULL,
  state          TEXT NOT NULL,  -- JSON
  created_at     TEXT NOT NULL,  -- ISO 8601, UTC, milliseconds
  updated_at     TEXT NOT NULL,
  expires_at     INTEGER,        -- seconds since 1970; absent from then on
  birth          TEXT NOT NULL,
  inbox          TEXT NOT NULL,
  outbox         TEXT NOT NULL,
  timers         TEXT NOT NULL,
  UNIQUE (saga_name, saga_id),
  UNIQUE (saga_name, correlation_id)
);
CREATE INDEX saga_instances_expiry ON saga_instances (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE workers (
  worker     TEXT PRIMARY KEY,
  watermark  TEXT NOT NULL,
  updated_at INTEGER NOT NULL  -- seconds since 1970
) WITHOUT ROWID;
CREATE TABLE subscriptions (
  endpoint TEXT NOT NULL,
  type     TEXT NOT NULL,
  PRIMARY KEY (type, endpoint)
) WITHOUT ROWID;
CREATE TABLE messages (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint   TEXT NOT NULL,
  body       TEXT NOT NULL,               -- the envelope, JSON
  visible_at INTEGER NOT NULL DEFAULT 0,  -- 0: ready; else hidden until then, ms since 1970
  owner      INTEGER,                     -- the open database that holds it
  receipt    INTEGER NOT NULL DEFAULT 0,  -- one more with every claim and every giving back
  failures   INTEGER NOT NULL DEFAULT 0,
  uncertain  INTEGER NOT NULL DEFAULT 0   -- 1: an earlier delivery may have taken effect
);
CREATE INDEX messages_ready ON messages (endpoint, seq) WHERE visible_at = 0;
CREATE INDEX messages_hidden ON messages (endpoint, visible_at, owner) WHERE visible_at > 0;
CREATE TABLE deduplication (
  seq     INTEGER PRIMARY KEY,
  hash    BLOB NOT NULL UNIQUE,  -- of endpoint and key
  expires INTEGER NOT NULL       -- ms since 1970
);
CREATE TABLE timers (
  due      INTEGER NOT NULL,  -- ms since 1970
  id       TEXT NOT NULL,
  endpoint TEXT NOT NULL,     -- empty: every endpoint that subscribed
  body     TEXT NOT NULL,     -- the envelope, JSON
  PRIMARY KEY (due, id)
) WITHOUT ROWID;
CREATE TABLE leases (
  shard   INTEGER PRIMARY KEY,
  holder  TEXT NOT NULL,
  counter INTEGER NOT NULL
);
CREATE TABLE owners (
  number    INTEGER PRIMARY KEY AUTOINCREMENT,
  process   INTEGER NOT NULL,
  opened_at TEXT NOT NULL
);
)sql";

std::int64_t one_number(Connection& connection, const Sql& sql) {
  Query query = connection.query(sql);
  return query.next() ? query.number(0) : 0;
}

// Never touches a file that exists: closing a second descriptor of it would drop the locks that
// SQLite holds in this process.
void create_private_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file >= 0) {
    ::close(file);
    return;
  }
  if (errno == EEXIST) return;
  const std::string line = fmt::format("sqlite {}: {}", path, std::strerror(errno));
  if (errno == ENOENT || errno == ENOTDIR) throw NotFound(line);
  throw AccessDenied(line);
}

// True where the tables must be made.
bool check_identity(Connection& connection, const std::string& path) {
  constexpr Sql kId{"PRAGMA application_id"};
  constexpr Sql kVersion{"PRAGMA user_version"};
  constexpr Sql kObjects{"SELECT count(*) FROM sqlite_master"};
  const std::int64_t id = one_number(connection, kId);
  const std::int64_t version = one_number(connection, kVersion);
  if (id == 0 && version == 0 && one_number(connection, kObjects) == 0) return true;
  if (id != kApplicationId) {
    throw ValidationError(
        fmt::format("sqlite {}: the database of another program, not of sagabus", path));
  }
  if (version != kSchemaVersion) {
    throw ValidationError(fmt::format("sqlite {}: schema version {}, this program knows version {}",
                                      path, version, kSchemaVersion));
  }
  return false;
}

// SQLite asks the busy handler for most locks that this needs, but not for all.
void use_log(Connection& connection) {
  for (int tries = 0;; ++tries) {
    try {
      connection.execute("PRAGMA journal_mode = WAL");
      break;
    } catch (const SqlFault& fault) {
      if ((fault.code & 0xff) != SQLITE_BUSY || tries == 100) throw;
      sqlite3_sleep(10);
    }
  }
  connection.execute("PRAGMA synchronous = FULL");
  connection.execute("PRAGMA journal_size_limit = 67108864");
}

void make_tables(Connection& connection, const std::string& path) {
  connection.execute("BEGIN IMMEDIATE");
  if (check_identity(connection, path)) {  // nobody was faster
    connection.execute(kTables);
    connection.execute(fmt::format("PRAGMA application_id = {}", kApplicationId).c_str());
    connection.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion).c_str());
  }
  connection.execute("COMMIT");
}

}  // namespace

std::unique_ptr<Connection> open_database(const ConnectionOptions& options) {
  // Between making the file and closing it, no other thread may lock it.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  create_private_file(options.path);
  auto connection = std::make_unique<Connection>(options);
  const bool fresh = check_identity(*connection, options.path);
  if (connection->is_read_only()) {
    throw AccessDenied(fmt::format("sqlite {}: cannot be written", options.path));
  }
  use_log(*connection);
  if (fresh) make_tables(*connection, options.path);
  return connection;
}

std::unique_ptr<Connection> open_reader(ConnectionOptions options) {
  options.read_only = true;
  return std::make_unique<Connection>(std::move(options));
}

}  // namespace sagabus::sqlite
