#include "sqlite/owners.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sagabus/error.hpp"

namespace sagabus::sqlite {
namespace {

// Open file description locks: unlike POSIX locks, they tell two databases of one process apart,
// and closing another descriptor of the file does not drop them.
struct flock byte_lock(std::int64_t owner) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = owner;
  lock.l_len = 1;
  return lock;
}

}  // namespace

OwnerLocks::OwnerLocks(std::string path)
    : path_(std::move(path)), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (file_ < 0) throw AccessDenied(fmt::format("sqlite {}: {}", path_, std::strerror(errno)));
}

OwnerLocks::~OwnerLocks() {
  ::close(file_);
}

void OwnerLocks::hold(std::int64_t owner) {
  struct flock lock = byte_lock(owner);
  if (::fcntl(file_, F_OFD_SETLK, &lock) != 0) {
    throw Error(
        fmt::format("sqlite {}: cannot lock byte {}: {}", path_, owner, std::strerror(errno)));
  }
}

bool OwnerLocks::is_held(std::int64_t owner) const {
  struct flock lock = byte_lock(owner);
  if (::fcntl(file_, F_OFD_GETLK, &lock) != 0) return true;  // unknown: better late than twice
  return lock.l_type != F_UNLCK;
}

}  // namespace sagabus::sqlite
