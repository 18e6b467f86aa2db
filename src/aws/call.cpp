#include "aws/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "aws/error_answer.hpp"
#include "aws/http_date.hpp"
#include "aws/number.hpp"
#include "sagabus/error.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

bool blames_clock(std::string_view code) {
  constexpr std::array<std::string_view, 5> kCodes{
      "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture", "InvalidSignatureException",
      "SignatureDoesNotMatch"};
  return std::find(kCodes.begin(), kCodes.end(), code) != kCodes.end();
}

std::optional<RetryCause> retry_cause(const ServiceError& error) {
  if (error.kind == ErrorKind::throttled) return RetryCause::throttled;
  if (error.kind == ErrorKind::transient) return RetryCause::transient;
  return std::nullopt;
}

std::optional<std::chrono::milliseconds> retry_after(const HttpResponse& answer) {
  const auto asked = read_number<std::int64_t>(answer.headers.find("x-amz-retry-after"));
  if (!asked || *asked < 0) return std::nullopt;
  return std::chrono::milliseconds(*asked);
}

bool crc_matches(const HttpResponse& answer) {
  const std::string_view expected = answer.headers.find("x-amz-crc32");
  return expected.empty() || read_number<std::uint32_t>(expected) == crc32(answer.body);
}

ServiceError without_answer(const HttpError& error) {
  ServiceError result;
  const bool permanent =
      error.kind() == HttpError::Kind::untrusted || error.kind() == HttpError::Kind::answer_size;
  result.kind = permanent ? ErrorKind::other : ErrorKind::transient;
  result.message = error.what();
  result.maybe_applied = error.maybe_sent();
  return result;
}

RetryPolicy policy_of(const ClientState& state, std::string_view operation) {
  RetryPolicy policy;
  policy.max_attempts = state.max_attempts;
  policy.base_delay = state.service.base_delay;
  policy.backs_off_without_quota = operation == state.service.long_polling_operation;
  return policy;
}

// They go into headers, and a provider may be the user's own.
void check(const Credentials& credentials) {
  try {
    validate(credentials);
  } catch (const std::invalid_argument& error) {
    throw AccessDenied(std::string("malformed credentials: ") + error.what());
  }
}

}  // namespace

Call::Call(std::shared_ptr<ClientState> state, std::string_view operation, std::string body,
           const CallOptions& options)
    : state_(std::move(state)),
      operation_(operation),
      target_(fmt::format("{}.{}", state_->service.target_prefix, operation)),
      body_(std::move(body)),
      timeout_(options.attempt_timeout.count() > 0 ? options.attempt_timeout
                                                   : state_->attempt_timeout),
      schedule_(policy_of(*state_, operation), state_->quota, *state_->random) {
  const auto limit = options.deadline.count() > 0 ? options.deadline : state_->deadline;
  if (limit.count() > 0) deadline_ = state_->clock->monotonic() + limit;
}

asio::awaitable<Outcome> Call::run() {
  for (attempt_ = 1;; ++attempt_) {
    const Credentials credentials = co_await state_->credentials->get();
    check(credentials);
    std::optional<ServiceError> failure;
    HttpResponse answer;
    try {
      answer = co_await send(credentials);
    } catch (const HttpError& error) {
      failure = without_answer(error);
    }
    if (!failure) {
      observe(answer);
      if (answer.status == 200 && crc_matches(answer)) co_return success(std::move(answer));
    }
    const auto asked = retry_after(answer);
    if (!failure) failure = judge(std::move(answer), credentials);
    complete(*failure);
    if (corrects_clock(*failure)) continue;
    const RetryDecision decision = decide(*failure, asked);
    if (decision.retry) log_retry(*failure, decision.delay);
    if (decision.delay.count() > 0) co_await state_->clock->sleep_for(decision.delay);
    if (!decision.retry) co_return Outcome(std::move(*failure));
  }
}

std::optional<std::chrono::nanoseconds> Call::time_left() const {
  if (!deadline_) return std::nullopt;
  return *deadline_ - state_->clock->monotonic();
}

