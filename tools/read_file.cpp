#include "read_file.hpp"

#include <fstream>

namespace sagabus::tools {

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text;
  char block[65536];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<std::size_t>(in.gcount()));
  }
  if (!in.eof() || in.bad()) return std::nullopt;
  return text;
}

}  // namespace sagabus::tools
