// What may be an id or a name: of an instance, a saga, an endpoint.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "sagabus/codec.hpp"

namespace sagabus::detail {

inline constexpr std::size_t kMaxKeyBytes = 1024;  // DynamoDB's bound for a sort key

// What is wrong with an id, to be read after what it is; empty where nothing is.
inline std::string problem_of_id(std::string_view id) {
  if (id.empty()) return "empty";
  if (id.size() > kMaxKeyBytes) {
    return fmt::format("{} bytes, over the limit of {}", id.size(), kMaxKeyBytes);
  }
  return is_utf8(id) ? "" : "not UTF-8";
}

// The same of a name.
inline std::string problem_of_name(std::string_view name) {
  return name.starts_with('$') ? "a leading $ is reserved" : problem_of_id(name);
}

}  // namespace sagabus::detail
