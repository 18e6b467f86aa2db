// Members of JSON that a service sent: any may be missing, or of another kind than expected.
#pragma once

#include <boost/json/value.hpp>
#include <boost/system/error_code.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace sagabus::aws {

using MemberPath = std::initializer_list<std::string_view>;

// The member of a member and so on, from the outside in; null where one is missing.
inline const boost::json::value* find_member(const boost::json::value& value, MemberPath path) {
  const boost::json::value* at = &value;
  for (const std::string_view name : path) {
    const boost::json::object* object = at->if_object();
    at = object ? object->if_contains({name.data(), name.size()}) : nullptr;
    if (!at) return nullptr;
  }
  return at;
}

// Empty where it is missing or no text.
inline std::string_view find_text(const boost::json::value& value, MemberPath path) {
  const boost::json::value* found = find_member(value, path);
  if (!found || !found->is_string()) return {};
  return {found->get_string().data(), found->get_string().size()};
}

// Nothing where it is missing, or no whole number of 64 bits without a sign.
inline std::optional<std::uint64_t> find_count(const boost::json::value& value, MemberPath path) {
  const boost::json::value* found = find_member(value, path);
  if (!found || !found->is_number()) return std::nullopt;
  boost::system::error_code unfit;
  const auto count = found->to_number<std::uint64_t>(unfit);
  return unfit ? std::nullopt : std::optional(count);
}

}  // namespace sagabus::aws
