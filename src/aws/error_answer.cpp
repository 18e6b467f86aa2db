#include "aws/error_answer.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <utility>

#include "aws/json_member.hpp"
#include "aws/xml.hpp"

namespace sagabus::aws {
namespace {

constexpr std::size_t kMaxMessage = 512;
constexpr std::size_t kMaxCode = 128;
constexpr std::size_t kMaxDepth = 128;  // DynamoDB sends an item along: two for each of 32 levels

void hide(std::string& text, std::string_view secret) {
  if (secret.empty()) return;
  for (std::size_t at = 0; (at = text.find(secret, at)) != std::string::npos;) {
    text.replace(at, secret.size(), "***");
  }
}

bool is_code(std::string_view code) {
  return code.size() <= kMaxCode && std::all_of(code.begin(), code.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

bool holds(std::string_view text, std::string_view secret) {
  return !secret.empty() && text.find(secret) != std::string_view::npos;
}

std::string_view checked_code(std::string_view type, const Credentials& credentials) {
  const std::string_view code = bare_code(type);
  const bool tells =
      holds(code, credentials.secret_access_key) || holds(code, credentials.session_token);
  return is_code(code) && !tells ? code : std::string_view();
}

void read_json_body(ServiceError& error, const std::string& body, const Credentials& credentials) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code not_json;
  const boost::json::value parsed = boost::json::parse(body, not_json, {}, options);
  if (not_json) return;
  error.code = checked_code(find_text(parsed, {"__type"}), credentials);
  std::string_view message = find_text(parsed, {"message"});
  if (message.empty()) message = find_text(parsed, {"Message"});
  error.message = safe_message(message, credentials);
}

void read_xml_body(ServiceError& error, const std::string& body, const Credentials& credentials) {
  const XmlError xml = read_xml_error(body);
  error.code = checked_code(xml.code, credentials);
  error.message = safe_message(xml.message, credentials);
}

}  // namespace

std::string_view request_id_of(const HttpResponse& response) {
  const std::string_view id = response.headers.find("x-amzn-requestid");
  return id.empty() ? response.headers.find("x-amz-request-id") : id;  // S3's
}

std::string_view bare_code(std::string_view type) {
  if (const auto colon = type.find(':'); colon != std::string_view::npos) {
    type = type.substr(0, colon);
  }
  if (const auto hash = type.rfind('#'); hash != std::string_view::npos) {
    type = type.substr(hash + 1);
  }
  return type;
}

std::string safe_message(std::string_view text, const Credentials& credentials) {
  std::string message(text.substr(0, text.find_first_of("\r\n")));
  hide(message, credentials.secret_access_key);
  hide(message, credentials.session_token);
  if (message.size() > kMaxMessage) {
    std::size_t end = kMaxMessage;  // not inside a UTF-8 sequence
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xc0) == 0x80) --end;
    message.resize(end);
  }
  std::replace_if(
      message.begin(), message.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
  return message;
}

ServiceError read_error(const Service& service, HttpResponse response,
                        const Credentials& credentials) {
  ServiceError error;
  error.http_status = response.status;
  error.request_id = safe_message(request_id_of(response), credentials);
  if (service.protocol == Protocol::json) {
    read_json_body(error, response.body, credentials);
  } else {
    read_xml_body(error, response.body, credentials);
  }
  if (error.code.empty()) {
    error.code = checked_code(response.headers.find("x-amzn-errortype"), credentials);
  }
  error.kind = classify(service, error.code, response.status);
  error.body = std::move(response.body);
  return error;
}

}  // namespace sagabus::aws
