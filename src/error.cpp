#include "sagabus/error.hpp"

#include <fmt/format.h>

namespace sagabus {
namespace {

std::string describe(const std::string& saga_id, std::size_t bytes, std::size_t limit,
                     const std::vector<StateTooLarge::Field>& largest) {
  std::string text =
      fmt::format("saga {}: an item of {} bytes is over the limit of {}", saga_id, bytes, limit);
  const char* separator = "; largest fields: ";
  for (const auto& field : largest) {
    text += fmt::format("{}{} ({} bytes)", separator, field.name, field.bytes);
    separator = ", ";
  }
  return text;
}

// One version of two lives looks like no difference at all.
std::string describe(const std::string& saga_id, std::uint64_t expected, std::uint64_t actual) {
  if (expected == actual) {
    return fmt::format("saga {}: expected version {}, found that of another life", saga_id,
                       expected);
  }
  return fmt::format("saga {}: expected version {}, found {}", saga_id, expected, actual);
}

}  // namespace

ConcurrencyError::ConcurrencyError(std::string saga_id, std::uint64_t expected,
                                   std::uint64_t actual)
    : Error(describe(saga_id, expected, actual)),
      saga_id_(std::move(saga_id)),
      expected_(expected),
      actual_(actual) {}

StateTooLarge::StateTooLarge(std::string saga_id, std::size_t bytes, std::size_t limit,
                             std::vector<Field> largest)
    : Error(describe(saga_id, bytes, limit, largest)),
      bytes_(bytes),
      limit_(limit),
      largest_(std::move(largest)) {}

}  // namespace sagabus
