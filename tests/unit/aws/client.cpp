#include "sagabus/aws/client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <vector>

#include "aws/digest.hpp"
#include "aws/http_client.hpp"
#include "sagabus/error.hpp"
#include "support/http_server.hpp"
#include "unit/aws/client_support.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using testing::ThrowsMessage;

TEST_F(ClientTest, SignsAndSends) {
  http_->answers = {answer(200, R"({"a":1})",
                           {{"x-amzn-RequestId", "REQ1"},
                            {"x-amz-crc32", std::to_string(crc32(R"({"a":1})"))},
                            {"Date", "Tue, 14 Nov 2023 22:13:21 GMT"}})};
  const Client client(kDynamoDb, options());
  const Outcome outcome = call(client);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->body, R"({"a":1})");
  EXPECT_EQ(outcome->attempts, 1);
  EXPECT_EQ(outcome->http_status, 200);
  EXPECT_EQ(outcome->request_id, "REQ1");
  EXPECT_EQ(outcome->date, kNow + 1s);
  ASSERT_THAT(http_->seen, SizeIs(1));
  const auto& seen = http_->seen[0];
  EXPECT_EQ(seen.target, "DynamoDB_20120810.PutItem");
  EXPECT_EQ(seen.date, "20231114T221320Z");
  EXPECT_EQ(seen.token, "t0ken");
  EXPECT_EQ(seen.timeout, 3s);
  EXPECT_THAT(seen.authorization,
              AllOf(HasSubstr("Credential=AKID/20231114/us-east-1/dynamodb/aws4_request"),
                    HasSubstr("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
                              "x-amz-target")));
  clock_->passed += 5s;
  EXPECT_EQ(client.service_now(), kNow + 6s);
}

TEST_F(ClientTest, RetriesWhatMayPassAndSignsAnew) {
  http_->answers = {
      service_error(500, "InternalServerError"), failing(HttpError::Kind::connect, false),
      service_error(400, "ProvisionedThroughputExceededException"), answer(200, "{}")};
  const Client client(kDynamoDb, options());
  const Outcome outcome = call(client);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->attempts, 4);
  ASSERT_THAT(clock_->sleeps, SizeIs(3));
  EXPECT_LE(clock_->sleeps[0], 25ms);
  EXPECT_LE(clock_->sleeps[1], 50ms);
  EXPECT_LE(clock_->sleeps[2], 4s);
  clock_->passed += 1s;
  http_->answers = {answer(200, "{}")};
  call(client);
  EXPECT_NE(http_->seen.front().authorization, http_->seen.back().authorization);
}

TEST_F(ClientTest, GivesUpAfterTheServicesAttempts) {
  for (int i = 0; i < 4; ++i) http_->answers.push_back(failing(HttpError::Kind::timeout, true));
  const Outcome outcome = call(Client(kDynamoDb, options()));
  ASSERT_TRUE(outcome.has_error());
  EXPECT_EQ(outcome.error().kind, ErrorKind::transient);
  EXPECT_EQ(outcome.error().attempts, 4);
  EXPECT_EQ(outcome.error().http_status, 0);
  EXPECT_TRUE(outcome.error().maybe_applied);
  EXPECT_THROW(outcome.value(), TransientError);

  for (int i = 0; i < 3; ++i) http_->answers.push_back(failing(HttpError::Kind::connect, false));
  const Outcome sqs = call(Client(kSqs, options()));
  EXPECT_EQ(sqs.error().attempts, 3);
  EXPECT_FALSE(sqs.error().maybe_applied);
}

TEST_F(ClientTest, TakesTheNumberOfAttemptsFromTheOptionThenTheEnvironment) {
  variables_ = {{"AWS_MAX_ATTEMPTS", "2"}, {"AWS_RETRY_MODE", "adaptive"}};
  for (int i = 0; i < 2; ++i) http_->answers.push_back(answer(503, ""));
  EXPECT_EQ(call(Client(kDynamoDb, options())).error().attempts, 2);
  ClientOptions once = options();
  once.max_attempts = 1;
  http_->answers.push_back(answer(503, ""));
  EXPECT_EQ(call(Client(kDynamoDb, once)).error().attempts, 1);
}

