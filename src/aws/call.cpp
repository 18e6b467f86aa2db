#include "aws/call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/container/small_vector.hpp>
#include <boost/system/system_error.hpp>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "aws/error_answer.hpp"
#include "aws/http_date.hpp"
#include "aws/number.hpp"
#include "aws/protocol.hpp"
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

// Those of a session that has ended, by the service's clock or by somebody's order.
bool blames_session(std::string_view code) {
  constexpr std::array<std::string_view, 6> kCodes{
      "ExpiredToken",         "ExpiredTokenException", "UnrecognizedClientException",
      "InvalidClientTokenId", "InvalidAccessKeyId",    "TokenRefreshRequired"};
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

// What a provider gave or threw. Its channel hears of that, and of the end of the time.
struct Arrival {
  explicit Arrival(const asio::any_io_executor& executor) : news(executor, 2) {}

  asio::experimental::concurrent_channel<void(boost::system::error_code)> news;
  asio::cancellation_signal cancel;  // used on the provider's strand
  std::mutex mutex;                  // guards what follows
  std::optional<Credentials> credentials;
  std::exception_ptr error;
};
using ArrivalPtr = std::shared_ptr<Arrival>;

void begin_getting(const asio::any_io_executor& strand, const ArrivalPtr& arrival,
                   const std::shared_ptr<CredentialsProvider>& provider) {
  auto on_end = [arrival, provider](std::exception_ptr error, Credentials credentials) {
    {
      const std::lock_guard lock(arrival->mutex);
      arrival->error = std::move(error);
      if (!arrival->error) arrival->credentials = std::move(credentials);
    }
    arrival->news.try_send(boost::system::error_code());
  };
  asio::co_spawn(strand, provider->get(),
                 asio::bind_cancellation_slot(arrival->cancel.slot(), std::move(on_end)));
}

// A provider may have to ask a service, which may hang. It runs on a strand of its own, since
// nothing says that our executor does one thing at a time, and is cancelled when nobody waits any
// more.
asio::awaitable<Credentials> get_within(std::chrono::nanoseconds left,
                                        std::shared_ptr<CredentialsProvider> provider) {
  const auto executor = co_await asio::this_coro::executor;
  const asio::any_io_executor strand = asio::make_strand(executor);
  const auto arrival = std::make_shared<Arrival>(executor);
  begin_getting(strand, arrival, provider);
  asio::steady_timer timer(executor, left);
  timer.async_wait([arrival](const boost::system::error_code& error) {
    if (!error) arrival->news.try_send(boost::system::error_code());
  });
  const auto [cancelled] =
      co_await arrival->news.async_receive(asio::as_tuple(asio::use_awaitable));
  {
    const std::lock_guard lock(arrival->mutex);
    if (arrival->error) std::rethrow_exception(arrival->error);
    if (arrival->credentials) co_return *std::move(arrival->credentials);
  }
  asio::post(strand, [arrival] { arrival->cancel.emit(asio::cancellation_type::terminal); });
  if (cancelled) throw boost::system::system_error(asio::error::operation_aborted);
  throw HttpError(HttpError::Kind::queue, false, "no credentials came before the call's deadline");
}

}  // namespace

Call::Call(std::shared_ptr<ClientState> state, Request request, const CallOptions& options)
    : state_(std::move(state)),
      request_((check(request), std::move(request))),
      name_(name_of(state_->service, request_.operation)),
      path_(path_of(state_->endpoint, request_.path)),
      target_(request_.query.empty() ? path_ : path_ + "?" + request_.query),
      payload_hash_(payload_hash_of(state_->service, request_.body)),
      timeout_(options.attempt_timeout.count() > 0 ? options.attempt_timeout
                                                   : state_->attempt_timeout),
      schedule_(policy_of(*state_, request_.operation), state_->quota, *state_->random) {
  const auto limit = options.deadline.count() > 0 ? options.deadline : state_->deadline;
  if (limit.count() > 0) deadline_ = state_->clock->monotonic() + limit;
}

// The request of one attempt, signed, with all that it refers to.
class Call::Attempt {
 public:
  // Throws HttpError where no time is left.
  Attempt(const Call& call, const Credentials& credentials)
      : date_(amz_date(call.state_->service_clock.signing_time(call.state_->clock->now()))) {
    const auto left = call.time_left();
    if (left && left->count() <= 0) {
      throw HttpError(HttpError::Kind::queue, false, "the call's deadline has passed");
    }
    sign(call, credentials);
    request_.method = call.request_.method;
    request_.target = call.target_;
    request_.headers = headers_;
    request_.body = call.request_.body;
    request_.timeout =
        left ? std::min<std::chrono::nanoseconds>(call.timeout_, *left) : call.timeout_;
    request_.queue_timeout = left;
  }
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  const HttpRequest& request() const { return request_; }

