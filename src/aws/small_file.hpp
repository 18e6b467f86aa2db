// Files with settings and credentials in them.
#pragma once

#include <optional>
#include <string>

#include "sagabus/error.hpp"

namespace sagabus::aws {

// A file that is somebody else's: the permissions of it or of a folder on the way forbid to read
// it.
class NotPermitted : public AccessDenied {
 public:
  using AccessDenied::AccessDenied;
};

// All of a file; nothing where there is none. Throws NotPermitted or another AccessDenied, which
// names the file and the reason and shows none of what is in it, where it cannot be read, is a
// directory or a pipe, which could keep the reader waiting, or is larger than 1 MiB.
std::optional<std::string> read_small_file_if_any(const std::string& path);

// The same, and throws where there is none.
std::string read_small_file(const std::string& path);

// The same, without the end of line that an editor leaves.
std::string read_small_line(const std::string& path);

}  // namespace sagabus::aws
