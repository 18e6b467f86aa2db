// How far something is, as a text of one line.
#pragma once

#include <cstdint>
#include <string>

namespace sagabus::tools {

// "[####----] 5 of 10", the bar 40 characters wide.
std::string progress_bar(std::uint64_t done, std::uint64_t all);

}  // namespace sagabus::tools
