#include "sagabus/aws/client.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <type_traits>
#include <utility>

#include "aws/call.hpp"
#include "aws/number.hpp"
#include "aws/region.hpp"

namespace sagabus::aws {
namespace {

// It may be brace-built in an awaited expression, where g++ 12 destroys such a temporary twice.
static_assert(std::is_trivially_destructible_v<CallOptions>);

template <class Value>
void require(bool fine, std::string_view field, const Value& value, std::string_view allowed) {
  if (!fine) throw std::invalid_argument(fmt::format("{}: {} is not {}", field, value, allowed));
}

void check(const ClientOptions& options) {
  const auto milliseconds = [](std::string_view field, std::chrono::milliseconds value, int least) {
    require(value.count() >= least, field, value.count(), fmt::format("{} ms or more", least));
  };
  require(options.max_attempts >= 0, "max_attempts", options.max_attempts, "0 or more");
  milliseconds("connect_timeout", options.connect_timeout, 1);
  milliseconds("attempt_timeout", options.attempt_timeout, 1);
  milliseconds("deadline", options.deadline, 0);
  milliseconds("idle_timeout", options.idle_timeout, 0);
  require(options.max_connections >= 1, "max_connections", options.max_connections, "1 or more");
  require(options.max_answer_bytes >= 1, "max_answer_bytes", options.max_answer_bytes, "1 or more");
  require(options.clock != nullptr, "clock", "null", "a clock");
  require(options.random != nullptr, "random", "null", "a source of randomness");
  require(options.environment != nullptr, "environment", "null", "a function");
}

int resolve_attempts(const Service& service, const ClientOptions& options) {
  if (const auto mode = options.environment("AWS_RETRY_MODE")) {
    // All three names mean the standard mode here.
    require(*mode == "standard" || *mode == "adaptive" || *mode == "legacy", "AWS_RETRY_MODE",
            *mode, "standard, adaptive or legacy");
  }
  if (options.max_attempts > 0) return options.max_attempts;
  const auto text = options.environment("AWS_MAX_ATTEMPTS");
  if (!text) return service.max_attempts;
  const auto attempts = read_number<int>(*text);
  require(attempts && *attempts >= 1, "AWS_MAX_ATTEMPTS", *text, "a number of 1 or more");
  return *attempts;
}

std::shared_ptr<HttpClient> resolve_http(const Endpoint& endpoint, const ClientOptions& options) {
  if (options.http) return options.http;
  HttpClientOptions http;
  http.endpoint = endpoint;
  http.connect_timeout = options.connect_timeout;
  http.idle_timeout = options.idle_timeout;
  http.max_connections = options.max_connections;
  http.max_body_bytes = options.max_answer_bytes;
  http.ca_file = options.ca_file;
  http.clock = options.clock;
  return make_http_client(std::move(http));
}

CredentialsOptions credentials_options(const ClientOptions& options, std::string region) {
  CredentialsOptions result;
  result.environment = options.environment;
  result.clock = options.clock;
  result.region = std::move(region);
  result.logger = options.logger;
  result.ca_file = options.ca_file;
  return result;
}

}  // namespace

ClientState::ClientState(const Service& given, ClientOptions options)
    : service(given),
      region((check(options), find_region(options.region, credentials_options(options, {})))),
      endpoint(resolve_endpoint(service, region,
                                {options.endpoint, options.use_fips, options.use_dual_stack},
                                options.environment)),
      host(endpoint.host_header()),
      credentials(options.credentials ? std::move(options.credentials)
                                      : default_credentials(credentials_options(options, region))),
      max_attempts(resolve_attempts(service, options)),
      attempt_timeout(options.attempt_timeout),
      deadline(options.deadline),
      clock(options.clock),
      random(options.random),
      logger(options.logger),
      http(resolve_http(endpoint, options)),
      signer(region, std::string(service.name)) {}

Client::Client(const Service& service, ClientOptions options)
    : state_(std::make_shared<ClientState>(service, std::move(options))) {}

boost::asio::awaitable<Outcome> Client::call(std::string_view operation, std::string body) const {
  return call(operation, std::move(body), CallOptions());
}

boost::asio::awaitable<Outcome> Client::call(std::string_view operation, std::string body,
                                             CallOptions options) const {
  Request request;
  request.operation = operation;
  request.body = std::move(body);
  return Call::run(state_, std::move(request), options);
}

boost::asio::awaitable<Outcome> Client::send(Request request) const {
  return send(std::move(request), CallOptions());
}

boost::asio::awaitable<Outcome> Client::send(Request request, CallOptions options) const {
  return Call::run(state_, std::move(request), options);
}

TimePoint Client::service_now() const {
  return state_->service_clock.service_now(state_->clock->now(), state_->clock->monotonic());
}

std::string_view Client::tls_version() const {
  return state_->tls_version.load(std::memory_order_relaxed);
}

const std::string& Client::region() const {
  return state_->region;
}

const Endpoint& Client::endpoint() const {
  return state_->endpoint;
}

}  // namespace sagabus::aws
