// What the calls of a client share, and one call: sign, send, check, classify, retry.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "aws/http_client.hpp"
#include "aws/retry.hpp"
#include "aws/service_clock.hpp"
#include "aws/sigv4.hpp"
#include "sagabus/aws/client.hpp"

namespace sagabus::aws {

struct ClientState {
  // Throws std::invalid_argument, as Client does.
  ClientState(const Service& service, ClientOptions options);

  const Service service;
  const std::string region;
  const Endpoint endpoint;
  const std::string host;
  const std::shared_ptr<CredentialsProvider> credentials;
  const int max_attempts;
  const std::chrono::milliseconds attempt_timeout;
  const std::chrono::milliseconds deadline;
  const std::shared_ptr<Clock> clock;
  const std::shared_ptr<RandomSource> random;
  const Logger logger;
  const std::shared_ptr<HttpClient> http;
  Signer signer;
  RetryQuota quota;
  ServiceClock service_clock;
  std::atomic<const char*> tls_version = "";  // of the last answer
};

// One call from its first attempt to its outcome. Lives in the coroutine that runs it, the only
// one: each coroutine inside another costs every request an allocation.
class Call {
 public:
  static boost::asio::awaitable<Outcome> run(std::shared_ptr<ClientState> state, Request request,
                                             CallOptions options);

 private:
  class Attempt;

  Call(std::shared_ptr<ClientState> state, Request request, const CallOptions& options);

  std::optional<std::chrono::nanoseconds> time_left() const;
  void observe(const HttpResponse& answer);
  Outcome success(HttpResponse answer);
  ServiceError judge(HttpResponse answer, const Credentials& credentials) const;
  void complete(ServiceError& error);
  bool corrects_clock(const ServiceError& error);
  bool renews_credentials(const ServiceError& error, const Credentials& refused);
  RetryDecision decide(const ServiceError& error, std::optional<std::chrono::milliseconds> asked);
  void log_retry(const ServiceError& error, std::chrono::nanoseconds delay) const;

  const std::shared_ptr<ClientState> state_;
  const Request request_;
  const std::string name_;  // "DynamoDB_20120810.PutItem", "sns.Publish"
  const std::string path_;
  const std::string target_;        // path and query
  const std::string payload_hash_;  // where the service wants it in a header
  const std::chrono::milliseconds timeout_;
  std::optional<std::chrono::nanoseconds> deadline_;  // on the monotonic clock
  RetrySchedule schedule_;
  int attempt_ = 0;
  TimePoint date_{};  // of the last answer
  bool maybe_applied_ = false;
  bool clock_corrected_ = false;
  bool credentials_renewed_ = false;
};

}  // namespace sagabus::aws
