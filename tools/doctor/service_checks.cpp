#include "doctor/service_checks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "duration.hpp"
#include "error_advice.hpp"
#include "profile.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

// The header is cut to the second, and the first answer takes its time.
constexpr std::chrono::seconds kCannotTell{5};
constexpr std::chrono::minutes kClockIsOff{1};
constexpr std::chrono::minutes kSignaturesAreRefused{5};
constexpr std::chrono::minutes kShortLived{10};

// The certificate is not one to trust: all else without an answer may pass by itself.
bool is_untrusted(const aws::Outcome& answer) {
  return !answer && answer.error().http_status == 0 && answer.error().kind == aws::ErrorKind::other;
}

// What is there is no service of this kind.
bool is_another_service(const aws::ServiceError& error) {
  return error.http_status != 0 && error.http_status < 500 &&
         (error.code.empty() || error.kind == aws::ErrorKind::unsupported);
}

bool answered(const aws::Outcome& answer) {
  return answer.has_value() || answer.error().http_status != 0;
}

std::string lifetime_text(const aws::Credentials& credentials, TimePoint now) {
  if (credentials.expiration) {
    return fmt::format("they expire at {}, in {}", to_iso8601(*credentials.expiration),
                       age_text(*credentials.expiration - now));
  }
  return credentials.session_token.empty() ? "they do not expire"
                                           : "of a session, whose end is not known";
}

std::string region_source(const std::string& uri_region, const aws::Environment& environment) {
  if (!uri_region.empty()) return "the URI";
  for (const char* const name : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (environment(name)) return name;
  }
  try {
    aws::resolve_region({}, environment);
    return fmt::format("profile {}", environment("AWS_PROFILE").value_or("default"));
  } catch (const std::invalid_argument&) {
    return "instance metadata";
  }
}

std::string endpoint_source(const AskedService& asked, const aws::Environment& environment) {
  if (!asked.uri_endpoint.empty()) return "from the URI";
  // The library has told already whether the variable makes sense.
  const auto ignored = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
  if (ignored && (ignored->front() == 't' || ignored->front() == 'T')) return "AWS's own";
  for (const std::string_view name :
       {asked.service.endpoint_variable, std::string_view("AWS_ENDPOINT_URL")}) {
    if (environment(std::string(name).c_str())) return fmt::format("from {}", name);
  }
  return "AWS's own";
}

std::string time_text(std::chrono::nanoseconds time) {
  if (time < milliseconds(1)) return fmt::format("{} us", time.count() / 1000);
  return fmt::format("{:.2f} ms", std::chrono::duration<double, std::milli>(time).count());
}

}  // namespace

AskedService ask_service(const aws::Service& service, std::string region, std::string endpoint,
                         const std::string& profile) {
  aws::ClientOptions options;
  if (profile.empty()) {
    aws::CredentialsOptions credentials;
    credentials.region = region;
    options.credentials = aws::default_credentials(std::move(credentials));
    options.region = region;
    options.endpoint = endpoint;
  } else {
    options = profile_client(profile, region, endpoint, {});
  }
  aws::Client client(service, options);
  return {std::move(client), service, std::move(options.credentials), std::move(region),
          std::move(endpoint)};
}

aws::ClientOptions client_options(const AskedService& asked) {
  aws::ClientOptions options;
  options.credentials = asked.credentials;
  options.region = asked.client.region();
  options.endpoint = asked.uri_endpoint;
  return options;
}

std::string text_of(const aws::ServiceError& error) {
  if (error.code.empty()) {
    if (error.http_status == 0) return error.message;
    return fmt::format("HTTP {}{}{}", error.http_status, error.message.empty() ? "" : ": ",
                       error.message);
  }
  return error.message.empty() ? error.code : fmt::format("{}: {}", error.code, error.message);
}

bool is_denied(const aws::Outcome& outcome) {
  return !outcome && outcome.error().kind == aws::ErrorKind::access_denied &&
         !blames_credentials(outcome.error().code);
}

asio::awaitable<std::optional<aws::Outcome>> examine_service(AskedService asked, Probe probe,
                                                             Report& report) {
  const aws::Environment environment = aws::process_environment();
  Identity identity;
  std::optional<Finding> none;
  try {
    identity.credentials = co_await asked.credentials->get();
    identity.source = asked.credentials->source();
  } catch (const Error& error) {
    none = Finding{Severity::error, "credentials", error.what(),
                   "the guide page aws.md says where they are looked for"};
  }
  if (none) {
    report.add(*none);
    report.add(region_finding(asked.client.region(), asked.uri_region, environment));
    report.add({Severity::warning, "endpoint",
                fmt::format("{}: not asked, as nothing can be signed without credentials",
                            asked.client.endpoint().url()),
                "see to the credentials first"});
    co_return std::nullopt;
  }
  auto asking = asked.client.call(probe.operation, std::move(probe.body));
  aws::Outcome answer = co_await std::move(asking);
  const TimePoint now = system_clock()->now();
  const Finding signer = credentials_finding(identity, now, answer);
  report.add(signer);
  report.add(region_finding(asked.client.region(), asked.uri_region, environment));
  const Finding endpoint = endpoint_finding(asked, environment, answer);
  report.add(endpoint);
  if (answered(answer) || is_untrusted(answer) || !asked.client.endpoint().tls) {
    report.add(tls_finding(asked.client.endpoint(), asked.client.tls_version()));
  }
  if (!answered(answer)) co_return std::nullopt;
  report.add(clock_finding(asked.client.service_now() - now));
  if (signer.severity == Severity::error || endpoint.severity == Severity::error) {
    co_return std::nullopt;
  }
  co_return std::optional(std::move(answer));
}

