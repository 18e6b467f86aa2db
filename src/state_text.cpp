#include "state_text.hpp"

#include <algorithm>

#include "sagabus/codec.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::detail {
namespace {

constexpr std::string_view kName = "bytes";
constexpr std::size_t kMaxDepth = 200;

// "$bytes", "$$bytes", ...: the number of dollars, or 0 for any other name.
std::size_t dollars(std::string_view name) {
  const std::size_t count = std::min(name.find_first_not_of('$'), name.size());
  return name.substr(count) == kName ? count : 0;
}

bool is_plain(const Value& value, std::size_t depth) {
  if (depth > kMaxDepth) throw ValidationError("the state: deeper than 200 levels");
  if (value.if_bytes()) return false;
  if (const Array* array = value.if_array()) {
    return std::all_of(array->begin(), array->end(),
                       [&](const Value& element) { return is_plain(element, depth + 1); });
  }
  const Object* object = value.if_object();
  if (!object) return true;
  if (object->size() == 1 && dollars(object->front().first) > 0) return false;
  return std::all_of(object->begin(), object->end(),
                     [&](const Member& member) { return is_plain(member.second, depth + 1); });
}

Value escape(const Value& value, std::size_t depth) {
  if (depth > kMaxDepth) throw ValidationError("the state: deeper than 200 levels");
  if (const Bytes* bytes = value.if_bytes()) {
    Object out;
    out.emplace_back("$bytes", Value(encode_base64(*bytes)));
    return Value(std::move(out));
  }
  if (const Array* array = value.if_array()) {
    Array out;
    out.reserve(array->size());
    for (const Value& element : *array) out.push_back(escape(element, depth + 1));
    return Value(std::move(out));
  }
  if (const Object* object = value.if_object()) {
    const bool clash = object->size() == 1 && dollars(object->front().first) > 0;
    Object out;
    out.reserve(object->size());
    for (const auto& [name, member] : *object) {
      out.emplace_back(clash ? '$' + name : name, escape(member, depth + 1));
    }
    return Value(std::move(out));
  }
  return value;
}

Value unescape(Value value) {
  if (Array* array = value.if_array()) {
    for (Value& element : *array) element = unescape(std::move(element));
    return value;
  }
  Object* object = value.if_object();
  if (!object) return value;
  const std::size_t marks = object->size() == 1 ? dollars(object->front().first) : 0;
  if (marks == 1) {
    const std::string* text = object->front().second.if_string();
    if (!text) throw ValidationError("the state: $bytes without base64");
    return Value(decode_base64(*text));
  }
  if (marks > 1) object->front().first.erase(0, 1);
  for (auto& [name, member] : *object) member = unescape(std::move(member));
  return value;
}

}  // namespace

std::string write_state(const Value& state) {
  std::string text = to_json(is_plain(state, 1) ? state : escape(state, 1));
  if (!is_utf8(text)) throw ValidationError("the state: text that is not UTF-8");
  return text;
}

Value read_state(std::string_view text) {
  JsonLimits limits;
  limits.max_depth = kMaxDepth + 2;
  limits.max_bytes = kMaxStateBytes;
  Value value = parse_json(text, limits);
  return text.find("$bytes\"") == std::string_view::npos ? value : unescape(std::move(value));
}

}  // namespace sagabus::detail
