#include "progress_bar.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sagabus::tools {

std::string progress_bar(std::uint64_t done, std::uint64_t all) {
  constexpr std::uint64_t kWidth = 40;
  const std::uint64_t filled = std::min(done * kWidth / std::max<std::uint64_t>(all, 1), kWidth);
  return fmt::format("[{:-<{}}] {} of {}", std::string(filled, '#'), kWidth, done, all);
}

}  // namespace sagabus::tools
