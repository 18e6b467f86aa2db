// Lengths of time on the command line.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sagabus::tools {

// A whole number and ms, s, m, h or d, such as 90s; at most ten years. Empty for any other text.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

// For people, in the largest unit of which there are two: "0s", "119s", "2m", "47h", "2d".
std::string age_text(std::chrono::milliseconds age);

}  // namespace sagabus::tools
