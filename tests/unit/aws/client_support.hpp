// A client whose service is told what to answer.
#pragma once

#include <gmock/gmock.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "aws/http_client.hpp"
#include "sagabus/aws/client.hpp"
#include "unit/aws/run.hpp"

namespace sagabus::aws {

inline constexpr TimePoint kNow{
    std::chrono::seconds(1'700'000'000)};  // Tue, 14 Nov 2023 22:13:20 GMT

// Waits no time, but notes how long it was asked to.
class FakeClock final : public Clock {
 public:
  TimePoint now() const override {
    return kNow + local_error + std::chrono::floor<std::chrono::milliseconds>(passed);
  }
  std::chrono::nanoseconds monotonic() const override { return passed; }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
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
    std::string method;
    std::string line;  // what follows the method on the request's line
    std::map<std::string, std::string> headers;
    std::string authorization;
    std::string date;
    std::string target;
    std::string token;
    std::string body;
    std::chrono::nanoseconds timeout;
  };
  using Answer = std::function<HttpResponse()>;  // may throw HttpError

  boost::asio::awaitable<HttpResponse> send(const HttpRequest& request) override {
    Seen one;
    for (const Header& header : request.headers) {
      EXPECT_TRUE(one.headers.emplace(header.name, header.value).second) << header.name;
      if (header.name == "Authorization") one.authorization = header.value;
      if (header.name == "X-Amz-Date") one.date = header.value;
      if (header.name == "X-Amz-Target") one.target = header.value;
      if (header.name == "X-Amz-Security-Token") one.token = header.value;
    }
    one.method = request.method;
    one.line = request.target;
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

inline FakeHttp::Answer answer(int status, std::string body,
                               std::vector<std::pair<std::string, std::string>> headers = {}) {
  return [=] {
    HttpResponse response;
    response.status = status;
    response.body = body;
    for (const auto& [name, value] : headers) response.headers.add(name, value);
    return response;
  };
}

inline FakeHttp::Answer failing(HttpError::Kind kind, bool maybe_sent) {
  return [=]() -> HttpResponse { throw HttpError(kind, maybe_sent, "as told"); };
}

inline FakeHttp::Answer service_error(
    int status, const std::string& code,
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

}  // namespace sagabus::aws
