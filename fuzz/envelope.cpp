// Messages as transports and services in other languages send them.
#include "sagabus/envelope.hpp"

#include <optional>

#include "sagabus/error.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {

void envelope(std::string_view input) {
  const auto message =
      unless_refused<ValidationError>([&] { return std::optional(parse_envelope(input)); });
  if (!message) return;
  check(*message);
  const std::string text = to_json(*message);
  const Envelope again = parse_envelope(text);
  require(again == *message, "a message comes back from its text");
  require(to_json(again) == text, "and so does the text");
}

}  // namespace sagabus::fuzz
