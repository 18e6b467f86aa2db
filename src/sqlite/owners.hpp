// Which open databases are alive. Each holds a lock on one byte of a file beside the database, and
// the kernel lets go of it when the process ends, however it ends.
#pragma once

#include <cstdint>
#include <string>

namespace sagabus::sqlite {

class OwnerLocks {
 public:
  // Opens the file, and makes it with mode 0600 where there is none. Throws AccessDenied.
  explicit OwnerLocks(std::string path);
  OwnerLocks(const OwnerLocks&) = delete;
  OwnerLocks& operator=(const OwnerLocks&) = delete;
  ~OwnerLocks();

  // Held until this object is destroyed. Throws Error where another holds it.
  void hold(std::int64_t owner);

  // Whether another open database, of this process or another, holds it. Never blocks.
  bool is_held(std::int64_t owner) const;

 private:
  std::string path_;
  int file_;
};

}  // namespace sagabus::sqlite
