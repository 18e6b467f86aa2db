#include "dynamodb/attribute_reader.hpp"

#include <fmt/format.h>

#include <boost/json/value.hpp>

#include "dynamodb/attribute_value.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

[[noreturn]] void missing(std::string_view name) {
  throw ValidationError(fmt::format("{}: missing", name));
}

[[noreturn]] void wrong(std::string_view name, std::string_view type, const Value& found) {
  throw ValidationError(fmt::format("{}: expected {}, found {}", name, type, kind_name(found)));
}

}  // namespace

std::optional<Value> AttributeReader::value(std::string_view name) const {
  const boost::json::value* attribute = item_.if_contains({name.data(), name.size()});
  if (!attribute) return std::nullopt;
  const FieldPath root(MissingField::refuse);
  return read_attribute_value(*attribute, FieldPath(root, name));
}

std::optional<std::string> AttributeReader::text(std::string_view name) const {
  auto found = value(name);
  if (!found) return std::nullopt;
  if (std::string* text = found->if_string()) return std::move(*text);
  wrong(name, "S", *found);
}

std::string AttributeReader::required_text(std::string_view name) const {
  auto found = text(name);
  if (!found) missing(name);
  return std::move(*found);
}

std::optional<std::int64_t> AttributeReader::whole(std::string_view name) const {
  const auto found = value(name);
  if (!found) return std::nullopt;
  if (const auto* number = found->if_int64()) return *number;
  wrong(name, "a whole N", *found);
}

std::int64_t AttributeReader::required_whole(std::string_view name) const {
  const auto found = whole(name);
  if (!found) missing(name);
  return *found;
}

bool AttributeReader::flag(std::string_view name) const {
  const auto found = value(name);
  if (!found) return false;
  if (const bool* flag = found->if_bool()) return *flag;
  wrong(name, "BOOL", *found);
}

}  // namespace sagabus::dynamodb
