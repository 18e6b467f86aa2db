#include "aws/error_answer.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <utility>

#include "aws/json_member.hpp"

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

std::string_view checked_code(std::string_view type) {
  const std::string_view code = bare_code(type);
  return is_code(code) ? code : std::string_view();
}

}  // namespace

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
  error.request_id = safe_message(response.headers.find("x-amzn-requestid"), credentials);
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code not_json;
  const boost::json::value parsed = boost::json::parse(response.body, not_json, {}, options);
  if (!not_json) {
    error.code = checked_code(find_text(parsed, {"__type"}));
    std::string_view message = find_text(parsed, {"message"});
    if (message.empty()) message = find_text(parsed, {"Message"});
    error.message = safe_message(message, credentials);
  }
  if (error.code.empty()) error.code = checked_code(response.headers.find("x-amzn-errortype"));
  error.kind = classify(service, error.code, response.status);
  error.body = std::move(response.body);
  return error;
}

}  // namespace sagabus::aws
