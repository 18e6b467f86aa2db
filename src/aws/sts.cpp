#include "aws/sts.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>
#include <utility>

#include "aws/credentials_document.hpp"
#include "aws/fetch.hpp"
#include "aws/form.hpp"
#include "aws/sigv4.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

// Of these rules only the endpoint's are used.
constexpr Service kSts{"sts", "", "AWS_ENDPOINT_URL_STS", 3, std::chrono::milliseconds(50), ""};
constexpr std::chrono::seconds kStsTimeout(5);
constexpr int kStsAttempts = 3;

constexpr std::string_view kStsVersion = "2011-06-15";

Form form_for(std::string_view action, const Role& role, const CredentialsOptions& options) {
  Form form(action, kStsVersion);
  form.add("RoleArn", role.arn);
  form.add("RoleSessionName",
           role.session_name.empty()
               ? fmt::format("sagabus-{}", options.clock->now().time_since_epoch().count())
               : role.session_name);
  form.add_unless_empty("DurationSeconds", role.duration_seconds);
  return form;
}

std::string code_of(const HttpResponse& answer) {
  const std::string text = error_text(answer.body, Credentials());
  return text.substr(0, text.find(':'));
}

// STS says these with the status 400.
bool passes(const HttpResponse& answer) {
  const std::string code = code_of(answer);
  return code == "Throttling" || code == "ThrottlingException" || code == "RequestLimitExceeded" ||
         code == "IDPCommunicationError";
}

// STS says so also of a good token where it did not get the keys of who issued it, or has them from
// before they changed; the SDKs ask again too.
bool is_doubtful_token(const HttpResponse& answer) {
  return code_of(answer) == "InvalidIdentityToken";
}

Fetch post(std::string form, const std::string& region, const CredentialsOptions& options) {
  Fetch request;
  try {
    request.endpoint = resolve_endpoint(kSts, resolve_region(region, options.environment), {},
                                        options.environment);
  } catch (const std::invalid_argument& error) {
    throw AccessDenied(error.what());
  }
  request.method = "POST";
  request.target = request.endpoint.path;
  request.headers.emplace_back("Content-Type", kFormType);
  request.body = std::move(form);
  request.timeout = kStsTimeout;
  request.attempts = kStsAttempts;
  request.may_pass = passes;
  request.ca_file = options.ca_file;
  request.clock = options.clock;
  return request;
}

void sign(Fetch& request, const Credentials& by, const std::string& region, TimePoint now) {
  const std::string date = amz_date(now);
  const std::string host = request.endpoint.host_header();
  request.headers.emplace_back("X-Amz-Date", date);
  if (!by.session_token.empty()) {
    request.headers.emplace_back("X-Amz-Security-Token", by.session_token);
  }
  std::vector<Header> headers{{"Host", host}};
  for (const auto& [name, value] : request.headers) headers.push_back({name, value});
  SigningRequest signing;
  signing.method = request.method;
  signing.path = request.target;
  signing.headers = headers;
  signing.payload = request.body;
  Signer signer(region, std::string(kSts.name));
  std::string authorization = signer.authorization(signing, by, date);
  request.headers.emplace_back("Authorization", std::move(authorization));
}

asio::awaitable<Credentials> ask(Fetch request, Credentials sent) {
  const HttpResponse answer = co_await fetch(std::move(request));
  if (answer.status == 200) co_return parse_sts_credentials(answer.body);
  throw AccessDenied(fmt::format("STS: HTTP {} {}", answer.status, error_text(answer.body, sent)));
}

std::string region_of(const Role& role) {
  return role.region.empty() ? "us-east-1" : role.region;
}

}  // namespace

asio::awaitable<Credentials> assume_role(Role role, Credentials by, CredentialsOptions options) {
  const std::string region = region_of(role);
  Form form = form_for("AssumeRole", role, options);
  form.add_unless_empty("ExternalId", role.external_id);
  Fetch request = post(std::move(form).text(), region, options);
  sign(request, by, region, options.clock->now());
  co_return co_await ask(std::move(request), std::move(by));
}

asio::awaitable<Credentials> assume_role_with_web_identity(Role role, std::string token,
                                                           CredentialsOptions options) {
  Form form = form_for("AssumeRoleWithWebIdentity", role, options);
  form.add("WebIdentityToken", token);
  Fetch request = post(std::move(form).text(), region_of(role), options);
  request.in_doubt = is_doubtful_token;
  Credentials sent;
  sent.session_token = std::move(token);
  co_return co_await ask(std::move(request), std::move(sent));
}

}  // namespace sagabus::aws
