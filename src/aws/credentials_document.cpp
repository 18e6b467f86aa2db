#include "aws/credentials_document.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>

#include "aws/error_answer.hpp"
#include "aws/json_member.hpp"
#include "aws/xml.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::aws {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostTags = 200;  // STS has some 30

[[noreturn]] void refuse(std::string_view what) {
  throw TransientError(fmt::format("not a document with credentials: {}", what));
}

json::value parse(std::string_view text) {
  json::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error);
  if (error) refuse("no JSON");
  return value;
}

TimePoint parse_time(std::string_view text) {
  try {
    const SplitTime time = parse_iso8601(text);
    return TimePoint(time.seconds) + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
  } catch (const ValidationError&) {
    refuse("its expiration is no time");
  }
}

Credentials checked(Credentials credentials) {
  try {
    validate(credentials);
  } catch (const std::invalid_argument& error) {
    refuse(error.what());
  }
  return credentials;
}

std::string join(std::string_view code, std::string_view message, const Credentials& sent) {
  const std::string_view between = code.empty() || message.empty() ? "" : ": ";
  return safe_message(fmt::format("{}{}{}", code, between, message), sent);
}

}  // namespace

Credentials require_end(Credentials credentials) {
  if (!credentials.expiration) refuse("it has no expiration");
  return credentials;
}

Credentials parse_credentials(std::string_view text, const Credentials& sent) {
  const json::value value = parse(text);
  const std::string_view code = find_text(value, {"Code"});
  if (!code.empty() && code != "Success") {
    throw AccessDenied(join(code, find_text(value, {"Message"}), sent));
  }
  if (find_member(value, {"Version"}) && find_count(value, {"Version"}) != 1) {
    throw AccessDenied("a document with credentials of a version other than 1");
  }
  Credentials credentials;
  credentials.access_key_id = find_text(value, {"AccessKeyId"});
  credentials.secret_access_key = find_text(value, {"SecretAccessKey"});
  const std::string_view token = find_text(value, {"Token"});
  credentials.session_token = token.empty() ? find_text(value, {"SessionToken"}) : token;
  if (const json::value* const expiration = find_member(value, {"Expiration"})) {
    if (!expiration->is_string()) refuse("its expiration is no text");
    credentials.expiration = parse_time(find_text(value, {"Expiration"}));
  }
  return checked(std::move(credentials));
}

Credentials parse_role_credentials(std::string_view text) {
  const json::value value = parse(text);
  Credentials credentials;
  credentials.access_key_id = find_text(value, {"roleCredentials", "accessKeyId"});
  credentials.secret_access_key = find_text(value, {"roleCredentials", "secretAccessKey"});
  credentials.session_token = find_text(value, {"roleCredentials", "sessionToken"});
  const auto expiration = find_count(value, {"roleCredentials", "expiration"});
  const auto latest = static_cast<std::uint64_t>(kLatestText.time_since_epoch().count());
  if (!expiration || *expiration > latest) refuse("its expiration is no time");
  credentials.expiration =
      TimePoint(std::chrono::milliseconds(static_cast<std::int64_t>(*expiration)));
  return checked(std::move(credentials));
}

Credentials parse_sts_credentials(std::string_view xml) {
  const auto root = parse_xml(xml, kMostTags);
  if (!root) refuse("no XML");
  const Element* const found = find_element(*root, "Credentials");
  if (!found) refuse("there are none");
  Credentials credentials;
  credentials.access_key_id = child_text(*found, "AccessKeyId");
  credentials.secret_access_key = child_text(*found, "SecretAccessKey");
  credentials.session_token = child_text(*found, "SessionToken");
  credentials.expiration = parse_time(child_text(*found, "Expiration"));
  return checked(std::move(credentials));
}

std::string error_text(std::string_view body, const Credentials& sent) {
  if (body.starts_with('<')) {
    const XmlError xml = read_xml_error(body);
    return join(xml.code, xml.message, sent);
  }
  json::error_code error;
  const json::value value = json::parse({body.data(), body.size()}, error);
  if (error) return {};
  const auto either = [&](std::string_view one, std::string_view other) {
    const std::string_view found = find_text(value, {one});
    return found.empty() ? find_text(value, {other}) : found;
  };
  return join(either("code", "__type"), either("message", "Message"), sent);
}

}  // namespace sagabus::aws