TEST_F(ClientTest, DoesNotRetryWhatWillNotPass) {
  for (const char* code :
       {"ConditionalCheckFailedException", "TransactionCanceledException", "ValidationException",
        "ResourceNotFoundException", "AccessDeniedException", "SomethingNew"}) {
    http_->answers = {service_error(400, code)};
    const Outcome outcome = call(Client(kDynamoDb, options()));
    EXPECT_EQ(outcome.error().code, code);
    EXPECT_EQ(outcome.error().operation, "PutItem");
    EXPECT_EQ(outcome.error().attempts, 1);
    EXPECT_FALSE(outcome.error().maybe_applied);
  }
  for (const auto kind : {HttpError::Kind::untrusted, HttpError::Kind::answer_size}) {
    http_->answers = {failing(kind, false)};
    EXPECT_EQ(call(Client(kDynamoDb, options())).error().kind, ErrorKind::other);
  }
  EXPECT_THAT(clock_->sleeps, IsEmpty());
}

TEST_F(ClientTest, AFailedConditionAfterALostAnswerSaysSo) {
  http_->answers = {failing(HttpError::Kind::broken, true),
                    service_error(400, "ConditionalCheckFailedException")};
  const Outcome outcome = call(Client(kDynamoDb, options()));
  EXPECT_EQ(outcome.error().kind, ErrorKind::conditional_check_failed);
  EXPECT_TRUE(outcome.error().maybe_applied);
}

TEST_F(ClientTest, RetriesAnAnswerThatDoesNotMatchItsCrc) {
  const std::string right = std::to_string(crc32("{}"));
  http_->answers = {answer(200, "{x", {{"x-amz-crc32", right}}),
                    answer(200, "{}", {{"x-amz-crc32", "garbage"}}),
                    answer(200, "{}", {{"x-amz-crc32", right}})};
  const Outcome outcome = call(Client(kDynamoDb, options()));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->attempts, 3);
}

TEST_F(ClientTest, RetriesASuccessThatIsNotTheServices) {
  const auto page = answer(200, "<html>Please log in</html>", {{"Content-Type", "text/html"}});
  http_->answers = {page, answer(200, "{}")};
  const Client client(kDynamoDb, options());
  const Outcome outcome = call(client);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->body, "{}");
  http_->answers = {page, page, page, page};
  const Outcome hopeless = call(client);
  EXPECT_EQ(hopeless.error().kind, ErrorKind::transient);
  EXPECT_EQ(hopeless.error().http_status, 200);
  EXPECT_EQ(hopeless.error().message, "the answer is not JSON");
  EXPECT_TRUE(hopeless.error().maybe_applied);
}

TEST_F(ClientTest, AcceptsASuccessWithoutABody) {  // SQS has nothing to say to a deletion
  http_->answers = {answer(200, "")};
  EXPECT_TRUE(call(Client(kSqs, options()), "DeleteMessage").has_value());
}

TEST_F(ClientTest, RetriesASuccessWithoutABodyWhereTheServiceAlwaysHasOne) {
  http_->answers = {answer(200, ""), answer(200, "{}")};
  const Client client(kDynamoDb, options());
  const Outcome outcome = call(client);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->body, "{}");
  http_->answers.assign(4, answer(200, ""));
  const Outcome hopeless = call(client);
  ASSERT_FALSE(hopeless.has_value());
  EXPECT_EQ(hopeless.error().kind, ErrorKind::transient);
  EXPECT_EQ(hopeless.error().http_status, 200);
  EXPECT_EQ(hopeless.error().message, "the answer is empty");
  EXPECT_TRUE(hopeless.error().maybe_applied);
}

TEST_F(ClientTest, HonoursRetryAfter) {
  http_->answers = {answer(503, "", {{"x-amz-retry-after", "1500"}}),
                    answer(503, "", {{"x-amz-retry-after", "soon"}}), answer(200, "{}")};
  call(Client(kDynamoDb, options()));
  ASSERT_THAT(clock_->sleeps, SizeIs(2));
  EXPECT_EQ(clock_->sleeps[0], 1500ms);
  EXPECT_LE(clock_->sleeps[1], 50ms);
}

TEST_F(ClientTest, StopsRetryingWithoutQuota) {
  const Client client(kSqs, options());
  int sent = 0;
  for (int i = 0; i < 20; ++i) {
    http_->answers.assign(3, answer(500, ""));
    sent += call(client).error().attempts;
  }
  EXPECT_EQ(sent, 20 + 500 / 14);
  const auto sleeps = clock_->sleeps.size();
  http_->answers.assign(2, answer(500, ""));
  EXPECT_EQ(call(client, "SendMessage").error().attempts, 1);
  EXPECT_EQ(clock_->sleeps.size(), sleeps);
  EXPECT_EQ(call(client, "ReceiveMessage").error().attempts, 1);
  EXPECT_EQ(clock_->sleeps.size(), sleeps + 1);
}

