#include "sagabus/envelope.hpp"

#include <fmt/format.h>

#include <cmath>

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

static_assert(kMaxPayloadDepth + 1 == JsonLimits{}.max_depth);

void check_text(std::string_view text, const FieldPath& path) {
  if (!detail::is_utf8(text)) path.fail("not UTF-8 (use sagabus::Bytes for binary data)");
}

// A name is not quoted before it is known to be text.
void check_name(std::string_view name, const FieldPath& parent) {
  if (!detail::is_utf8(name)) parent.fail("a name that is not UTF-8");
}

void check_required(std::string_view text, const FieldPath& path) {
  if (text.empty()) path.fail("empty");
  check_text(text, path);
}

// `depth` arrays and objects are around it.
void check_value(const Value& value, std::size_t depth, const FieldPath& path) {
  if (const std::string* text = value.if_string()) return check_text(*text, path);
  if (const double* number = value.if_double(); number && !std::isfinite(*number)) {
    path.fail("NaN and infinity cannot be sent");
  }
  const Array* array = value.if_array();
  const Object* object = value.if_object();
  if (!array && !object) return;
  if (depth == kMaxPayloadDepth) {
    throw ValidationError(fmt::format("payload: deeper than {} levels", kMaxPayloadDepth));
  }
  if (array) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      check_value((*array)[i], depth + 1, FieldPath(path, i));
    }
    return;
  }
  for (const auto& [name, member] : *object) {
    check_name(name, path);
    check_value(member, depth + 1, FieldPath(path, name));
  }
}

template <class T>
void read_optional(const Value& envelope, std::string_view name, T& target) {
  const FieldPath root(MissingField::refuse);
  const Value* value = envelope.find(name);
  if (value && !value->is_null()) Codec<T>::read(*value, target, FieldPath(root, name));
}

}  // namespace

std::string to_json(const Envelope& envelope) {
  return to_json(envelope, {}, {});
}

std::string to_json(const Envelope& envelope, std::string_view header, std::string_view value) {
  std::string out;
  out += "{\"id\":";
  append_json_string(out, envelope.id);
  out += ",\"type\":";
  append_json_string(out, envelope.type);
  out += ",\"payload\":";
  append_json(out, envelope.payload);
  out += ",\"headers\":{";
  const std::size_t begin = out.size();
  const auto append = [&out, begin](std::string_view name, std::string_view text) {
    if (out.size() > begin) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
  };
  for (const auto& [name, text] : envelope.headers) append(name, text);
  if (!header.empty() && !envelope.headers.contains(header)) append(header, value);
  out += "},\"timestamp\":\"" + to_iso8601(envelope.timestamp) + '"';
  if (!envelope.partition_key.empty()) {
    out += ",\"partitionKey\":";
    append_json_string(out, envelope.partition_key);
  }
  return out += '}';
}

void check(const Envelope& envelope) {
  const FieldPath root(MissingField::refuse);
  check_required(envelope.id, FieldPath(root, "id"));
  check_required(envelope.type, FieldPath(root, "type"));
  const FieldPath headers(root, "headers");
  for (const auto& [name, value] : envelope.headers) {
    check_name(name, headers);
    check_text(value, FieldPath(headers, name));
  }
  check_text(envelope.partition_key, FieldPath(root, "partition_key"));
  if (!is_writable(std::chrono::floor<std::chrono::seconds>(envelope.timestamp))) {
    FieldPath(root, "timestamp").fail("outside the years 0 to 9999");
  }
  check_value(envelope.payload, 0, FieldPath(root, "payload"));
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
