#include "sagabus/envelope.hpp"

#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus {
namespace {

std::string required_text(const Value& envelope, std::string_view name) {
  const FieldPath root(MissingField::refuse);
  const FieldPath path(root, name);
  const Value* value = envelope.find(name);
  if (!value) path.fail("missing");
  const std::string& text = detail::read_string(*value, path);
  if (text.empty()) path.fail("empty");
  return text;
}

template <class T>
void read_optional(const Value& envelope, std::string_view name, T& target) {
  const FieldPath root(MissingField::refuse);
  const Value* value = envelope.find(name);
  if (value && !value->is_null()) Codec<T>::read(*value, target, FieldPath(root, name));
}

}  // namespace

std::string to_json(const Envelope& envelope) {
  std::string out;
  out += "{\"id\":";
  append_json_string(out, envelope.id);
  out += ",\"type\":";
  append_json_string(out, envelope.type);
  out += ",\"payload\":";
  append_json(out, envelope.payload);
  out += ",\"headers\":{";
  bool first = true;
  for (const auto& [name, value] : envelope.headers) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, value);
  }
  out += "},\"timestamp\":\"" + to_iso8601(envelope.timestamp) + '"';
  if (!envelope.partition_key.empty()) {
    out += ",\"partitionKey\":";
    append_json_string(out, envelope.partition_key);
  }
  return out += '}';
}

Envelope parse_envelope(std::string_view json) {
  Value value = parse_json(json);
  if (!value.if_object())
    throw ValidationError("expected an envelope, found " + std::string(kind_name(value)));
  Envelope envelope;
  envelope.id = required_text(value, "id");
  envelope.type = required_text(value, "type");
  read_optional(value, "headers", envelope.headers);
  read_optional(value, "timestamp", envelope.timestamp);
  read_optional(value, "partitionKey", envelope.partition_key);
  for (auto& [name, member] : *value.if_object()) {
    if (name == "payload") envelope.payload = std::move(member);
  }
  return envelope;
}

}  // namespace sagabus
