#include "faults/history.hpp"

#include <fmt/format.h>

namespace sagabus::faults {

void History::add(const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    if (line.saga.empty()) continue;
    Version& version = lives_[{line.saga, line.saga_id, line.birth}][line.version];
    if (line.word == words::kTry) ++version.open;
    if (line.word == words::kWon) ++version.won, --version.open, ++commits_;
    if (line.word == words::kLost) --version.open, ++races_lost_;
  }
}

std::vector<std::string> History::problems(const std::vector<Instance>& instances) const {
  std::vector<std::string> problems;
  auto unclaimed = lives_;
  for (const Instance& it : instances) {
    const auto life = unclaimed.extract(Key{it.saga_name, it.saga_id, it.bookkeeping.birth});
    const std::string problem =
        life ? problem_of(life.mapped(), it.version) : std::string("nobody wrote it");
    if (problem.empty()) continue;
    problems.push_back(fmt::format("{} {}, history: {}", it.saga_name, it.correlation_id, problem));
  }
  for (const auto& [key, versions] : unclaimed) {  // fine where every try to start it lost
    for (const auto& [number, version] : versions) {
      if (version.won == 0) continue;
      problems.push_back(fmt::format("{} {}, history: version {} of the life {} is gone", key.saga,
                                     key.saga_id, number, key.birth));
    }
  }
  return problems;
}

std::string History::problem_of(const Versions& versions, std::uint64_t last) {
  for (std::uint64_t number = 1; number <= last; ++number) {
    const auto found = versions.find(number);
    const bool there = found != versions.end() && (found->second.won > 0 || found->second.open > 0);
    if (!there) return fmt::format("nobody wrote version {} of {}", number, last);
  }
  for (const auto& [number, version] : versions) {
    if (version.won > 1) return fmt::format("version {} was written {} times", number, version.won);
    if (version.won > 0 && number > last) {
      return fmt::format("version {} was written, {} is there", number, last);
    }
  }
  return {};
}

}  // namespace sagabus::faults
