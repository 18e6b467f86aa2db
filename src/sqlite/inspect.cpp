#include "sagabus/sqlite/inspect.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sagabus/error.hpp"
#include "sqlite/connection.hpp"
#include "sqlite/owners.hpp"
#include "sqlite/schema.hpp"

namespace sagabus::sqlite {
namespace {

std::int64_t number_of(Connection& connection, const Sql& sql) {
  Query query = connection.query(sql);
  return query.next() ? query.number(0) : 0;
}

std::string journal_mode_of(Connection& connection) {
  constexpr Sql kMode{"PRAGMA journal_mode"};
  Query query = connection.query(kMode);
  return query.next() ? query.text(0) : std::string();
}

std::vector<std::string> damage_of(Connection& connection) {
  constexpr Sql kCheck{"PRAGMA quick_check(10)"};
  std::vector<std::string> lines;
  try {
    Query query = connection.query(kCheck);
    while (query.next()) lines.push_back(query.text(0));
  } catch (const SqlFault& fault) {
    if ((fault.code & 0xff) != SQLITE_CORRUPT) throw;
    lines.push_back(fault.message);
  }
  if (lines.size() == 1 && lines.front() == "ok") lines.clear();
  return lines;
}

// Where there is no file of locks, nobody holds one.
std::vector<Holder> holders_of(Connection& connection, const std::string& path) {
  constexpr Sql kOwners{"SELECT number, process, opened_at FROM owners ORDER BY number"};
  std::vector<Holder> holders;
  const std::string locks_path = path + "-owners";
  if (!std::filesystem::exists(locks_path)) return holders;
  const OwnerLocks locks(locks_path);
  Query query = connection.query(kOwners);
  while (query.next()) {
    if (locks.is_held(query.number(0))) holders.push_back({query.number(1), query.text(2)});
  }
  return holders;
}

std::vector<std::chrono::nanoseconds> time_reads(Connection& connection, unsigned reads) {
  constexpr Sql kRead{"SELECT state FROM saga_instances WHERE saga_name = ?1 AND saga_id = ?1"};
  std::vector<std::chrono::nanoseconds> times;
  for (unsigned i = 0; i < reads; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    Query query = connection.query(kRead);
    query.bind(1, std::string_view("$probe")).run();
    times.push_back(std::chrono::steady_clock::now() - begin);
  }
  return times;
}

FileInfo inspect(const std::string& path, unsigned reads) {
  constexpr Sql kId{"PRAGMA application_id"};
  constexpr Sql kVersion{"PRAGMA user_version"};
  ConnectionOptions options;
  options.path = path;
  options.read_only = true;
  // The log of a program that has died is left for the next one.
  options.keeps_log = std::filesystem::exists(path + "-wal");
  Connection connection(options);
  FileInfo info;
  info.known_version = kSchemaVersion;
  info.ours = number_of(connection, kId) == kApplicationId;
  if (!info.ours) return info;
  info.schema_version = number_of(connection, kVersion);
  info.journal_mode = journal_mode_of(connection);
  info.damage = damage_of(connection);
  if (info.schema_version != kSchemaVersion || !info.damage.empty()) return info;
  info.holders = holders_of(connection, path);
  info.reads = time_reads(connection, reads);
  return info;
}

}  // namespace

FileInfo inspect_file(const std::string& path, unsigned reads) {
  if (!std::filesystem::exists(path)) {
    throw NotFound(fmt::format("sqlite {}: there is no such file", path));
  }
  try {
    return inspect(path, reads);
  } catch (const SqlFault& fault) {
    std::rethrow_exception(typed_error(path, fault));
  }
}

}  // namespace sagabus::sqlite
