#include "aws/sso.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <stdexcept>
#include <utility>

#include "aws/credentials_document.hpp"
#include "aws/digest.hpp"
#include "aws/fetch.hpp"
#include "aws/json_member.hpp"
#include "aws/percent.hpp"
#include "aws/small_file.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr Service kPortal{
    "portal.sso", "", "AWS_ENDPOINT_URL_SSO", 3, std::chrono::milliseconds(50), ""};
constexpr std::chrono::seconds kSsoTimeout(5);
constexpr int kSsoAttempts = 3;

[[noreturn]] void ask_to_log_in(const std::string& path, std::string_view why) {
  throw AccessDenied(fmt::format("{}: {}; `aws sso login` makes a new one", path, why));
}

// Where the login of that session, or with that start URL, is kept.
std::string cache_path(const SsoLogin& login, const Environment& environment) {
  const auto home = environment("HOME");
  if (!home) throw AccessDenied("HOME is not set, so the login of SSO is not found");
  const std::string& name = login.session.empty() ? login.start_url : login.session;
  return fmt::format("{}/.aws/sso/cache/{}.json", *home, sha1_hex(name));
}

TimePoint end_of(const json::value& login, const std::string& path) {
  try {
    std::string text(find_text(login, {"expiresAt"}));
    if (text.ends_with("UTC")) text.replace(text.size() - 3, 3, "Z");  // of older tools
    const SplitTime end = parse_iso8601(text);
    return TimePoint(end.seconds);
  } catch (const ValidationError&) {
    ask_to_log_in(path, "no login with an end");
  }
}

std::string read_token(const std::string& path, TimePoint now) {
  const std::string text = read_small_file(path);
  json::error_code error;
  const json::value login = json::parse(text, error);
  if (error) ask_to_log_in(path, "no login");
  const std::string_view token = find_text(login, {"accessToken"});
  if (token.empty() || token.find_first_of("\r\n") != token.npos) ask_to_log_in(path, "no login");
  if (end_of(login, path) <= now) ask_to_log_in(path, "the login has expired");
  return std::string(token);
}

Fetch request_for(const SsoLogin& login, std::string token, const CredentialsOptions& options) {
  Fetch request;
  try {
    request.endpoint = resolve_endpoint(kPortal, resolve_region(login.region, options.environment),
                                        {}, options.environment);
  } catch (const std::invalid_argument& error) {
    throw AccessDenied(error.what());
  }
  request.target = path_under(request.endpoint, "/federation/credentials?role_name=");
  append_percent_encoded(request.target, login.role_name);
  request.target += "&account_id=";
  append_percent_encoded(request.target, login.account_id);
  request.headers.emplace_back("x-amz-sso_bearer_token", std::move(token));
  request.timeout = kSsoTimeout;
  request.attempts = kSsoAttempts;
  request.ca_file = options.ca_file;
  request.clock = options.clock;
  return request;
}

}  // namespace

asio::awaitable<Credentials> sso_credentials(SsoLogin login, CredentialsOptions options) {
  const std::string path = cache_path(login, options.environment);
  Credentials sent;
  sent.session_token = read_token(path, options.clock->now());
  Fetch request = request_for(login, sent.session_token, options);
  const HttpResponse answer = co_await fetch(std::move(request));
  if (answer.status == 200) co_return parse_role_credentials(answer.body);
  if (answer.status == 401) ask_to_log_in(path, "the login is not accepted any more");
  throw AccessDenied(fmt::format("SSO: HTTP {} {}", answer.status, error_text(answer.body, sent)));
}

}  // namespace sagabus::aws
