#include "dynamodb/attribute_value.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;

constexpr double kLeast = 1e-130;
constexpr double kBeyond = 1e126;
constexpr std::size_t kFewMembers = 16;

template <class Number>
void append_digits(std::string& out, Number number) {
  std::array<char, 32> buffer;
  out.append(buffer.data(),
             std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr);
}

void append_double(std::string& out, double v, const FieldPath& path) {
  if (!std::isfinite(v)) path.fail("NaN and infinity cannot be stored");
  const double size = std::abs(v);
  if (v != 0 && (size < kLeast || size >= kBeyond)) {
    path.fail("a number outside DynamoDB's range of 1E-130 to 9.99E+125");
  }
  out += "{\"N\":\"";
  append_digits(out, v == 0 ? 0.0 : v);  // there is no -0
  out += "\"}";
}

void append_text(std::string& out, const std::string& text, const FieldPath& path) {
  if (!sagabus::detail::is_utf8(text)) path.fail("not UTF-8 (use sagabus::Bytes for binary data)");
  append_string_attribute(out, text);
}

void append_list(std::string& out, const Array& array, const FieldPath& path, int level) {
  out += "{\"L\":[";
  for (std::size_t i = 0; i < array.size(); ++i) {
    if (i > 0) out += ',';
    append_attribute_value(out, array[i], FieldPath(path, i), level + 1);
  }
  out += "]}";
}

// Tells which members of an object another one of the same name follows.
class Repeats {
 public:
  explicit Repeats(const Object& object) : object_(object) {
    if (object.size() <= kFewMembers) return;
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = object.size(); i-- > 0;) {
      if (!seen.insert(object[i].first).second) repeated_.insert(i);
    }
  }
  bool followed(std::size_t i) const {
    if (object_.size() > kFewMembers) return repeated_.contains(i);
    return std::any_of(object_.begin() + static_cast<std::ptrdiff_t>(i) + 1, object_.end(),
                       [&](const Member& later) { return later.first == object_[i].first; });
  }

 private:
  const Object& object_;
  std::unordered_set<std::size_t> repeated_;
};

void append_map(std::string& out, const Object& object, const FieldPath& path, int level) {
  out += "{\"M\":";
  append_attributes(out, object, path, level + 1);
  out += '}';
}

std::string_view view(json::string_view text) {
  return {text.data(), text.size()};
}

const json::string& text_of(const json::value& value, const FieldPath& path) {
  if (const json::string* text = value.if_string()) return *text;
  path.fail("not an attribute value of DynamoDB");
}

const json::array& list_of(const json::value& value, const FieldPath& path) {
  if (const json::array* list = value.if_array()) return *list;
  path.fail("not an attribute value of DynamoDB");
}

template <class Number>
bool parse_whole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

Value read_number(std::string_view text, const FieldPath& path) {
  std::int64_t i = 0;
  if (parse_whole(text, i)) return Value(i);
  std::uint64_t u = 0;
  if (parse_whole(text, u)) return Value(u);
  double d = 0;
  if (parse_whole(text, d) && std::isfinite(d)) return Value(d);
  path.fail("not a number");
}

Value read_binary(const json::value& value, const FieldPath& path) {
  try {
    return Value(decode_base64(view(text_of(value, path))));
  } catch (const ValidationError&) {
    path.fail("not base64");
  }
}

template <class Read>
Value read_all(const json::value& content, const FieldPath& path, Read read) {
  const json::array& list = list_of(content, path);
  Array out;
  out.reserve(list.size());
  for (std::size_t i = 0; i < list.size(); ++i) out.push_back(read(list[i], FieldPath(path, i)));
  return Value(std::move(out));
}

Value read_map(const json::value& content, const FieldPath& path) {
  const json::object* object = content.if_object();
  if (!object) path.fail("not an attribute value of DynamoDB");
  Object out;
  out.reserve(object->size());
  for (const json::key_value_pair& member : *object) {
    const std::string_view name = view(member.key());
    out.emplace_back(name, read_attribute_value(member.value(), FieldPath(path, name)));
  }
  return Value(std::move(out));
}

Value read_string(const json::value& content, const FieldPath& path) {
  return Value(view(text_of(content, path)));
}

}  // namespace

void append_attributes(std::string& out, const Object& object, const FieldPath& path, int level) {
  const Repeats repeats(object);
  out += '{';
  bool first = true;
  for (std::size_t i = 0; i < object.size(); ++i) {
    const auto& [name, member] = object[i];
    if (name.empty()) path.fail("an empty name, which DynamoDB does not take");
    const FieldPath at(path, name);
    if (!sagabus::detail::is_utf8(name)) path.fail("a name that is not UTF-8");
    if (repeats.followed(i)) continue;
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, name);
    out += ':';
    append_attribute_value(out, member, at, level);
  }
  out += '}';
}

void append_string_attribute(std::string& out, std::string_view text) {
  out += "{\"S\":";
  append_json_string(out, text);
  out += '}';
}

void append_number_attribute(std::string& out, std::int64_t number) {
  out += "{\"N\":\"";
  append_digits(out, number);
  out += "\"}";
}

void append_number_attribute(std::string& out, std::uint64_t number) {
  out += "{\"N\":\"";
  append_digits(out, number);
  out += "\"}";
}

void append_bool_attribute(std::string& out, bool value) {
  out += value ? "{\"BOOL\":true}" : "{\"BOOL\":false}";
}

void append_attribute_value(std::string& out, const Value& value, const FieldPath& path,
                            int level) {
  const bool container = value.if_array() || value.if_object();
  if (level + (container ? 1 : 0) > kMaxLevels) {
    path.fail(fmt::format("nested deeper than DynamoDB's {} levels", kMaxLevels));
  }
  switch (value.kind()) {
    case ValueKind::null:
      out += "{\"NULL\":true}";
      return;
    case ValueKind::boolean:
      append_bool_attribute(out, *value.if_bool());
      return;
    case ValueKind::int64:
      append_number_attribute(out, *value.if_int64());
      return;
    case ValueKind::uint64:
      append_number_attribute(out, *value.if_uint64());
      return;
    case ValueKind::number:
      append_double(out, *value.if_double(), path);
      return;
    case ValueKind::string:
      append_text(out, *value.if_string(), path);
      return;
    case ValueKind::bytes:
      out += "{\"B\":\"";
      out += encode_base64(*value.if_bytes());
      out += "\"}";
      return;
    case ValueKind::array:
      append_list(out, *value.if_array(), path, level);
      return;
    case ValueKind::object:
      append_map(out, *value.if_object(), path, level);
      return;
  }
}

Value read_attribute_value(const json::value& attribute, const FieldPath& path) {
  const json::object* object = attribute.if_object();
  if (!object || object->size() != 1) path.fail("not an attribute value of DynamoDB");
  const std::string_view type = view(object->begin()->key());
  const json::value& content = object->begin()->value();
  if (type == "S") return read_string(content, path);
  if (type == "N") return read_number(view(text_of(content, path)), path);
  if (type == "BOOL" && content.is_bool()) return Value(content.get_bool());
  if (type == "M") return read_map(content, path);
  if (type == "L") return read_all(content, path, read_attribute_value);
  if (type == "NULL") return Value();
  if (type == "B") return read_binary(content, path);
  if (type == "SS") return read_all(content, path, read_string);
  if (type == "BS") return read_all(content, path, read_binary);
  if (type == "NS") {
    return read_all(content, path, [](const json::value& number, const FieldPath& at) {
      return read_number(view(text_of(number, at)), at);
    });
  }
  path.fail("an attribute value of a type that is not known");
}

}  // namespace sagabus::dynamodb
