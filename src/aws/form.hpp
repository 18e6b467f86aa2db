// A form, as services of the Query protocol take their requests.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "aws/percent.hpp"

namespace sagabus::aws {

inline constexpr std::string_view kFormType = "application/x-www-form-urlencoded; charset=utf-8";

class Form {
 public:
  // `version` is that of the service's interface: "2010-03-31".
  Form(std::string_view action, std::string_view version) {
    add("Action", action);
    add("Version", version);
  }
  // `name` is written as it is.
  void add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += '&';
    text_ += name;
    text_ += '=';
    append_percent_encoded(text_, value);
  }
  void add_unless_empty(std::string_view name, std::string_view value) {
    if (!value.empty()) add(name, value);
  }
  void reserve(std::size_t bytes) { text_.reserve(bytes); }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace sagabus::aws
