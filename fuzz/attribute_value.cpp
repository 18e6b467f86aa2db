// DynamoDB's attribute values to Values and back, and Values of plain JSON through them.
#include "dynamodb/attribute_value.hpp"

#include <boost/json/parse.hpp>
#include <optional>

#include "alike.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

const FieldPath kRoot(MissingField::refuse);

std::optional<boost::json::value> parse_document(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 128;  // as answers are read
  boost::system::error_code error;
  auto value = boost::json::parse({text.data(), text.size()}, error, {}, options);
  return error ? std::nullopt : std::optional(std::move(value));
}

std::optional<std::string> write(const Value& value) {
  return unless_refused<ValidationError>([&] {
    std::string text;
    dynamodb::append_attribute_value(text, value, kRoot);
    return std::optional(std::move(text));
  });
}

void check_comes_back(const Value& value) {
  const auto text = write(value);  // nothing: too deep, or a number that DynamoDB does not take
  if (!text) return;
  const auto document = parse_document(*text);
  require(document.has_value(), "what is written is JSON");
  const Value again = dynamodb::read_attribute_value(*document, kRoot);
  require(alike(value, again), "a value comes back from its attribute");
  require(write(again) == text, "and is written the same");
}

}  // namespace

void attribute_value(std::string_view input) {
  if (const auto document = parse_document(input)) {
    const auto value = unless_refused<ValidationError>(
        [&] { return std::optional(dynamodb::read_attribute_value(*document, kRoot)); });
    if (value) check_comes_back(*value);
  }
  const auto plain =
      unless_refused<ValidationError>([&] { return std::optional(parse_json(input)); });
  if (plain) check_comes_back(*plain);
}

}  // namespace sagabus::fuzz
