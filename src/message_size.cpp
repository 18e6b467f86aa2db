#include "message_size.hpp"

#include <fmt/format.h>

#include <limits>

#include "sagabus/error.hpp"

namespace sagabus::detail {
namespace {

constexpr auto kNoLimit = std::numeric_limits<std::size_t>::max();

// What the names of an envelope's members, its time and all brackets take, and more.
constexpr std::size_t kFrame = 256;

// The longest of numbers, true, false and null.
constexpr std::size_t kScalar = 32;

// The functions below say how many bytes something has at the most.

// In a text each byte may be escaped, as \u001f, and there are quotes around it.
std::size_t most_of(std::string_view text) {
  return 6 * text.size() + 2;
}

std::size_t most_of(const Value& value) {
  if (const std::string* text = value.if_string()) return most_of(*text);
  if (const Bytes* bytes = value.if_bytes()) return (bytes->size() + 2) / 3 * 4 + 2;
  std::size_t sum = 2;
  if (const Array* array = value.if_array()) {
    for (const Value& element : *array) sum += most_of(element) + 1;
    return sum;
  }
  if (const Object* object = value.if_object()) {
    for (const auto& [name, member] : *object) sum += most_of(name) + most_of(member) + 2;
    return sum;
  }
  return kScalar;
}

std::size_t most_of(const Envelope& envelope) {
  std::size_t sum = kFrame + most_of(envelope.id) + most_of(envelope.type) +
                    most_of(envelope.payload) + most_of(envelope.partition_key);
  for (const auto& [name, value] : envelope.headers) sum += most_of(name) + most_of(value) + 2;
  return sum;
}

}  // namespace

bool fits(const Envelope& envelope, std::size_t most) {
  return most == kNoLimit || most_of(envelope) <= most || to_json(envelope).size() <= most;
}

void check_size(const Envelope& envelope, std::size_t most) {
  if (fits(envelope, most)) return;
  throw ValidationError(fmt::format("{}: a message of {} bytes; the transport takes at most {}",
                                    envelope.type, to_json(envelope).size(), most));
}

}  // namespace sagabus::detail
