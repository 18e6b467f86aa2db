#include "export_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "command.hpp"
#include "read_file.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::tools {
namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 20;

std::string mark_path(const std::string& path) {
  return path + ".resume";
}

std::string done_path(const std::string& path) {
  return path + ".done";
}

[[noreturn]] void fail_on(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

void write_all(int file, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t count = ::write(file, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_on(path);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

// What was renamed or removed in the file's directory stays so.
void sync_directory(const std::string& path) {
  const std::string parent = std::filesystem::absolute(path).parent_path().string();
  const int directory = ::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return;
  static_cast<void>(::fsync(directory));
  ::close(directory);
}

// The mark in `from`, which is of the export `path`.
std::optional<ExportMark> read_mark(const std::string& path, const std::string& from) {
  const std::optional<std::string> text = read_file(from);
  if (!text) return std::nullopt;
  try {
    const Value value = parse_json(*text);
    const auto member = [&](std::string_view name) -> const Value& {
      const Value* const found = value.find(name);
      if (!found) throw ValidationError("a member is missing");
      return *found;
    };
    const auto* const source = member("source").if_string();
    const auto* const continuation = member("continuation").if_string();
    const auto* const offset = member("offset").if_int64();
    const auto* const count = member("count").if_int64();
    const auto* const left_out = member("leftOut").if_int64();
    if (member("f") == Value(1) && source && continuation && offset && count && left_out &&
        *offset >= 0) {
      return ExportMark{*source, *continuation, static_cast<std::uint64_t>(*offset),
                        static_cast<std::uint64_t>(*count), static_cast<std::uint64_t>(*left_out)};
    }
  } catch (const ValidationError&) {  // NOLINT(bugprone-empty-catch): one text for all
  }
  throw Failure(Exit::failed,
                fmt::format("{} cannot be read: remove it and {}, and start anew", from, path));
}

void require_source(const std::string& path, const ExportMark& mark, const std::string& source) {
  if (mark.source == source) return;
  throw Failure(Exit::wrong_use,
                fmt::format("{} is an export of {}, not of {}", path, mark.source, source));
}

// Of a file that is there and has no other mark. One that was changed since is another file.
ExportMark read_done(const std::string& path, const std::string& source) {
  const std::optional<ExportMark> mark = read_mark(path, done_path(path));
  std::error_code error;
  if (!mark || std::filesystem::file_size(path, error) != mark->offset || error) {
    throw Failure(
        Exit::wrong_use,
        fmt::format("{} is there and is no export that --resume can go on with: choose another "
                    "name",
                    path));
  }
  require_source(path, *mark, source);
  return *mark;
}

}  // namespace

ExportFile ExportFile::open(const std::string& path, const std::string& source, bool resume) {
  const bool there = std::filesystem::exists(path);
  const std::optional<ExportMark> mark = read_mark(path, mark_path(path));
  if (!resume && mark) {
    throw Failure(Exit::wrong_use,
                  fmt::format("an export to {} was interrupted: --resume goes on with it", path));
  }
  if (!resume && there) {
    throw Failure(Exit::wrong_use, fmt::format("{} is there already: choose another name", path));
  }
  if (there && !mark) return {path, read_done(path, source)};
  if (mark) require_source(path, *mark, source);
  const bool is_new = !mark;
  ExportFile file(path, mark.value_or(ExportMark{source}));
  // The mark first: without it nothing could go on with the file.
  if (is_new) file.write_mark(mark_path(path));
  file.open_and_lock(is_new ? O_EXCL : 0);
  if (!is_new) file.write_mark(mark_path(path));  // one that completed it just now has removed it
  file.cut_at_mark();
  file.is_empty_ = file.mark_.offset == 0;
  return file;
}

ExportFile::ExportFile(ExportFile&& other) noexcept
    : path_(std::move(other.path_)),
      mark_(std::move(other.mark_)),
      buffer_(std::move(other.buffer_)),
      file_(std::exchange(other.file_, -1)),
      is_empty_(std::exchange(other.is_empty_, false)) {}

ExportFile::~ExportFile() {
  if (is_empty_) {
    // The mark last: without it nothing could go on with the file.
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    std::filesystem::remove(mark_path(path_), ignored);
  }
  if (file_ >= 0) ::close(file_);
}

void ExportFile::open_and_lock(int flags) {
  file_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | flags, 0600);
  if (file_ < 0) fail_on(path_);
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    throw Failure(Exit::failed, fmt::format("another export is writing {}", path_));
  }
}

void ExportFile::cut_at_mark() const {
  struct stat there {};
  if (fstat(file_, &there) != 0) fail_on(path_);
  if (static_cast<std::uint64_t>(there.st_size) < mark_.offset) {
    throw Failure(Exit::failed,
                  fmt::format("{} is shorter than it was: remove it and {}, and start anew", path_,
                              mark_path(path_)));
  }
  const auto offset = static_cast<off_t>(mark_.offset);
  if (ftruncate(file_, offset) != 0 || lseek(file_, offset, SEEK_SET) < 0) fail_on(path_);
}

void ExportFile::add(std::string_view line) {
  buffer_.append(line).append(1, '\n');
  mark_.offset += line.size() + 1;
  ++mark_.count;
  if (buffer_.size() >= kBuffer) flush();
}

void ExportFile::flush() {
  write_all(file_, buffer_, path_);
  buffer_.clear();
}

void ExportFile::save(const std::string& continuation) {
  flush();
  if (fdatasync(file_) != 0) fail_on(path_);
  mark_.continuation = continuation;
  write_mark(mark_path(path_));
  is_empty_ = false;
}

void ExportFile::finish() {
  flush();
  if (fsync(file_) != 0) fail_on(path_);
  is_empty_ = false;
  write_mark(done_path(path_));
  std::filesystem::remove(mark_path(path_));
  sync_directory(path_);
}

void ExportFile::write_mark(const std::string& to) const {
  Object out{{"f", Value(1)}};
  out.emplace_back("source", Value(mark_.source));
  out.emplace_back("continuation", Value(mark_.continuation));
  out.emplace_back("offset", Value(mark_.offset));
  out.emplace_back("count", Value(mark_.count));
  out.emplace_back("leftOut", Value(mark_.left_out));
  const std::string next = to + ".new";
  const int file = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) fail_on(next);
  try {
    write_all(file, to_json(Value(std::move(out))), next);
    if (fsync(file) != 0) fail_on(next);
  } catch (...) {
    ::close(file);
    ::unlink(next.c_str());
    throw;
  }
  ::close(file);
  std::filesystem::rename(next, to);
  sync_directory(path_);
}

}  // namespace sagabus::tools