 private:
  void sign(const Call& call, const Credentials& credentials) {
    const Protocol protocol = call.state_->service.protocol;
    add("Host", call.state_->host);
    add("X-Amz-Date", date_);
    if (protocol == Protocol::json) add("X-Amz-Target", call.name_);
    if (protocol == Protocol::rest) add("X-Amz-Content-Sha256", call.payload_hash_);
    if (const auto type = content_type(protocol); !type.empty()) add("Content-Type", type);
    for (const auto& [name, value] : call.request_.headers) add(name, value);
    if (!credentials.session_token.empty()) {
      add("X-Amz-Security-Token", credentials.session_token);
    }
    SigningRequest signing;
    signing.method = call.request_.method;
    signing.path = call.path_;
    signing.query = call.request_.query;
    signing.headers = headers_;
    signing.payload = call.request_.body;
    signing.payload_hash = call.payload_hash_;
    signing.normalise_path = protocol != Protocol::rest;
    signing.encode_path_twice = protocol != Protocol::rest;
    authorization_ = call.state_->signer.authorization(signing, credentials, date_);
    add("Authorization", authorization_);
    add("User-Agent", "sagabus");
  }
  void add(std::string_view name, std::string_view value) { headers_.push_back({name, value}); }

  const std::string date_;
  std::string authorization_;
  boost::container::small_vector<Header, 12> headers_;  // without an allocation in all usual cases
  HttpRequest request_;
};

asio::awaitable<Outcome> Call::run(std::shared_ptr<ClientState> shared, Request request,
                                   CallOptions options) {
  Call call(std::move(shared), std::move(request), options);
  ClientState& state = *call.state_;
  for (call.attempt_ = 1;; ++call.attempt_) {
    Credentials credentials;
    std::optional<ServiceError> failure;
    HttpResponse answer;
    try {
      const auto left = call.time_left();
      if (left) {
        auto getting = get_within(*left, state.credentials);
        credentials = co_await std::move(getting);
      } else {
        credentials = co_await state.credentials->get();
      }
      check(credentials);
      const Attempt attempt(call, credentials);
      answer = co_await state.http->send(attempt.request());
    } catch (const HttpError& error) {
      failure = without_answer(error);
    }
    if (!failure) {
      call.observe(answer);
      if (is_success(state.service, call.request_.operation, answer)) {
        co_return call.success(std::move(answer));
      }
    }
    const auto asked = retry_after(answer);
    if (!failure) failure = call.judge(std::move(answer), credentials);
    call.complete(*failure);
    if (call.corrects_clock(*failure)) continue;
    if (call.renews_credentials(*failure, credentials)) continue;
    const RetryDecision decision = call.decide(*failure, asked);
    if (decision.retry) call.log_retry(*failure, decision.delay);
    if (decision.delay.count() > 0) co_await state.clock->sleep_for(decision.delay);
    if (!decision.retry) co_return Outcome(std::move(*failure));
  }
}

std::optional<std::chrono::nanoseconds> Call::time_left() const {
  if (!deadline_) return std::nullopt;
  return *deadline_ - state_->clock->monotonic();
}

void Call::observe(const HttpResponse& answer) {
  const auto date = parse_http_date(answer.headers.find("date"));
  date_ = date.value_or(TimePoint());
  state_->tls_version.store(answer.tls_version, std::memory_order_relaxed);
  if (date) {
    state_->service_clock.observe(*date, state_->clock->now(), state_->clock->monotonic());
  }
}

Outcome Call::success(HttpResponse answer) {
  schedule_.after_success();
  Response response;
  response.http_status = answer.status;
  response.attempts = attempt_;
  response.request_id = request_id_of(answer);
  response.body = std::move(answer.body);
  response.date = date_;
  return Outcome(std::move(response));
}

ServiceError Call::judge(HttpResponse answer, const Credentials& credentials) const {
  if (!says_success(state_->service, answer.status) && crc_matches(answer)) {
    ServiceError error = read_error(state_->service, std::move(answer), credentials);
    error.maybe_applied = error.http_status >= 500;
    return error;
  }
  ServiceError error;
  error.kind = ErrorKind::transient;
  error.message = what_is_broken(state_->service, answer);
  error.http_status = answer.status;
  error.request_id = safe_message(request_id_of(answer), credentials);
  error.maybe_applied = true;
  return error;
}

void Call::complete(ServiceError& error) {
  maybe_applied_ = maybe_applied_ || error.maybe_applied;
  error.maybe_applied = maybe_applied_;
  error.operation = request_.operation;
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
                 fmt::format("aws: {}: {}; signing by the service's clock", name_, error.code));
  return true;
}

// Once a call, as above.
bool Call::renews_credentials(const ServiceError& error, const Credentials& refused) {
  if (credentials_renewed_ || attempt_ >= state_->max_attempts || !blames_session(error.code) ||
      !state_->credentials->renew(refused)) {
    return false;
  }
  credentials_renewed_ = true;
  state_->logger(LogLevel::warning,
                 fmt::format("aws: {}: {}; asking for new credentials", name_, error.code));
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
      fmt::format("aws: {}: attempt {} failed ({}, HTTP {}); again in {} ms", name_, attempt_,
                  error.code.empty() ? error.message : error.code, error.http_status,
                  std::chrono::duration_cast<std::chrono::milliseconds>(delay).count()));
}

}  // namespace sagabus::aws
