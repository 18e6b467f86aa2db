#include "pretty_json.hpp"

#include "sagabus/json.hpp"
#include "terminal.hpp"

namespace sagabus::tools {
namespace {

void append(std::string& out, const Value& value, const std::string& indent);

// Between brackets, where there is anything to put there.
template <class Parts, class AppendPart>
void append_parts(std::string& out, const Parts& parts, const char* brackets,
                  const std::string& indent, const AppendPart& append_part) {
  out += brackets[0];
  const char* separator = "\n";
  for (const auto& part : parts) {
    out += separator + indent + "  ";
    append_part(part);
    separator = ",\n";
  }
  if (!parts.empty()) out += '\n' + indent;
  out += brackets[1];
}

void append(std::string& out, const Value& value, const std::string& indent) {
  if (const Array* array = value.if_array()) {
    append_parts(out, *array, "[]", indent,
                 [&](const Value& element) { append(out, element, indent + "  "); });
  } else if (const Object* object = value.if_object()) {
    append_parts(out, *object, "{}", indent, [&](const Member& member) {
      out += escape_controls(to_json(Value(member.first))) + ": ";
      append(out, member.second, indent + "  ");
    });
  } else {
    out += escape_controls(to_json(value));
  }
}

}  // namespace

std::string pretty_json(const Value& value, const std::string& indent) {
  std::string out = indent;
  append(out, value, indent);
  return out;
}

}  // namespace sagabus::tools
