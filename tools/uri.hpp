// What the URIs on the command line have in common: their text, their parameters, their errors.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sagabus::tools {

// What a URI is for, and which forms there are, for its errors. All functions throw
// std::invalid_argument with one line, which shows nothing of a URI that has an @ in it.
struct UriKind {
  std::string_view name;   // "store URI"
  std::string_view forms;  // "memory: or ..."
};

[[noreturn]] void refuse(const UriKind& kind, const std::string& problem);

struct SplitUri {
  std::string scheme;  // in lower case
  std::string_view rest;
};
SplitUri split_uri(const UriKind& kind, std::string_view uri);

// A part without its percent-encoding. `what` it is, for errors.
std::string decode(const UriKind& kind, std::string_view part, std::string_view what);

// The parameter "name=value", encoded as `decode` reads it, at the end of the URI.
void append_parameter(std::string& uri, std::string_view name, std::string_view value);

// A parameter that a scheme takes, and what becomes of its value, which is decoded and not empty.
struct UriParameter {
  std::string_view name;
  std::function<void(std::string value)> take;
};
// What follows the question mark. No name stands twice, and none that `scheme` doesn't take.
void read_query(const UriKind& kind, std::string_view scheme, std::string_view query,
                std::initializer_list<UriParameter> parameters);

// Credentials come from the environment.
void refuse_credentials(const UriKind& kind, std::string_view rest);

// What stores and transports have in common.

struct MemoryUri {
  friend bool operator==(const MemoryUri&, const MemoryUri&) = default;
};

struct SqliteUri {
  std::string path;  // absolute
  friend bool operator==(const SqliteUri&, const SqliteUri&) = default;
};

// From what follows "memory:" and "sqlite:".
MemoryUri parse_memory_uri(const UriKind& kind, std::string_view rest);
SqliteUri parse_sqlite_uri(const UriKind& kind, std::string_view rest);

}  // namespace sagabus::tools
