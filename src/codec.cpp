#include "sagabus/codec.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <cstring>

#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus {

std::string FieldPath::text() const {
  if (!parent_) return {};
  std::string text = parent_->text();
  if (index_ != kNamed) return text + fmt::format("[{}]", index_);
  if (!text.empty()) text += '.';
  return text.append(name_);
}

void FieldPath::fail(const std::string& problem) const {
  const std::string where = text();
  throw ValidationError(where.empty() ? problem : where + ": " + problem);
}

void FieldPath::expected(std::string_view what, const Value& found) const {
  fail(fmt::format("expected {}, found {}", what, kind_name(found)));
}

namespace detail {
namespace {

constexpr double kTwo63 = 9223372036854775808.0;
constexpr double kTwo64 = 18446744073709551616.0;

constexpr std::size_t kWord = sizeof(std::uint64_t);

// A word of ASCII characters stands at text[i], where there is a word: the usual case, told at one
// blow.
bool is_ascii_word(std::string_view text, std::size_t i) {
  std::uint64_t word = 0;
  std::memcpy(&word, text.data() + i, kWord);
  return (word & 0x8080808080808080ULL) == 0;
}

bool is_continuation(unsigned char c) {
  return (c & 0xc0) == 0x80;
}

// The length of the character that starts at text[i], which is not ASCII; 0 where there is none.
std::size_t utf8_length(std::string_view text, std::size_t i) {
  const auto at = [&](std::size_t k) {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U;
  };
  const unsigned lead = at(0);
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  for (std::size_t k = 1; k < length; ++k) {
    if (!is_continuation(static_cast<unsigned char>(at(k)))) return 0;
  }
  const bool overlong = (lead == 0xe0 && at(1) < 0xa0) || (lead == 0xf0 && at(1) < 0x90);
  const bool surrogate = lead == 0xed && at(1) >= 0xa0;
  const bool too_large = lead == 0xf4 && at(1) >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

// Steps over the character at text[i]; false where there is none.
bool pass_character(std::string_view text, std::size_t& i) {
  const std::size_t length = static_cast<unsigned char>(text[i]) < 0x80 ? 1 : utf8_length(text, i);
  i += length;
  return length != 0;
}

[[noreturn]] void beyond_calendar(const FieldPath& path) {
  path.fail("a time outside the years 0 to 9999");
}

SplitTime read_split_time(const Value& value, const FieldPath& path) {
  const std::string& text = read_string(value, path);
  try {
    return parse_iso8601(text);
  } catch (const ValidationError& e) {
    path.fail(e.what());
  }
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  std::size_t i = 0;
  while (text.size() - i >= kWord) {
    if (is_ascii_word(text, i)) {
      i += kWord;
      continue;
    }
    if (!pass_character(text, i)) return false;
  }
  // What is left of a longer text is looked at in its last word, with some of what was seen before.
  if (text.size() >= kWord && is_ascii_word(text, text.size() - kWord)) return true;
  while (i < text.size()) {
    if (!pass_character(text, i)) return false;
  }
  return true;
}

std::int64_t read_int64(const Value& value, std::int64_t least, std::int64_t most,
                        const FieldPath& path) {
  std::int64_t v = 0;
  if (const auto* i = value.if_int64()) {
    v = *i;
  } else if (const auto* d = value.if_double(); d && *d == std::trunc(*d)) {
    if (*d < -kTwo63 || *d >= kTwo63) out_of_range(path);
    v = static_cast<std::int64_t>(*d);
  } else if (value.if_uint64()) {
    out_of_range(path);
  } else {
    path.expected("integer", value);
  }
  if (v < least || v > most) out_of_range(path);
  return v;
}

std::uint64_t read_uint64(const Value& value, std::uint64_t most, const FieldPath& path) {
  std::uint64_t v = 0;
  if (const auto* i = value.if_int64()) {
    if (*i < 0) out_of_range(path);
    v = static_cast<std::uint64_t>(*i);
  } else if (const auto* u = value.if_uint64()) {
    v = *u;
  } else if (const auto* d = value.if_double(); d && *d == std::trunc(*d)) {
    if (*d < 0 || *d >= kTwo64) out_of_range(path);
    v = static_cast<std::uint64_t>(*d);
  } else {
    path.expected("integer", value);
  }
  if (v > most) out_of_range(path);
  return v;
}

double read_double(const Value& value, const FieldPath& path) {
  if (const auto* d = value.if_double()) return *d;
  if (const auto* i = value.if_int64()) return static_cast<double>(*i);
  if (const auto* u = value.if_uint64()) return static_cast<double>(*u);
  path.expected("number", value);
}

const std::string& read_string(const Value& value, const FieldPath& path) {
  if (const auto* s = value.if_string()) return *s;
  path.expected("string", value);
}

const Array& read_array(const Value& value, const FieldPath& path) {
  if (const auto* a = value.if_array()) return *a;
  path.expected("array", value);
}

const Object& read_object(const Value& value, const FieldPath& path) {
  if (const auto* o = value.if_object()) return *o;
  path.expected("object", value);
}

Bytes read_bytes(const Value& value, const FieldPath& path) {
  if (const auto* b = value.if_bytes()) return *b;
  try {
    if (const auto* s = value.if_string()) return decode_base64(*s);
  } catch (const ValidationError& e) {
    path.fail(e.what());
  }
  path.expected("base64", value);
}

// The first and the last moment of a clock are near the ends of its count: no step may pass them.

Value write_time(std::int64_t ticks, Tick tick, const FieldPath& path) {
  constexpr std::int64_t kEnough = 1'000'000'000'000;  // seconds: no such year is written
  SplitTime time;
  if (tick.den == 1) {
    if (std::abs(ticks / 2) > kEnough / tick.num) beyond_calendar(path);
    time.seconds = std::chrono::sys_seconds(std::chrono::seconds(ticks * tick.num));
  } else {
    std::int64_t seconds = ticks / tick.den;
    std::int64_t rest = ticks % tick.den;
    if (rest < 0) --seconds, rest += tick.den;
    time.seconds = std::chrono::sys_seconds(std::chrono::seconds(seconds));
    time.fraction = std::chrono::nanoseconds(rest * (std::nano::den / tick.den));
  }
  if (!is_writable(time.seconds)) beyond_calendar(path);
  return Value(to_iso8601(time));
}

std::int64_t read_time(const Value& value, Tick tick, std::int64_t least, std::int64_t most,
                       const FieldPath& path) {
  const SplitTime time = read_split_time(value, path);
  std::int64_t seconds = time.seconds.time_since_epoch().count();
  std::int64_t ticks = 0;
  bool fits = true;
  if (tick.den == 1) {
    ticks = seconds / tick.num - (seconds % tick.num < 0 ? 1 : 0);
    fits = least <= ticks && ticks <= most;
  } else {
    std::int64_t rest = time.fraction.count() / (std::nano::den / tick.den);
    if (seconds < 0 && rest > 0) ++seconds, rest -= tick.den;  // so that both have one sign
    fits = seconds < 0 || rest < 0 ? seconds >= (least - rest) / tick.den
                                   : seconds <= (most - rest) / tick.den;
    if (fits) ticks = seconds * tick.den + rest;
  }
  if (!fits) path.fail("a time beyond the range of this field");
  return ticks;
}

void out_of_range(const FieldPath& path) {
  path.fail("a number out of range");
}

void unknown_name(const std::vector<std::string_view>& known, const FieldPath& path) {
  path.fail(fmt::format("expected one of {}", fmt::join(known, ", ")));
}

}  // namespace detail
}  // namespace sagabus
