#include "line_file.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "command.hpp"

namespace sagabus::tools {
namespace {

constexpr std::size_t kMostInALine = std::size_t{96} * 1024 * 1024;

}  // namespace

LineFile::LineFile(const std::string& path) : path_(path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    throw Failure(Exit::not_found, "there is no file " + path);
  }
  if (!std::filesystem::is_regular_file(path, error)) {
    throw Failure(Exit::wrong_use, path + " is no regular file, and is to be read twice");
  }
  in_.open(path, std::ios::binary);
  size_ = std::filesystem::file_size(path, error);
  if (!in_ || error) throw Failure(Exit::failed, path + " cannot be read");
}

bool LineFile::next(std::string& line) {
  line.clear();
  std::streambuf& buffer = *in_.rdbuf();
  constexpr int kEnd = std::char_traits<char>::eof();
  for (int c = buffer.sbumpc();; c = buffer.sbumpc()) {
    if (c == kEnd && line.empty()) return false;
    if (c == kEnd || c == '\n') break;
    line += static_cast<char>(c);
    if (line.size() > kMostInALine) {
      throw Failure(Exit::wrong_use, fmt::format("{}, line {}: longer than 96 MiB, no instance is",
                                                 path_, number_ + 1));
    }
  }
  ++number_;
  offset_ += line.size() + 1;
  return true;
}

}  // namespace sagabus::tools
