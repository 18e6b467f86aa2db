#include "doctor/file_checks.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <system_error>
#include <vector>

#include "doctor/service_checks.hpp"
#include "sagabus/error.hpp"

namespace sagabus::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMegabyte = 1'000'000;
constexpr std::uintmax_t kLeastSpace = 64 * kMegabyte;  // what the log alone may take
constexpr std::uintmax_t kEnoughSpace = 1000 * kMegabyte;
constexpr std::chrono::milliseconds kUsualFileRead{5};

std::string size_text(std::uintmax_t bytes) {
  if (bytes < kMegabyte) return fmt::format("{:.0f} kB", static_cast<double>(bytes) / 1e3);
  if (bytes < 1000 * kMegabyte) return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
  return fmt::format("{:.1f} GB", static_cast<double>(bytes) / 1e9);
}

Finding file_finding(const std::string& path, std::uintmax_t bytes) {
  Finding finding{Severity::ok, "file", fmt::format("{}, {}", path, size_text(bytes))};
  const std::string directory = fs::path(path).parent_path().string();
  if (::access(path.c_str(), W_OK) == 0 && ::access(directory.c_str(), W_OK) == 0) return finding;
  finding.severity = Severity::error;
  finding.found += ": this user cannot write it, or not in its directory";
  finding.advice = "SQLite keeps more files beside it: run as its owner";
  return finding;
}

}  // namespace

void examine_file(const SqliteUri& uri, Report& report) {
  std::error_code unknown;
  const std::uintmax_t bytes = fs::file_size(uri.path, unknown);
  if (unknown) {
    report.add_missing({Severity::error, "file", fmt::format("{}: {}", uri.path, unknown.message()),
                        "the first program that opens it makes it, where its directory is there"});
    return;
  }
  report.add(file_finding(uri.path, bytes));
  const fs::space_info space = fs::space(uri.path, unknown);
  if (!unknown) report.add(space_finding(space.available, bytes));
  std::optional<sqlite::FileInfo> found;
  try {
    found = sqlite::inspect_file(uri.path);
  } catch (const Error& error) {
    report.add({Severity::error, "schema", error.what(), "name a file that sagabus has made"});
  }
  if (!found) return;
  report.add(schema_finding(*found));
  if (!found->ours) return;
  report.add(journal_finding(*found));
  report.add(damage_finding(*found));
  if (found->reads.empty()) return;
  report.add(holders_finding(*found));
  report.add(latency_finding(found->reads, "reads", kUsualFileRead,
                             "the disk is slow, or another program keeps it busy"));
}

Finding schema_finding(const sqlite::FileInfo& file) {
  if (!file.ours) {
    return {Severity::error, "schema", "the database of another program",
            "name a file that sagabus has made"};
  }
  if (file.schema_version == file.known_version) {
    return {Severity::ok, "schema", fmt::format("version {}", file.schema_version)};
  }
  return {Severity::error, "schema",
          fmt::format("version {}, this program knows version {}", file.schema_version,
                      file.known_version),
          file.schema_version > file.known_version
              ? "use a newer sagabus"
              : "finish its sagas with the program that made it, and begin a new file"};
}

Finding journal_finding(const sqlite::FileInfo& file) {
  if (file.journal_mode == "wal") return {Severity::ok, "journal", "WAL"};
  return {
      Severity::warning, "journal",
      fmt::format("{}, expected wal: readers and writers wait for each other", file.journal_mode),
      "programs turn it on as they open the file, unless somebody holds it: end those"};
}

Finding damage_finding(const sqlite::FileInfo& file) {
  if (file.damage.empty()) return {Severity::ok, "integrity", "quick_check found nothing"};
  return {Severity::error, "integrity", fmt::format("{}", fmt::join(file.damage, "; ")),
          "stop all programs, keep a copy, and restore a backup or use sqlite3's .recover"};
}

Finding holders_finding(const sqlite::FileInfo& file) {
  if (file.holders.empty()) return {Severity::ok, "open by", "nobody"};
  std::vector<std::string> texts;
  for (const sqlite::Holder& holder : file.holders) {
    texts.push_back(fmt::format("process {} since {}", holder.process, holder.since));
  }
  return {Severity::ok, "open by", fmt::format("{}", fmt::join(texts, ", "))};
}

Finding space_finding(std::uintmax_t free_bytes, std::uintmax_t file_bytes) {
  Finding finding{Severity::ok, "disk", fmt::format("{} free", size_text(free_bytes))};
  if (free_bytes >= kEnoughSpace && free_bytes >= file_bytes) return finding;
  finding.severity = free_bytes < kLeastSpace ? Severity::error : Severity::warning;
  finding.advice = "make room: a full disk stops every step, and VACUUM needs the file's size";
  return finding;
}

}  // namespace sagabus::tools
