#include "sagabus/value.hpp"

#include <limits>

namespace sagabus {

Value::Value(std::uint64_t v) {
  if (v <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    data_ = static_cast<std::int64_t>(v);
  } else {
    data_ = v;
  }
}

const Value* Value::find(std::string_view name) const noexcept {
  const Object* object = if_object();
  if (!object) return nullptr;
  for (auto member = object->rbegin(); member != object->rend(); ++member) {
    if (member->first == name) return &member->second;
  }
  return nullptr;
}

std::string_view kind_name(const Value& value) noexcept {
  switch (value.kind()) {
    case ValueKind::null:
      return "null";
    case ValueKind::boolean:
      return "boolean";
    case ValueKind::int64:
    case ValueKind::uint64:
    case ValueKind::number:
      return "number";
    case ValueKind::string:
      return "string";
    case ValueKind::bytes:
      return "bytes";
    case ValueKind::array:
      return "array";
    case ValueKind::object:
      return "object";
  }
  return "value";
}

}  // namespace sagabus
