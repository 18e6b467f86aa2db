// What the services that give credentials answer, whoever answered in their place.
#include "aws/credentials_document.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

#include "aws/json_member.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

// What a service says of an error is shown, whatever it says.
bool says_secret(std::string_view text) {
  boost::system::error_code error;
  const auto value = boost::json::parse({text.data(), text.size()}, error);
  const auto says = [&](std::string_view name) {
    return aws::find_text(value, {name}).find(kSecret) != std::string_view::npos;
  };
  return !error && (says("Code") || says("Message"));
}

std::string write(const aws::Credentials& credentials) {
  Object out{{"AccessKeyId", Value(credentials.access_key_id)},
             {"SecretAccessKey", Value(credentials.secret_access_key)},
             {"Token", Value(credentials.session_token)}};
  if (credentials.expiration) {
    out.emplace_back("Expiration", Value(to_iso8601(*credentials.expiration)));
  }
  return to_json(Value(std::move(out)));
}

aws::Credentials parse_plain(std::string_view text) {
  return aws::parse_credentials(text, aws::Credentials());
}

void check_accepted(const aws::Credentials& credentials) {
  aws::validate(credentials);
  const auto again = parse_plain(write(credentials));
  require(again.access_key_id == credentials.access_key_id &&
              again.secret_access_key == credentials.secret_access_key &&
              again.session_token == credentials.session_token &&
              again.expiration == credentials.expiration,
          "credentials come back from a document with them");
}

void check_document(aws::Credentials (*parse)(std::string_view), std::string_view text) {
  std::optional<aws::Credentials> credentials;
  try {
    credentials = parse(text);
  } catch (const TransientError& error) {
    return require_no_secret(error);
  } catch (const AccessDenied& error) {
    require(parse == parse_plain, "only this kind of document can say no");
    if (!says_secret(text)) require_no_secret(error);
    return;
  }
  check_accepted(*credentials);
}

}  // namespace

void credentials_document(std::string_view input) {
  check_document(parse_plain, input);
  check_document(aws::parse_role_credentials, input);
  check_document(aws::parse_sts_credentials, input);
  const std::string text = aws::error_text(input, aws::Credentials());
  require(text.size() <= 512, "what is told of an error is short");
  const auto is_control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  require(std::none_of(text.begin(), text.end(), is_control), "and has no control character");
}

}  // namespace sagabus::fuzz