// A provider that never answers, as one whose service hangs.
class HangingCredentials final : public CredentialsProvider {
 public:
  asio::awaitable<Credentials> get() override {
    asio::steady_timer never(co_await asio::this_coro::executor,
                             asio::steady_timer::duration::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return Credentials();
  }
};

TEST_F(ClientTest, KeepsToItsDeadlineAlsoWhereCredentialsDoNotCome) {
  ClientOptions hurried = options();
  hurried.deadline = 10ms;
  hurried.max_attempts = 1;
  hurried.credentials = std::make_shared<HangingCredentials>();
  const Outcome outcome = call(Client(kDynamoDb, hurried));
  EXPECT_THAT(outcome.error().message, HasSubstr("no credentials came"));
  EXPECT_EQ(outcome.error().kind, ErrorKind::transient);
  EXPECT_FALSE(outcome.error().maybe_applied);
  EXPECT_THAT(http_->seen, IsEmpty());
}

class RefusedCredentials final : public CredentialsProvider {
 public:
  asio::awaitable<Credentials> get() override {
    throw AccessDenied("nobody is here");
    co_return Credentials();
  }
};

TEST_F(ClientTest, SaysAtOnceWhyThereAreNoCredentials) {
  ClientOptions patient = options();
  patient.deadline = 1h;  // the test would not end
  patient.credentials = std::make_shared<RefusedCredentials>();
  const Client client(kDynamoDb, patient);
  EXPECT_THAT([&] { call(client); }, ThrowsMessage<AccessDenied>("nobody is here"));
}

TEST_F(ClientTest, IsCancelledWhileItWaitsForCredentials) {
  for (const auto deadline : {0ms, 3'600'000ms}) {
    ClientOptions patient = options();
    patient.deadline = deadline;
    patient.credentials = std::make_shared<HangingCredentials>();
    const Client client(kDynamoDb, patient);
    asio::io_context context;
    asio::cancellation_signal cancel;
    std::exception_ptr thrown;
    asio::co_spawn(
        context, client.call("GetItem", "{}"),
        asio::bind_cancellation_slot(cancel.slot(), [&](std::exception_ptr error, const auto&...) {
          thrown = std::move(error);
          context.stop();
        }));
    asio::post(context, [&] { cancel.emit(asio::cancellation_type::terminal); });
    context.run();
    EXPECT_THAT([&] { std::rethrow_exception(thrown); },
                testing::Throws<boost::system::system_error>(
                    testing::Property(&boost::system::system_error::code,
                                      boost::system::error_code(asio::error::operation_aborted))));
  }
}

// Comes when the deadline does, on whatever thread.
class LateCredentials final : public CredentialsProvider {
 public:
  asio::awaitable<Credentials> get() override {
    asio::steady_timer timer(co_await asio::this_coro::executor, 1ms);
    co_await timer.async_wait(asio::use_awaitable);
    throw AccessDenied("too late");
  }
};

TEST_F(ClientTest, RacesItsDeadlineOnSeveralThreads) {
  ClientOptions hurried = options();
  hurried.clock = system_clock();
  hurried.deadline = 1ms;
  hurried.max_attempts = 1;
  hurried.credentials = std::make_shared<LateCredentials>();
  const Client client(kDynamoDb, hurried);
  asio::thread_pool threads(4);
  std::atomic<int> ended = 0;
  const auto call_often = [](const Client& aws) -> asio::awaitable<void> {
    for (int i = 0; i < 50; ++i) {
      try {
        co_await aws.call("GetItem", "{}");
      } catch (const AccessDenied&) {  // NOLINT(bugprone-empty-catch): either may come first
      }
    }
  };
  for (int lane = 0; lane < 8; ++lane) {
    asio::co_spawn(threads, call_often(client), [&](std::exception_ptr error) {
      EXPECT_FALSE(error);
      ++ended;
    });
  }
  threads.join();
  EXPECT_EQ(ended, 8);
}

TEST_F(ClientTest, KeepsToItsDeadline) {
  ClientOptions hurried = options();
  hurried.deadline = 10ms;
  hurried.max_attempts = 100;
  http_->answers.assign(100, answer(503, "", {{"x-amz-retry-after", "4"}}));
  // Backoff grows past what is left; no wait begins that would pass the deadline.
  const Outcome outcome = call(Client(kDynamoDb, hurried));
  EXPECT_LT(outcome.error().attempts, 4);
  EXPECT_LT(clock_->passed, 10ms);
  EXPECT_EQ(http_->seen[0].timeout, 10ms);

  http_->seen.clear();
  CallOptions patient;
  patient.attempt_timeout = 25s;
  patient.deadline = 1min;
  http_->answers = {answer(200, "{}")};
  call(Client(kSqs, options()), "ReceiveMessage", patient);
  EXPECT_EQ(http_->seen[0].timeout, 25s);
}

TEST_F(ClientTest, CorrectsItsClockAndRetriesAtOnce) {
  clock_->local_error = -1h;
  http_->answers = {
      service_error(400, "InvalidSignatureException", {{"Date", "Tue, 14 Nov 2023 22:13:20 GMT"}}),
      answer(200, "{}"), answer(200, "{}")};
  const Client client(kDynamoDb, options());
  EXPECT_EQ(call(client)->attempts, 2);
  EXPECT_EQ(http_->seen[0].date, "20231114T211320Z");
  EXPECT_EQ(http_->seen[1].date, "20231114T221320Z");
  EXPECT_THAT(clock_->sleeps, IsEmpty());
  call(client);
  EXPECT_EQ(http_->seen[2].date, "20231114T221320Z");
}

TEST_F(ClientTest, AWrongSecretCostsOneRequestMoreAndNoLoop) {
  http_->answers.assign(2, service_error(400, "InvalidSignatureException",
                                         {{"Date", "Tue, 14 Nov 2023 22:13:20 GMT"}}));
  EXPECT_EQ(call(Client(kDynamoDb, options())).error().kind, ErrorKind::access_denied);
  EXPECT_THAT(http_->seen, SizeIs(2));
}

// Gives others when it is told to, "K1", "K2", ...
class RenewedCredentials final : public CredentialsProvider {
 public:
  asio::awaitable<Credentials> get() override {
    Credentials credentials;
    credentials.access_key_id = "K" + std::to_string(renewals + 1);
    credentials.secret_access_key = "s3cret";
    credentials.session_token = "t0ken";
    co_return credentials;
  }
  bool renew(const Credentials& refused) override {
    EXPECT_EQ(refused.access_key_id, "K" + std::to_string(renewals + 1));
    ++renewals;
    return true;
  }

