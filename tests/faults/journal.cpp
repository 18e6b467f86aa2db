#include "faults/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace sagabus::faults {
namespace {

void append(int file, const std::string& line) {
  const ssize_t written = ::write(file, line.data(), line.size());
  if (written != static_cast<ssize_t>(line.size())) std::abort();  // evidence must not get lost
}

}  // namespace

Journal::Journal(const std::string& path)
    : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (file_ < 0) throw std::runtime_error("cannot open " + path);
}

Journal::~Journal() {
  ::close(file_);
}

void Journal::write(std::string_view word) const {
  append(file_, fmt::format("{}\n", word));
}

void Journal::write(std::string_view word, const Instance& next) const {
  append(file_, fmt::format("{} {} {} {} {}\n", word, next.saga_name, next.saga_id,
                            next.bookkeeping.birth, next.version));
}

std::vector<Line> read_journal(const std::string& path) {
  std::ifstream in(path);
  std::vector<Line> lines;
  for (std::string text; std::getline(in, text);) {
    Line& line = lines.emplace_back();
    std::istringstream(text) >> line.word >> line.saga >> line.saga_id >> line.birth >>
        line.version;
  }
  return lines;
}

}  // namespace sagabus::faults
