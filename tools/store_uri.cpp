#include "store_uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>
#include <utility>
#include <vector>

#include "sagabus/dynamodb/store.hpp"

namespace sagabus::tools {
namespace {

constexpr std::string_view kForms =
    "memory:, sqlite:///PATH or "
    "dynamodb://TABLE?region=REGION&endpoint=URL&ttl_days=N&key_shards=N";

[[noreturn]] void refuse(const std::string& problem) {
  throw std::invalid_argument("store URI: " + problem);
}

// The byte that two hex digits stand for.
std::optional<char> hex_byte(std::string_view digits) {
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  if (error != std::errc() || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(byte);
}

std::string decode(std::string_view text, std::string_view what) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const std::optional<char> byte = hex_byte(text.substr(i + 1, 2));
    if (!byte) {
      refuse(fmt::format("the {} has a bad percent-encoding, '{}': expected % and two hex digits",
                         what, text.substr(i, 3)));
    }
    if (*byte == '\0') refuse(fmt::format("the {} holds %00", what));
    out += *byte;
    i += 2;
  }
  return out;
}

// What is wrong with it whatever its scheme is.
void check_text(std::string_view uri) {
  if (uri.empty()) refuse(fmt::format("empty, expected {}", kForms));
  const bool printable =
      std::none_of(uri.begin(), uri.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (!printable) refuse("it holds a space or a control character: write it percent-encoded");
  if (uri.find('#') != std::string_view::npos) refuse("it holds a #: write it as %23");
}

struct Parameter {
  std::string_view name;
  std::string value;
};

std::vector<Parameter> split_query(std::string_view query) {
  std::vector<Parameter> parameters;
  for (;;) {
    const std::size_t end = query.find('&');
    const std::string_view part = query.substr(0, end);
    const std::size_t equals = part.find('=');
    if (part.empty()) refuse("a parameter is missing after ? or &");
    if (equals == std::string_view::npos) {
      refuse(fmt::format("the parameter '{}' has no value: expected {}=VALUE", part, part));
    }
    const std::string_view name = part.substr(0, equals);
    if (std::any_of(parameters.begin(), parameters.end(),
                    [&](const Parameter& p) { return p.name == name; })) {
      refuse(fmt::format("the parameter '{}' stands twice", name));
    }
    std::string value = decode(part.substr(equals + 1), fmt::format("parameter '{}'", name));
    if (value.empty()) refuse(fmt::format("the parameter '{}' is empty", name));
    parameters.push_back({name, std::move(value)});
    if (end == std::string_view::npos) return parameters;
    query.remove_prefix(end + 1);
  }
}

double read_days(const std::string& text) {
  double days = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, days);
  if (error != std::errc() || stop != end || !std::isfinite(days) || days <= 0) {
    refuse("the parameter 'ttl_days' is no number of days: expected one over 0, such as 7 or 0.5");
  }
  return days;
}

unsigned read_shards(const std::string& text) {
  unsigned shards = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, shards);
  if (error != std::errc() || stop != end) {
    refuse("the parameter 'key_shards' is no whole number: expected one such as 8");
  }
  return shards;
}

StoreUri parse_memory(std::string_view rest) {
  if (!rest.empty()) refuse("nothing may follow memory:");
  return MemoryUri{};
}

StoreUri parse_sqlite(std::string_view rest) {
  constexpr std::string_view kExpected = "expected sqlite:///PATH with an absolute path";
  if (rest.find('?') != std::string_view::npos) {
    refuse("sqlite takes no parameters; a ? in the path is written %3F");
  }
  if (!rest.starts_with("///")) refuse(std::string(kExpected));
  rest.remove_prefix(2);
  if (rest.ends_with('/')) refuse(fmt::format("the path names no file: {}", kExpected));
  return SqliteUri{decode(rest, "path")};
}

StoreUri parse_dynamodb(std::string_view rest) {
  if (!rest.starts_with("//")) {
    refuse("expected dynamodb://TABLE?region=REGION&endpoint=URL&ttl_days=N&key_shards=N");
  }
  rest.remove_prefix(2);
  const std::size_t question = rest.find('?');
  DynamoDbUri uri;
  uri.table = decode(rest.substr(0, question), "table name");
  if (uri.table.empty()) refuse("the table is missing: expected dynamodb://TABLE");
  if (!dynamodb::is_table_name(uri.table)) {
    refuse("bad table name: expected 3 to 255 of a-z, A-Z, 0-9, '_', '-' and '.', or an ARN");
  }
  if (question == std::string_view::npos) return uri;
  for (Parameter& parameter : split_query(rest.substr(question + 1))) {
    if (parameter.name == "region") {
      uri.region = std::move(parameter.value);
    } else if (parameter.name == "endpoint") {
      uri.endpoint = std::move(parameter.value);
    } else if (parameter.name == "ttl_days") {
      uri.ttl_days = read_days(parameter.value);
    } else if (parameter.name == "key_shards") {
      uri.key_shards = read_shards(parameter.value);
    } else {
      refuse(fmt::format(
          "unknown parameter '{}': dynamodb takes region, endpoint, ttl_days and key_shards",
          parameter.name));
    }
  }
  return uri;
}

// Schemes are compared without regard to case (RFC 3986).
std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace

StoreUri parse_store_uri(std::string_view uri) {
  check_text(uri);
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos) refuse(fmt::format("it has no scheme: expected {}", kForms));
  const std::string scheme = lower(uri.substr(0, colon));
  const std::string_view rest = uri.substr(colon + 1);
  if (scheme == "memory") return parse_memory(rest);
  if (scheme == "sqlite") return parse_sqlite(rest);
  if (scheme != "dynamodb") refuse(fmt::format("unknown scheme: expected {}", kForms));
  if (rest.find('@') != std::string_view::npos) {
    refuse("it holds an @; credentials come from the environment, any other @ is written %40");
  }
  return parse_dynamodb(rest);
}

}  // namespace sagabus::tools
