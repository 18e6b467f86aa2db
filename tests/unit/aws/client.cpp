#include "sagabus/aws/client.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <functional>
#include <vector>

#include "aws/digest.hpp"
#include "aws/http_client.hpp"
#include "sagabus/error.hpp"
#include "support/http_server.hpp"
#include "unit/aws/run.hpp"

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

constexpr TimePoint kNow{1'700'000'000s};  // Tue, 14 Nov 2023 22:13:20 GMT

// Waits no time, but notes how long it was asked to.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override {
    return kNow + local_error + std::chrono::floor<std::chrono::milliseconds>(passed);
  }
  std::chrono::nanoseconds monotonic() const override { return passed; }
  asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    sleeps.push_back(duration);
    passed += duration;
    co_return;
  }

  std::vector<std::chrono::nanoseconds> sleeps;
  std::chrono::nanoseconds passed{0};
  std::chrono::milliseconds local_error{0};
};

// Gives the answers it was told to, in order, and notes the requests.
class FakeHttp final : public HttpClient {
 public:
  struct Seen {
    std::string authorization;
    std::string date;
    std::string target;
    std::string token;
    std::string body;
    std::chrono::nanoseconds timeout;
  };
  using Answer = std::function<HttpResponse()>;  // may throw HttpError

  asio::awaitable<HttpResponse> send(const HttpRequest& request) override {
    Seen one;
    for (const Header& header : request.headers) {
      if (header.name == "Authorization") one.authorization = header.value;
      if (header.name == "X-Amz-Date") one.date = header.value;
      if (header.name == "X-Amz-Target") one.target = header.value;
      if (header.name == "X-Amz-Security-Token") one.token = header.value;
    }
    one.body = request.body;
    one.timeout = request.timeout;
    seen.push_back(one);
    if (answers.empty()) throw std::logic_error("one request more than expected");
    const Answer answer = std::move(answers.front());
    answers.pop_front();
    co_return answer();
  }

  std::deque<Answer> answers;
  std::vector<Seen> seen;
};

FakeHttp::Answer answer(int status, std::string body,
                        std::vector<std::pair<std::string, std::string>> headers = {}) {
  return [=] {
    HttpResponse response;
    response.status = status;
    response.body = body;
    for (const auto& [name, value] : headers) response.headers.add(name, value);
    return response;
  };
}

FakeHttp::Answer failing(HttpError::Kind kind, bool maybe_sent) {
  return [=]() -> HttpResponse { throw HttpError(kind, maybe_sent, "as told"); };
}

FakeHttp::Answer service_error(int status, const std::string& code,
                               std::vector<std::pair<std::string, std::string>> headers = {}) {
  return answer(status, R"({"__type":"com.amazon#)" + code + R"(","message":"m"})",
                std::move(headers));
}

class ClientTest : public testing::Test {
 protected:
  ClientOptions options() {
    ClientOptions options;
    options.region = "us-east-1";
    options.credentials = static_credentials("AKID", "s3cret", "t0ken");
    options.environment = fixed_environment(variables_);
    options.clock = clock_;
    options.random = seeded_random(1);
    options.http = http_;
    options.logger = Logger([this](LogLevel, std::string_view line) { log_.emplace_back(line); },
                            LogLevel::debug);
    return options;
  }

  Outcome call(const Client& client, std::string_view operation = "PutItem",
               CallOptions options = {}) {
    return run(client.call(operation, "{}", options));
  }

  std::map<std::string, std::string> variables_;
  std::shared_ptr<FakeClock> clock_ = std::make_shared<FakeClock>();
  std::shared_ptr<FakeHttp> http_ = std::make_shared<FakeHttp>();
  std::vector<std::string> log_;
};

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