asio::awaitable<std::vector<std::chrono::nanoseconds>> time_requests(aws::Client client,
                                                                     Probe probe,
                                                                     unsigned requests) {
  std::vector<std::chrono::nanoseconds> times;
  for (unsigned i = 0; i < requests; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    auto asking = client.call(probe.operation, probe.body);
    const aws::Outcome answer = co_await std::move(asking);
    if (answer) times.push_back(std::chrono::steady_clock::now() - begin);
  }
  co_return times;
}

Finding credentials_finding(const Identity& identity, TimePoint now, const aws::Outcome& answer) {
  const aws::Credentials& credentials = identity.credentials;
  std::string who = fmt::format("{}, {}", identity.source, credentials.access_key_id);
  if (!answer && blames_credentials(answer.error().code)) {
    return {Severity::error, "credentials",
            fmt::format("{}: the service refuses them, {}", who, text_of(answer.error())),
            credentials.session_token.empty()
                ? "check key id and secret, and that they are of the account's Region"
                : "they are a session's, which has ended: begin a new one"};
  }
  who += "; " + lifetime_text(credentials, now);
  if (credentials.expiration && *credentials.expiration - now < kShortLived) {
    return {Severity::warning, "credentials", who,
            "sagabus asks for new ones 15 min before: where they come from gives shorter ones"};
  }
  return {Severity::ok, "credentials", who};
}

Finding region_finding(const std::string& region, const std::string& uri_region,
                       const aws::Environment& environment) {
  return {Severity::ok, "region",
          fmt::format("{}, from {}", region, region_source(uri_region, environment))};
}

Finding endpoint_finding(const AskedService& asked, const aws::Environment& environment,
                         const aws::Outcome& answer) {
  const std::string where =
      fmt::format("{}, {}", asked.client.endpoint().url(), endpoint_source(asked, environment));
  if (answer) return {Severity::ok, "endpoint", where};
  const aws::ServiceError& error = answer.error();
  if (error.http_status == 0) {
    return {Severity::error, "endpoint", fmt::format("{}: {}", where, text_of(error)),
            "check the address, the network and, in a VPC, its endpoint and security groups"};
  }
  if (is_another_service(error)) {
    return {Severity::error, "endpoint",
            fmt::format("{}: what answers there is not {}, {}", where, asked.service.name,
                        text_of(error)),
            "check the address"};
  }
  if (error.http_status >= 500) {
    return {Severity::error, "endpoint", fmt::format("{}: {}", where, text_of(error)),
            "the service is in trouble: try again"};
  }
  return {Severity::ok, "endpoint", where};
}

Finding tls_finding(const aws::Endpoint& endpoint, std::string_view version) {
  if (!endpoint.tls) {
    return {Severity::warning, "tls", "plain http: only for emulators",
            "what is sent can be read and changed on its way: use https"};
  }
  if (version.empty()) {
    return {Severity::error, "tls", "the certificate is not trusted, or is another host's",
            "the line about the endpoint says why; SSL_CERT_FILE may name other authorities"};
  }
  return {Severity::ok, "tls",
          fmt::format("{}, certificate and host name {} verified", version, endpoint.host)};
}

Finding clock_finding(milliseconds service_ahead) {
  const milliseconds off = std::chrono::abs(service_ahead);
  if (off < kCannotTell) return {Severity::ok, "clock", "as the service's, to a few seconds"};
  const std::string found = fmt::format("this machine is {} {} the service", age_text(off),
                                        service_ahead.count() > 0 ? "behind" : "ahead of");
  const std::string advice = "have the clock set by NTP: items expire by it";
  if (off > kSignaturesAreRefused) {
    return {Severity::error, "clock",
            found + ": AWS refuses signatures of over 5 min, unless they are corrected as here",
            advice};
  }
  return {off > kClockIsOff ? Severity::warning : Severity::ok, "clock", found,
          off > kClockIsOff ? advice : ""};
}

Finding latency_finding(std::vector<std::chrono::nanoseconds> times, std::string_view of,
                        milliseconds usual, std::string_view advice) {
  if (times.empty()) {
    return {Severity::warning, "latency", "not measured: no read went well",
            "see to what the lines above say"};
  }
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t percent) {
    return times[(times.size() * percent + 99) / 100 - 1];
  };
  Finding finding{
      Severity::ok, "latency",
      fmt::format("{} {}: p50 {}, p99 {}", times.size(), of, time_text(at(50)), time_text(at(99)))};
  if (at(50) > usual) {
    finding.severity = Severity::warning;
    finding.advice = advice;
  }
  return finding;
}

}  // namespace sagabus::tools
