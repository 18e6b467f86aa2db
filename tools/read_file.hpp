// A file as a text.
#pragma once

#include <optional>
#include <string>

namespace sagabus::tools {

// What the file holds; empty where it cannot be read, as a directory cannot.
std::optional<std::string> read_file(const std::string& path);

}  // namespace sagabus::tools
