#include "aws/protocol.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "aws/digest.hpp"
#include "aws/fetch.hpp"
#include "aws/form.hpp"
#include "aws/number.hpp"

namespace sagabus::aws {
namespace {

// "<PublishResponse", after whatever prolog.
bool answers_query(std::string_view body, std::string_view operation) {
  constexpr std::string_view kEnding = "Response";
  for (auto at = body.find('<'); at != std::string_view::npos; at = body.find('<', at + 1)) {
    const std::string_view element = body.substr(at + 1);
    if (element.starts_with('?')) continue;
    return element.starts_with(operation) && element.substr(operation.size()).starts_with(kEnding);
  }
  return false;
}

// Anything between here and the service may say 200 with a page of its own, or with nothing. What
// an answer of Protocol::rest looks like depends on what was asked.
bool looks_right(const Service& service, std::string_view operation, const std::string& body) {
  if (service.protocol == Protocol::rest) return true;
  if (body.empty()) return service.may_answer_nothing;
  if (service.protocol == Protocol::query) return answers_query(body, operation);
  return body.front() == '{';
}

bool is_visible(char c) {
  return c > ' ' && c < '\x7f';
}

bool is_token(std::string_view text) {
  return !text.empty() && text.find(':') == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), is_visible);
}

bool is_request_path(std::string_view text) {
  return text.starts_with('/') && std::all_of(text.begin(), text.end(), is_visible) &&
         text.find_first_of("?#") == std::string_view::npos;
}

void require_sendable(bool fine, std::string_view what, std::string_view value) {
  if (!fine) throw std::invalid_argument(fmt::format("{}: \"{}\" cannot be sent", what, value));
}

}  // namespace

std::string name_of(const Service& service, std::string_view operation) {
  const std::string_view prefix =
      service.target_prefix.empty() ? service.name : service.target_prefix;
  std::string name;
  name.reserve(prefix.size() + 1 + operation.size());
  name.append(prefix).append(".").append(operation);
  return name;
}

std::string path_of(const Endpoint& endpoint, const std::string& path) {
  return path == "/" ? endpoint.path : path_under(endpoint, path);
}

std::string_view content_type(Protocol protocol) {
  switch (protocol) {
    case Protocol::json:
      return "application/x-amz-json-1.0";
    case Protocol::query:
      return kFormType;
    case Protocol::rest:
      break;
  }
  return {};
}

std::string payload_hash_of(const Service& service, const std::string& body) {
  std::string hash;
  if (service.protocol == Protocol::rest) append_hex(hash, sha256(body));
  return hash;
}

void check(const Request& request) {
  require_sendable(is_token(request.method), "method", request.method);
  require_sendable(is_request_path(request.path), "path", request.path);
  require_sendable(std::all_of(request.query.begin(), request.query.end(), is_visible), "query",
                   request.query);
  for (const auto& [name, value] : request.headers) {
    require_sendable(is_token(name), "header", name);
    require_sendable(value.find_first_of("\r\n") == std::string::npos, name, "a line break");
  }
}

bool crc_matches(const HttpResponse& answer) {
  const std::string_view expected = answer.headers.find("x-amz-crc32");
  return expected.empty() || read_number<std::uint32_t>(expected) == crc32(answer.body);
}

bool says_success(const Service& service, int http_status) {
  return service.protocol == Protocol::rest ? http_status >= 200 && http_status < 300
                                            : http_status == 200;
}

bool is_success(const Service& service, std::string_view operation, const HttpResponse& answer) {
  return says_success(service, answer.status) && crc_matches(answer) &&
         looks_right(service, operation, answer.body);
}

const char* what_is_broken(const Service& service, const HttpResponse& answer) {
  if (!crc_matches(answer)) return "the answer does not match its CRC32";
  if (answer.body.empty()) return "the answer is empty";
  return service.protocol == Protocol::json ? "the answer is not JSON"
                                            : "the answer is not the service's";
}

}  // namespace sagabus::aws
