#include "sagabus/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

#include "sagabus/error.hpp"

namespace sagabus {
namespace {

namespace json = boost::json;

// Of a number that is out of a double's range: whether it is too small, not too large. from_chars
// does not tell. Below 1 is small enough to know: no double out of range lies near it.
bool is_tiny(std::string_view number) {
  if (number.starts_with('-')) number.remove_prefix(1);
  const std::size_t e = number.find_first_of("eE");
  const std::string_view digits = number.substr(0, e);
  // The first digit that counts stands for ten to the power of `magnitude`.
  const std::size_t first = digits.find_first_of("123456789");
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::int64_t magnitude = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (first < point) --magnitude;
  if (e == std::string_view::npos) return magnitude < 0;
  std::string_view exponent = number.substr(e + 1);
  if (exponent.starts_with('+')) exponent.remove_prefix(1);
  std::int64_t power = 0;
  if (std::from_chars(exponent.data(), exponent.data() + exponent.size(), power).ec !=
      std::errc{}) {
    return exponent.starts_with('-');  // more than any count of digits makes up for
  }
  return power < -magnitude;
}

// Builds a Value from the events of Boost.JSON's parser.
class Builder {
 public:
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  Value take() { return std::move(root_); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open(Value(Object{})); }
  bool on_object_end(std::size_t, json::error_code&) { return close(); }
  bool on_array_begin(json::error_code&) { return open(Value(Array{})); }
  bool on_array_end(std::size_t, json::error_code&) { return close(); }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    key_.append(part.data(), part.size());
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    if (text_.empty()) return put(Value(std::string(part.data(), part.size())));
    text_.append(part.data(), part.size());
    return put(Value(std::exchange(text_, {})));
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t v, json::string_view, json::error_code&) { return put(Value(v)); }
  bool on_uint64(std::uint64_t v, json::string_view, json::error_code&) { return put(Value(v)); }
  // The parser's own double may be off in its last bit, so the text is read again.
  bool on_double(double, json::string_view text, json::error_code& ec) {
    double v = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (error == std::errc::result_out_of_range && is_tiny({text.data(), text.size()})) {
      v = text.front() == '-' ? -0.0 : 0.0;
    } else if (error != std::errc{}) {
      ec = json::error::exponent_overflow;
      return false;
    }
    return put(Value(v));
  }
  bool on_bool(bool v, json::error_code&) { return put(Value(v)); }
  bool on_null(json::error_code&) { return put(Value()); }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  bool open(Value&& container) {
    Value* const place = add(std::move(container));
    open_.push_back(place);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }
  bool put(Value&& value) {
    add(std::move(value));
    return true;
  }
  // A container is only added to while it is the innermost open one, so that the pointers to the
  // open ones stay valid: they point into vectors that do not grow meanwhile.
  Value* add(Value&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (Array* array = open_.back()->if_array()) return &array->emplace_back(std::move(value));
    Object* const object = open_.back()->if_object();
    return &object->emplace_back(std::exchange(key_, {}), std::move(value)).second;
  }

  Value root_;
  std::vector<Value*> open_;
  std::string key_;
  std::string text_;
};

void append_double(std::string& out, double v) {
  if (!std::isfinite(v)) throw ValidationError("JSON has no NaN and no infinity");
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v).ptr;
  out.append(buffer.data(), end);
  // "5" would come back as an integer. A number that was a double stays one.
  if (std::none_of(buffer.data(), end, [](char c) { return c == '.' || c == 'e'; })) out += ".0";
}

template <class Integer>
void append_integer(std::string& out, Integer v) {
  std::array<char, 24> buffer;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), v).ptr);
}

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

}  // namespace

Value parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw ValidationError(fmt::format("a JSON text of {} bytes is over the limit of {}",
                                      text.size(), limits.max_bytes));
  }
  json::parse_options options;
  options.max_depth = limits.max_depth;
  json::basic_parser<Builder> parser(options);
  json::error_code ec;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && read < text.size()) ec = json::error::extra_data;
  if (ec) throw ValidationError(fmt::format("not JSON: {} at byte {}", ec.message(), read));
  return parser.handler().take();
}

void require_unique_members(const Value& value) {
  if (const Array* array = value.if_array()) {
    for (const Value& element : *array) require_unique_members(element);
  }
  const Object* const object = value.if_object();
  if (!object) return;
  std::vector<std::string_view> names;
  names.reserve(object->size());
  for (const auto& [name, member] : *object) {
    require_unique_members(member);
    names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return;
  throw ValidationError(fmt::format("member '{}' is there twice in one object", *twice));
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // the start of what needs no escape
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += fmt::format("\\u{:04x}", c);
    }
  }
  out.append(text, plain);
  out += '"';
}

void append_json(std::string& out, const Value& value) {
  switch (value.kind()) {
    case ValueKind::null:
      out += "null";
      return;
    case ValueKind::boolean:
      out += *value.if_bool() ? "true" : "false";
      return;
    case ValueKind::int64:
      append_integer(out, *value.if_int64());
      return;
    case ValueKind::uint64:
      append_integer(out, *value.if_uint64());
      return;
    case ValueKind::number:
      append_double(out, *value.if_double());
      return;
    case ValueKind::string:
      append_json_string(out, *value.if_string());
      return;
    case ValueKind::bytes:
      append_json_string(out, encode_base64(*value.if_bytes()));
      return;
    case ValueKind::array: {
      char separator = '[';
      for (const Value& element : *value.if_array()) {
        out += std::exchange(separator, ',');
        append_json(out, element);
      }
      out += separator == '[' ? "[]" : "]";
      return;
    }
    case ValueKind::object: {
      char separator = '{';
      for (const auto& [name, member] : *value.if_object()) {
        out += std::exchange(separator, ',');
        append_json_string(out, name);
        out += ':';
        append_json(out, member);
      }
      out += separator == '{' ? "{}" : "}";
      return;
    }
  }
}

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

std::string encode_base64(const Bytes& bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < have ? std::to_integer<unsigned>(bytes[i + j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += j <= have ? kBase64[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

Bytes decode_base64(std::string_view text) {
  const auto refuse = [] { return ValidationError("expected base64"); };
  if (text.size() % 4 != 0) throw refuse();
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    unsigned group = 0;
    for (std::size_t j = i; j < i + 4; ++j) {
      const bool padded = j >= text.size() - padding;
      const int digit = padded ? 0 : base64_digit(text[j]);
      if (digit < 0) throw refuse();
      group = group << 6 | static_cast<unsigned>(digit);
    }
    const std::size_t have = i + 4 == text.size() ? 3 - padding : 3;
    if ((group & ((1U << (8 * (3 - have))) - 1)) != 0) throw refuse();  // bits nobody would see
    for (std::size_t j = 0; j < have; ++j) {
      bytes.push_back(static_cast<std::byte>(group >> (16 - 8 * j) & 0xff));
    }
  }
  return bytes;
}

}  // namespace sagabus
