// The body of a request on its way to be text.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "dynamodb/attribute_value.hpp"
#include "sagabus/json.hpp"

namespace sagabus::dynamodb {

// Writes the members of a JSON object one after another.
class Body {
 public:
  explicit Body(std::size_t reserve = 512) { out_.reserve(reserve); }

  std::string& text() { return out_; }
  void open() { out_ += '{'; }
  void close() { out_ += '}'; }
  std::string finish() {
    out_ += '}';
    return std::move(out_);
  }

  // The name of a member, which must need no escape.
  std::string& member(std::string_view name) {
    if (!out_.empty() && out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  std::string& escaped_member(std::string_view name) {
    if (!out_.empty() && out_.back() != '{') out_ += ',';
    append_json_string(out_, name);
    return out_ += ':';
  }
  void string(std::string_view name, std::string_view text) {
    append_json_string(member(name), text);
  }
  void raw(std::string_view name, std::string_view json) { member(name) += json; }
  void string_attribute(std::string_view name, std::string_view text) {
    append_string_attribute(member(name), text);
  }
  template <class Integer>
  void number_attribute(std::string_view name, Integer number) {
    append_number_attribute(member(name), number);
  }
  void bool_attribute(std::string_view name, bool flag) {
    append_bool_attribute(member(name), flag);
  }

 private:
  std::string out_;
};

}  // namespace sagabus::dynamodb
