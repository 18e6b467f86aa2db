#include <algorithm>

#include "sagabus/dynamodb/store.hpp"

namespace sagabus::dynamodb {
namespace {

bool is_plain_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '_' || c == '-' || c == '.';
         });
}

// arn:<partition>:dynamodb:<region>:<account>:table/<name>
bool is_arn(std::string_view arn) {
  if (!arn.starts_with("arn:") || arn.size() > 1024) return false;
  std::size_t part = 0;
  while (part < 5) {
    const std::size_t colon = arn.find(':');
    if (colon == 0 || colon == std::string_view::npos) return false;
    if (part == 2 && arn.substr(0, colon) != "dynamodb") return false;
    arn.remove_prefix(colon + 1);
    ++part;
  }
  return arn.starts_with("table/") && is_plain_name(arn.substr(6));
}

}  // namespace

bool is_table_name(std::string_view name) {
  return is_plain_name(name) || is_arn(name);
}

}  // namespace sagabus::dynamodb
