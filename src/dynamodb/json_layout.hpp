// JSON for files that people read and keep: what fits on a line stands on one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "sagabus/json.hpp"
#include "sagabus/value.hpp"

namespace sagabus::dynamodb {

inline constexpr std::size_t kLayoutColumns = 98;

inline void append_json_line(std::string& out, const Value& value) {
  const char* separator = "";
  if (const Array* array = value.if_array()) {
    out += '[';
    for (const Value& element : *array) {
      out += std::exchange(separator, ", ");
      append_json_line(out, element);
    }
    out += ']';
  } else if (const Object* object = value.if_object()) {
    out += '{';
    for (const auto& [name, member] : *object) {
      out += std::exchange(separator, ", ");
      append_json_string(out, name);
      out += ": ";
      append_json_line(out, member);
    }
    out += '}';
  } else {
    append_json(out, value);
  }
}

// `lead` stands before the value on its line.
inline void append_json_layout(std::string& out, std::size_t indent, std::string_view lead,
                               const Value& value) {
  std::string line;
  append_json_line(line, value);
  out += lead;
  const bool plain = !value.if_array() && !value.if_object();
  if (plain || indent + lead.size() + line.size() <= kLayoutColumns) {
    out += line;
    return;
  }
  const std::string below = '\n' + std::string(indent + 2, ' ');
  const char* separator = "";
  out += line.front();
  if (const Array* array = value.if_array()) {
    for (const Value& element : *array) {
      out += std::exchange(separator, ",") + below;
      append_json_layout(out, indent + 2, "", element);
    }
  } else {
    for (const auto& [name, member] : *value.if_object()) {
      out += std::exchange(separator, ",") + below;
      append_json_layout(out, indent + 2, to_json(Value(name)) + ": ", member);
    }
  }
  out += '\n' + std::string(indent, ' ') + line.back();
}

// Ends with a line break.
inline std::string lay_out_json(const Value& value) {
  std::string out;
  append_json_layout(out, 0, "", value);
  return out += '\n';
}

}  // namespace sagabus::dynamodb
