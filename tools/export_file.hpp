// A file that lines are added to, page by page, and that can be gone on with after any end.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sagabus::tools {

// How far it is. What stands in the file beyond `offset` is written anew.
struct ExportMark {
  std::string source{};        // what is exported, so that nothing else is gone on with
  std::string continuation{};  // of the store's listing
  std::uint64_t offset = 0;    // bytes
  std::uint64_t count = 0;     // lines
  std::uint64_t left_out = 0;  // instances that could not be read, up to there
};

// Beside FILE, FILE.resume tells how far it is, for as long as it is not complete: it is written
// after the lines that it tells of are on the disk, by renaming a new one over it. So at whatever
// point the process ends, FILE has at least those lines, whole. An end before the first save leaves
// neither, unless the process is killed. Once it is complete FILE.done tells of what, in its place.
class ExportFile {
 public:
  // Makes the file, which only this user can read, or goes on with it. Throws Failure: where there
  // is a file and it is not to go on, where it is no export of that source or is shorter than its
  // mark says, or where another process is writing it.
  static ExportFile open(const std::string& path, const std::string& source, bool resume);

  ExportFile(ExportFile&& other) noexcept;
  ~ExportFile();
  ExportFile& operator=(ExportFile&&) = delete;

  const ExportMark& mark() const { return mark_; }
  // It was so when it was opened: there is nothing to write.
  bool is_complete() const { return file_ < 0; }

  // Throws std::system_error where the disk is full, and the like.
  void add(std::string_view line);
  // Of the next save.
  void set_left_out(std::uint64_t count) { mark_.left_out = count; }
  // All that was added is safe; the listing goes on there.
  void save(const std::string& continuation);
  // Complete: nothing is left to go on with.
  void finish();

 private:
  ExportFile(std::string path, ExportMark mark) : path_(std::move(path)), mark_(std::move(mark)) {}

  void open_and_lock(int flags);
  void cut_at_mark() const;
  void flush();
  void write_mark(const std::string& to) const;

  std::string path_;
  ExportMark mark_;
  std::string buffer_;
  int file_ = -1;
  bool is_empty_ = false;  // what stands on the disk is not worth going on with
};

}  // namespace sagabus::tools
