#include "sqs/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "aws/digest.hpp"

namespace sagabus::sqs {
namespace {

constexpr std::string_view kDeadLetters = ".dlq";
constexpr std::string_view kDeadLettersInName = "-dlq";
constexpr std::string_view kFifo = ".fifo";
constexpr std::size_t kMaxName = 80;
constexpr std::size_t kMaxTopicName = 256;
constexpr std::size_t kMaxPrefix = 40;
constexpr std::size_t kMaxGroup = 128;
constexpr std::size_t kHashDigits = 8;

bool may_stand_in_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::string sha256_hex(std::string_view text) {
  std::string out;
  aws::append_hex(out, aws::sha256(text));
  return out;
}

// One of at most so many characters, which no other text has.
std::string to_name(std::string_view text, std::size_t most) {
  const bool fits = text.size() <= most && !text.ends_with(kDeadLettersInName) &&
                    std::all_of(text.begin(), text.end(), may_stand_in_name);
  if (fits) return std::string(text);
  std::string out(text.substr(0, most - kHashDigits - 1));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return !may_stand_in_name(c); }, '-');
  return out + '-' + sha256_hex(text).substr(0, kHashDigits);
}

// A character of four bytes in UTF-8 as two escapes of UTF-16.
void append_pair(std::string& out, std::string_view four) {
  const auto bits = [&four](std::size_t i, unsigned mask) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(four[i]) & mask);
  };
  const std::uint32_t code =
      (bits(0, 0x07) << 18U | bits(1, 0x3f) << 12U | bits(2, 0x3f) << 6U | bits(3, 0x3f)) - 0x10000;
  fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}", 0xd800 + (code >> 10U),
                 0xdc00 + (code & 0x3ffU));
}

}  // namespace

bool is_queue_prefix(std::string_view text) {
  return text.size() <= kMaxPrefix && std::all_of(text.begin(), text.end(), may_stand_in_name);
}

bool is_dead_letter_endpoint(std::string_view endpoint) {
  return endpoint.ends_with(kDeadLetters) && endpoint.size() > kDeadLetters.size();
}

std::string dead_letter_endpoint_of(std::string_view endpoint) {
  return std::string(endpoint) += kDeadLetters;
}

std::string queue_name(std::string_view prefix, std::string_view endpoint, bool fifo) {
  const bool dead = is_dead_letter_endpoint(endpoint);
  if (dead) endpoint.remove_suffix(kDeadLetters.size());
  std::string out(prefix);
  if (!out.empty()) out += '-';
  // Room for all endings, so that a queue and that of its dead letters differ by theirs alone.
  out += to_name(endpoint, kMaxName - out.size() - kDeadLettersInName.size() - kFifo.size());
  if (dead) out += kDeadLettersInName;
  if (fifo) out += kFifo;
  return out;
}

std::string topic_name(std::string_view prefix, std::string_view type, bool fifo) {
  std::string out(prefix);
  if (!out.empty()) out += '-';
  out += to_name(type, kMaxTopicName - out.size() - kFifo.size());
  if (fifo) out += kFifo;
  return out;
}

std::string sibling_arn(std::string_view arn, std::string_view service, std::string_view name) {
  const std::size_t before = arn.find(':', arn.find(':') + 1) + 1;  // after "arn:aws:"
  std::string out(arn.substr(0, before));
  arn.remove_prefix(before);
  const std::size_t place = std::min(arn.find(':'), arn.size());
  out += service;
  out += arn.substr(place, std::min(arn.rfind(':'), arn.size() - 1) + 1 - place);
  return out += name;
}

std::string name_in_arn(std::string_view arn) {
  return std::string(arn.substr(arn.rfind(':') + 1));
}

std::string group_id(std::string_view order_key) {
  const bool fits =
      !order_key.empty() && order_key.size() <= kMaxGroup &&
      std::all_of(order_key.begin(), order_key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  return fits ? std::string(order_key) : sha256_hex(order_key);
}

std::string deduplication_id(std::string_view key) {
  return sha256_hex(key);
}

// Such characters stand in JSON's strings only, where an escape is as good. U+FFFE and U+FFFF are
// EF BF BE and EF BF BF; those beyond U+FFFF begin with F0 to F4.
std::string to_body(std::string json) {
  const auto is_suspect = [](char c) { return static_cast<unsigned char>(c) >= 0xef; };
  auto at = std::find_if(json.begin(), json.end(), is_suspect);
  if (at == json.end()) return json;
  std::string out(json.begin(), at);
  std::string_view rest(json);
  rest.remove_prefix(out.size());
  while (!rest.empty()) {
    if (static_cast<unsigned char>(rest[0]) >= 0xf0 && rest.size() >= 4) {
      append_pair(out, rest.substr(0, 4));
      rest.remove_prefix(4);
    } else if (rest.starts_with("\xef\xbf\xbe") || rest.starts_with("\xef\xbf\xbf")) {
      out += rest[2] == '\xbe' ? "\\ufffe" : "\\uffff";
      rest.remove_prefix(3);
    } else {
      out += rest[0];
      rest.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace sagabus::sqs
