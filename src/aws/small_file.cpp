#include "aws/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "aws/descriptor.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

constexpr std::size_t kMostBytes = std::size_t{1024} * 1024;

std::string text_of(const std::string& path, const std::string& why) {
  return "cannot read " + path + ": " + why;
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw AccessDenied(text_of(path, why));
}

[[noreturn]] void refuse(const std::string& path, int error) {
  const std::string why = std::generic_category().message(error);
  if (error == EACCES) throw NotPermitted(text_of(path, why));
  refuse(path, why);
}

bool is_pipe(const Descriptor& file) {
  struct stat status {};
  return ::fstat(file.number(), &status) == 0 &&
         (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

std::string read_all(const Descriptor& file, const std::string& path) {
  std::string text;
  std::array<char, 16 * 1024> buffer;
  for (;;) {
    const ssize_t got = ::read(file.number(), buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(path, errno);
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMostBytes) refuse(path, "it is larger than 1 MiB");
  }
}

}  // namespace

std::optional<std::string> read_small_file_if_any(const std::string& path) {
  // Closed to the programs that others start meanwhile. A pipe is not waited for.
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.number() < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    refuse(path, errno);
  }
  if (is_pipe(file)) refuse(path, "it is a pipe");
  return read_all(file, path);
}

std::string read_small_file(const std::string& path) {
  auto text = read_small_file_if_any(path);
  if (!text) refuse(path, ENOENT);
  return *std::move(text);
}

std::string read_small_line(const std::string& path) {
  std::string text = read_small_file(path);
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

}  // namespace sagabus::aws