  int renewals = 0;
};

TEST_F(ClientTest, AsksOnceForOtherCredentialsWhereThoseOfASessionAreRefused) {
  ClientOptions renewing = options();
  for (const char* code : {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException",
                           "InvalidClientTokenId"}) {
    const auto credentials = std::make_shared<RenewedCredentials>();
    renewing.credentials = credentials;
    const Client client(kDynamoDb, renewing);
    http_->seen.clear();
    http_->answers = {service_error(400, code), answer(200, "{}")};
    const Outcome outcome = call(client);
    ASSERT_TRUE(outcome.has_value()) << code;
    EXPECT_EQ(outcome->attempts, 2);
    EXPECT_THAT(http_->seen.at(0).authorization, HasSubstr("Credential=K1/"));
    EXPECT_THAT(http_->seen.at(1).authorization, HasSubstr("Credential=K2/"));
    http_->answers.assign(2, service_error(400, code));
    const Outcome hopeless = call(client);
    EXPECT_EQ(hopeless.error().kind, ErrorKind::access_denied);
    EXPECT_EQ(hopeless.error().attempts, 2);
    EXPECT_EQ(credentials->renewals, 2);
  }
  EXPECT_THAT(clock_->sleeps, IsEmpty());
  const auto credentials = std::make_shared<RenewedCredentials>();
  renewing.credentials = credentials;
  http_->answers = {service_error(400, "AccessDeniedException")};
  EXPECT_EQ(call(Client(kDynamoDb, renewing)).error().attempts, 1);
  EXPECT_EQ(credentials->renewals, 0);
}

TEST_F(ClientTest, DoesNotTryStaticCredentialsAgainThatHaveExpired) {
  http_->answers = {service_error(400, "ExpiredTokenException")};
  const Outcome outcome = call(Client(kDynamoDb, options()));
  EXPECT_EQ(outcome.error().kind, ErrorKind::access_denied);
  EXPECT_EQ(outcome.error().attempts, 1);
}

TEST_F(ClientTest, SaysNoSecretAnywhere) {
  http_->answers = {answer(500, R"({"__type":"a#InternalServerError","message":"s3cret t0ken"})"),
                    answer(400, R"({"__type":"a#InvalidSignatureException",)"
                                R"("message":"wrong s3cret\nx-amz-security-token:t0ken"})")};
  const Outcome outcome = call(Client(kDynamoDb, options()));
  EXPECT_THAT(outcome.error().message, AllOf(Not(HasSubstr("s3cret")), Not(HasSubstr("t0ken"))));
  EXPECT_THAT(log_, Not(IsEmpty()));
  for (const std::string& line : log_) {
    EXPECT_THAT(line, AllOf(Not(HasSubstr("s3cret")), Not(HasSubstr("t0ken"))));
  }
}

TEST_F(ClientTest, ReportsMissingAndMalformedCredentials) {
  ClientOptions none = options();
  none.credentials = nullptr;
  EXPECT_THROW(call(Client(kDynamoDb, none)), AccessDenied);

  class Broken final : public CredentialsProvider {
    asio::awaitable<Credentials> get() override {
      Credentials credentials;
      credentials.access_key_id = "A\r\nX-Evil: 1";
      credentials.secret_access_key = "S";
      co_return credentials;
    }
  };
  ClientOptions broken = options();
  broken.credentials = std::make_shared<Broken>();
  EXPECT_THROW(call(Client(kDynamoDb, broken)), AccessDenied);
  EXPECT_THAT(http_->seen, IsEmpty());
}

TEST_F(ClientTest, RefusesWrongOptionsByName) {
  const auto refusal = [&](const char* field, auto change) {
    ClientOptions wrong = options();
    change(wrong);
    EXPECT_THAT([&] { Client(kDynamoDb, wrong); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(field)))
        << field;
  };
  refusal("max_attempts", [](auto& o) { o.max_attempts = -1; });
  refusal("connect_timeout", [](auto& o) { o.connect_timeout = 0ms; });
  refusal("attempt_timeout", [](auto& o) { o.attempt_timeout = -1ms; });
  refusal("deadline", [](auto& o) { o.deadline = -1ms; });
  refusal("idle_timeout", [](auto& o) { o.idle_timeout = -1ms; });
  refusal("max_connections", [](auto& o) { o.max_connections = 0; });
  refusal("max_answer_bytes", [](auto& o) { o.max_answer_bytes = 0; });
  refusal("clock", [](auto& o) { o.clock = nullptr; });
  refusal("random", [](auto& o) { o.random = nullptr; });
  refusal("environment", [](auto& o) { o.environment = nullptr; });
  refusal("region", [](auto& o) { o.region = "US East"; });
  refusal("endpoint", [](auto& o) { o.endpoint = "nonsense"; });
  refusal("ca_file", [](auto& o) {
    o.http = nullptr;
    o.ca_file = "/nonexistent";
  });
  refusal("AWS_MAX_ATTEMPTS", [](auto& o) {
    o.environment = fixed_environment({{"AWS_MAX_ATTEMPTS", "many"}});
  });
  refusal("AWS_RETRY_MODE", [](auto& o) {
    o.environment = fixed_environment({{"AWS_RETRY_MODE", "bold"}});
  });
}

TEST_F(ClientTest, SpeaksToAServer) {
  std::atomic<int> attempts = 0;
  TestServer server([&](Peer& peer, int) -> asio::awaitable<void> {
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      if (++attempts == 1) co_return;  // closes without an answer
      co_await peer.write(
          "HTTP/1.1 200 OK\r\nx-amz-crc32: 2745614147\r\nContent-Length: 2\r\n\r\n{}");
    }
  });
  ClientOptions real = options();
  real.http = nullptr;
  real.endpoint = server.endpoint().url();
  real.attempt_timeout = 60s;
  real.connect_timeout = 60s;
  const Client client(kDynamoDb, real);
  const Outcome outcome = call(client);
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(outcome->attempts, 2);
  EXPECT_EQ(outcome->body, "{}");
}

}  // namespace
}  // namespace sagabus::aws
