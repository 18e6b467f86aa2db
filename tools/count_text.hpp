// Counts in sentences.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sagabus::tools {

// "1 instance", "2 instances".
inline std::string count_text(std::uint64_t count, std::string_view thing) {
  return std::to_string(count).append(1, ' ').append(thing).append(count == 1 ? "" : "s");
}

}  // namespace sagabus::tools
