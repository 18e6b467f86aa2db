#include "dynamodb/item_size.hpp"

#include <algorithm>
#include <array>
#include <boost/json/value.hpp>
#include <charconv>

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;

constexpr std::size_t kContainer = 3;  // what a list or map costs, and then 1 for each element
constexpr std::size_t kElement = 1;

std::size_t attribute_size(const json::value& attribute);

template <class Number>
std::size_t number_value_size(Number number) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return number_size({text.data(), static_cast<std::size_t>(end - text.data())});
}

std::size_t text_size(const json::value& text) {
  return text.is_string() ? text.get_string().size() : 0;
}

std::size_t base64_size(const json::value& text) {
  if (!text.is_string()) return 0;
  const json::string_view view = text.get_string();
  const auto padding = static_cast<std::size_t>(std::count(view.begin(), view.end(), '='));
  return view.size() / 4 * 3 - padding;
}

std::size_t number_text_size(const json::value& text) {
  return text.is_string() ? number_size({text.get_string().data(), text.get_string().size()}) : 0;
}

template <class Size>
std::size_t sum(const json::value& list, std::size_t overhead, Size size) {
  std::size_t bytes = 0;
  if (list.is_array()) {
    for (const json::value& element : list.get_array()) bytes += overhead + size(element);
  }
  return bytes;
}

std::size_t map_size(const json::value& content) {
  if (!content.is_object()) return kContainer;
  return kContainer + content.get_object().size() * kElement + item_size(content.get_object());
}

std::size_t attribute_size(const json::value& attribute) {
  if (!attribute.is_object() || attribute.get_object().empty()) return 0;
  const json::key_value_pair& typed = *attribute.get_object().begin();
  const json::string_view type = typed.key();
  const json::value& content = typed.value();
  if (type == "S") return text_size(content);
  if (type == "N") return number_text_size(content);
  if (type == "B") return base64_size(content);
  if (type == "M") return map_size(content);
  if (type == "L") return kContainer + sum(content, kElement, attribute_size);
  if (type == "SS") return sum(content, 0, text_size);
  if (type == "NS") return sum(content, 0, number_text_size);
  if (type == "BS") return sum(content, 0, base64_size);
  return 1;  // BOOL, NULL
}

int floor_half(int v) {
  return v >= 0 ? v / 2 : -((1 - v) / 2);
}

}  // namespace

// Digits are stored in pairs that meet the decimal point, without zeros at either end.
std::size_t number_size(std::string_view number) {
  const bool negative = !number.empty() && number.front() == '-';
  int exponent = 0;
  const std::size_t e = number.find_first_of("eE");
  if (e != std::string_view::npos) {
    std::string_view text = number.substr(e + 1);
    if (!text.empty() && text.front() == '+') text.remove_prefix(1);
    std::from_chars(text.data(), text.data() + text.size(), exponent);
  }
  const std::string_view mantissa = number.substr(0, e);
  const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
  bool any = false;
  int highest = 0;
  int lowest = 0;
  for (std::size_t i = 0; i < mantissa.size(); ++i) {
    if (mantissa[i] < '1' || mantissa[i] > '9') continue;
    const int before_point = static_cast<int>(point) - static_cast<int>(i);
    const int power = exponent + (i < point ? before_point - 1 : before_point);
    if (!std::exchange(any, true)) highest = power;
    lowest = power;
  }
  if (!any) return 1;
  return static_cast<std::size_t>(floor_half(highest) - floor_half(lowest) + 2) +
         (negative ? 1 : 0);
}

std::size_t value_size(const Value& value) {
  std::size_t bytes = kContainer;
  switch (value.kind()) {
    case ValueKind::null:
    case ValueKind::boolean:
      return 1;
    case ValueKind::int64:
      return number_value_size(*value.if_int64());
    case ValueKind::uint64:
      return number_value_size(*value.if_uint64());
    case ValueKind::number:
      return number_value_size(*value.if_double());
    case ValueKind::string:
      return value.if_string()->size();
    case ValueKind::bytes:
      return value.if_bytes()->size();
    case ValueKind::array:
      for (const Value& element : *value.if_array()) bytes += kElement + value_size(element);
      return bytes;
    case ValueKind::object:
      for (const auto& [name, member] : *value.if_object()) {
        bytes += kElement + name.size() + value_size(member);
      }
      return bytes;
  }
  return bytes;
}

std::size_t item_size(const json::object& item) {
  std::size_t bytes = 0;
  for (const json::key_value_pair& attribute : item) {
    bytes += attribute.key().size() + attribute_size(attribute.value());
  }
  return bytes;
}

double write_units(std::size_t bytes) {
  return static_cast<double>(std::max<std::size_t>(1, (bytes + 1023) / 1024));
}

}  // namespace sagabus::dynamodb