asio::awaitable<HttpResponse> Call::send(const Credentials& credentials) {
  const auto left = time_left();
  if (left && left->count() <= 0) {
    throw HttpError(HttpError::Kind::queue, false, "the call's deadline has passed");
  }
  const std::string date = amz_date(state_->service_clock.signing_time(state_->clock->now()));
  std::array<Header, 7> headers;
  std::size_t count = 0;
  headers[count++] = {"Host", state_->host};
  headers[count++] = {"Content-Type", "application/x-amz-json-1.0"};
  headers[count++] = {"X-Amz-Date", date};
  headers[count++] = {"X-Amz-Target", target_};
  if (!credentials.session_token.empty()) {
    headers[count++] = {"X-Amz-Security-Token", credentials.session_token};
  }
  SigningRequest signing;
  signing.method = "POST";
  signing.path = state_->endpoint.path;
  signing.headers = std::span(headers.data(), count);
  signing.payload = body_;
  const std::string authorization = state_->signer.authorization(signing, credentials, date);
  headers[count++] = {"Authorization", authorization};
  headers[count++] = {"User-Agent", "sagabus"};

  HttpRequest request;
  request.target = state_->endpoint.path;
  request.headers = std::span(headers.data(), count);
  request.body = body_;
  request.timeout = left ? std::min<std::chrono::nanoseconds>(timeout_, *left) : timeout_;
  request.queue_timeout = left;
  co_return co_await state_->http->send(request);
}

void Call::observe(const HttpResponse& answer) {
  const auto date = parse_http_date(answer.headers.find("date"));
  date_ = date.value_or(TimePoint());
  if (date) {
    state_->service_clock.observe(*date, state_->clock->now(), state_->clock->monotonic());
  }
}

Outcome Call::success(HttpResponse answer) {
  schedule_.after_success();
  Response response;
  response.http_status = answer.status;
  response.attempts = attempt_;
  response.request_id = answer.headers.find("x-amzn-requestid");
  response.body = std::move(answer.body);
  response.date = date_;
  return Outcome(std::move(response));
}

ServiceError Call::judge(HttpResponse answer, const Credentials& credentials) const {
  if (crc_matches(answer)) {
    ServiceError error = read_error(state_->service, std::move(answer), credentials);
    error.maybe_applied = error.http_status >= 500;
    return error;
  }
  ServiceError error;
  error.kind = ErrorKind::transient;
  error.message = "the answer does not match its CRC32";
  error.http_status = answer.status;
  error.request_id = safe_message(answer.headers.find("x-amzn-requestid"), credentials);
  error.maybe_applied = true;
  return error;
}

void Call::complete(ServiceError& error) {
  maybe_applied_ = maybe_applied_ || error.maybe_applied;
  error.maybe_applied = maybe_applied_;
  error.operation = operation_;
  error.attempts = attempt_;
}

// Once a call, so that a wrong secret, which looks the same, costs one request more and no loop.
bool Call::corrects_clock(const ServiceError& error) {
  if (clock_corrected_ || attempt_ >= state_->max_attempts || !blames_clock(error.code) ||
      date_ == TimePoint()) {
    return false;
  }
  clock_corrected_ = true;
  state_->service_clock.correct(state_->clock->now(), state_->clock->monotonic());
  state_->logger(LogLevel::warning,
                 fmt::format("aws: {}: {}; signing by the service's clock", target_, error.code));
  return true;
}

RetryDecision Call::decide(const ServiceError& error,
                           std::optional<std::chrono::milliseconds> asked) {
  const auto cause = retry_cause(error);
  if (!cause) return {};
  RetryDecision decision = schedule_.after_failure(attempt_, *cause, asked);
  const auto left = time_left();
  if (left && decision.delay >= *left) return {};
  return decision;
}

void Call::log_retry(const ServiceError& error, std::chrono::nanoseconds delay) const {
  if (!state_->logger.enabled(LogLevel::debug)) return;
  state_->logger(
      LogLevel::debug,
      fmt::format("aws: {}: attempt {} failed ({}, HTTP {}); again in {} ms", target_, attempt_,
                  error.code.empty() ? error.message : error.code, error.http_status,
                  std::chrono::duration_cast<std::chrono::milliseconds>(delay).count()));
}

}  // namespace sagabus::aws
