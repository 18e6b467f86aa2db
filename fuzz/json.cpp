// JSON text to a Value and back; base64.
#include "sagabus/json.hpp"

#include <algorithm>
#include <optional>

#include "sagabus/error.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

void check_base64(std::string_view input) {
  Bytes bytes(input.size());
  std::transform(input.begin(), input.end(), bytes.begin(),
                 [](char c) { return static_cast<std::byte>(c); });
  require(decode_base64(encode_base64(bytes)) == bytes, "bytes come back from base64");
  const auto decoded =
      unless_refused<ValidationError>([&] { return std::optional(decode_base64(input)); });
  require(!decoded || encode_base64(*decoded) == input, "bytes have but one base64");
}

}  // namespace

void json(std::string_view input) {
  check_base64(input);
  const auto value =
      unless_refused<ValidationError>([&] { return std::optional(parse_json(input)); });
  if (!value) return;
  const std::string text = to_json(*value);
  const Value again = parse_json(text);
  require(again == *value, "a value comes back from its text");
  require(to_json(again) == text, "and to the bit");  // 0.0 == -0.0
}

}  // namespace sagabus::fuzz
