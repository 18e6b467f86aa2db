#include "uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace sagabus::tools {
namespace {

// The byte that two hex digits stand for.
std::optional<char> hex_byte(std::string_view digits) {
  unsigned char byte = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
  if (error != std::errc() || end != digits.data() + 2) return std::nullopt;
  return static_cast<char>(byte);
}

// What is wrong with it whatever its scheme is.
void check_text(const UriKind& kind, std::string_view uri) {
  if (uri.empty()) refuse(kind, fmt::format("empty, expected {}", kind.forms));
  const bool printable =
      std::none_of(uri.begin(), uri.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (!printable) refuse(kind, "it holds a space or a control character: write it percent-encoded");
  if (uri.find('#') != std::string_view::npos) refuse(kind, "it holds a #: write it as %23");
}

struct Pair {
  std::string_view name;
  std::string value;
};

Pair split_parameter(const UriKind& kind, std::string_view part) {
  const std::size_t equals = part.find('=');
  if (part.empty()) refuse(kind, "a parameter is missing after ? or &");
  if (equals == std::string_view::npos) {
    refuse(kind, fmt::format("the parameter '{}' has no value: expected {}=VALUE", part, part));
  }
  const std::string_view name = part.substr(0, equals);
  std::string value = decode(kind, part.substr(equals + 1), fmt::format("parameter '{}'", name));
  if (value.empty()) refuse(kind, fmt::format("the parameter '{}' is empty", name));
  return {name, std::move(value)};
}

// "region, endpoint and fifo".
std::string names_of(std::initializer_list<UriParameter> parameters) {
  std::string names;
  for (auto it = parameters.begin(); it != parameters.end(); ++it) {
    if (it != parameters.begin()) names += it + 1 == parameters.end() ? " and " : ", ";
    names += it->name;
  }
  return names;
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

void refuse(const UriKind& kind, const std::string& problem) {
  throw std::invalid_argument(fmt::format("{}: {}", kind.name, problem));
}

SplitUri split_uri(const UriKind& kind, std::string_view uri) {
  check_text(kind, uri);
  const std::size_t colon = uri.find(':');
  if (colon == std::string_view::npos) {
    refuse(kind, fmt::format("it has no scheme: expected {}", kind.forms));
  }
  return {lower(uri.substr(0, colon)), uri.substr(colon + 1)};
}

std::string decode(const UriKind& kind, std::string_view text, std::string_view what) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const std::optional<char> byte = hex_byte(text.substr(i + 1, 2));
    if (!byte) {
      refuse(kind,
             fmt::format("the {} has a bad percent-encoding, '{}': expected % and two hex digits",
                         what, text.substr(i, 3)));
    }
    if (*byte == '\0') refuse(kind, fmt::format("the {} holds %00", what));
    out += *byte;
    i += 2;
  }
  return out;
}

void append_parameter(std::string& uri, std::string_view name, std::string_view value) {
  uri += uri.find('?') == std::string::npos ? '?' : '&';
  uri += name;
  uri += '=';
  for (const char c : value) {
    if (c == '%' || c == '&') {
      uri += fmt::format("%{:02X}", c);
    } else {
      uri += c;
    }
  }
}

void read_query(const UriKind& kind, std::string_view scheme, std::string_view query,
                std::initializer_list<UriParameter> parameters) {
  std::vector<std::string_view> seen;
  for (;;) {
    const std::size_t end = query.find('&');
    const Pair pair = split_parameter(kind, query.substr(0, end));
    if (std::find(seen.begin(), seen.end(), pair.name) != seen.end()) {
      refuse(kind, fmt::format("the parameter '{}' stands twice", pair.name));
    }
    seen.push_back(pair.name);
    const auto parameter = std::find_if(parameters.begin(), parameters.end(),
                                        [&](const auto& p) { return p.name == pair.name; });
    if (parameter == parameters.end()) {
      refuse(kind, fmt::format("unknown parameter '{}': {} takes {}", pair.name, scheme,
                               names_of(parameters)));
    }
    parameter->take(pair.value);
    if (end == std::string_view::npos) return;
    query.remove_prefix(end + 1);
  }
}

void refuse_credentials(const UriKind& kind, std::string_view rest) {
  if (rest.find('@') != std::string_view::npos) {
    refuse(kind,
           "it holds an @; credentials come from the environment, any other @ is written %40");
  }
}

MemoryUri parse_memory_uri(const UriKind& kind, std::string_view rest) {
  if (!rest.empty()) refuse(kind, "nothing may follow memory:");
  return MemoryUri{};
}

SqliteUri parse_sqlite_uri(const UriKind& kind, std::string_view rest) {
  constexpr std::string_view kExpected = "expected sqlite:///PATH with an absolute path";
  if (rest.find('?') != std::string_view::npos) {
    refuse(kind, "sqlite takes no parameters; a ? in the path is written %3F");
  }
  if (!rest.starts_with("///")) refuse(kind, std::string(kExpected));
  rest.remove_prefix(2);
  std::string path = decode(kind, rest, "path");
  if (path.ends_with('/')) refuse(kind, fmt::format("the path names no file: {}", kExpected));
  return SqliteUri{std::move(path)};
}

}  // namespace sagabus::tools
