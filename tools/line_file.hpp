// Files of lines that may be longer than what fits the memory, all together.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace sagabus::tools {

// Reads one line after the other.
class LineFile {
 public:
  // Throws Failure where it is not there, cannot be read, or is no regular file.
  explicit LineFile(const std::string& path);

  // False at the end. The last line need not end with a line break. Throws Failure where a line is
  // longer than any instance's, and where reading fails.
  bool next(std::string& line);

  std::uint64_t number() const { return number_; }  // of the line that was read last, from 1
  std::uint64_t offset() const { return offset_; }  // bytes read so far
  std::uint64_t size() const { return size_; }

 private:
  const std::string path_;
  std::ifstream in_;
  std::uint64_t number_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace sagabus::tools
