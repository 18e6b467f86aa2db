// What the tests of credentials share: a clock that a test moves, and services that it plays.
#pragma once

#include <gmock/gmock.h>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sagabus/aws/credentials.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"
#include "support/http_server.hpp"
#include "support/temp_directory.hpp"
#include "unit/aws/run.hpp"

namespace sagabus::aws {

constexpr TimePoint kTestNow{std::chrono::milliseconds(1'700'000'000'000)};  // 2023-11-14T22:13:20Z

// Sleeps no time, and goes on by as much.
class SettableClock final : public Clock {
 public:
  TimePoint now() const override { return kTestNow + std::chrono::milliseconds(passed_.load()); }
  std::chrono::nanoseconds monotonic() const override {
    return std::chrono::milliseconds(passed_.load());
  }
  boost::asio::awaitable<void> sleep_for(std::chrono::nanoseconds duration) override {
    pass(std::chrono::ceil<std::chrono::milliseconds>(duration));
    co_return;
  }
  void pass(std::chrono::milliseconds time) { passed_ += time.count(); }

 private:
  std::atomic<std::int64_t> passed_{0};
};

// A service on a free port. Notes what it is asked.
class StandIn {
 public:
  struct Answer {
    int status = 200;  // 0: none, until the client goes away; -1: closes the connection
    std::string body{};
  };
  // Called with the whole request, in the server's thread.
  using Play = std::function<Answer(const std::string& request)>;

  explicit StandIn(Play play)
      : play_(std::move(play)), server_([this](Peer& peer, int) { return serve(peer); }) {}

  std::string url() const { return server_.endpoint().url(); }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  boost::asio::awaitable<void> serve(Peer& peer) {
    for (;;) {
      const std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const Answer answer = play_(request);
      if (answer.status < 0) co_return;
      if (answer.status == 0) co_return co_await peer.until_closed();
      const std::string text = "HTTP/1.1 " + std::to_string(answer.status) +
                               " X\r\nContent-Length: " + std::to_string(answer.body.size()) +
                               "\r\n\r\n" + answer.body;
      co_await peer.write(text);
    }
  }

  const Play play_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  TestServer server_;  // the last, since it calls what stands above
};

class CredentialsTest : public ::testing::Test {
 protected:
  // The variables that a test has set, and no other service than its own.
  CredentialsOptions options() const {
    CredentialsOptions options;
    auto variables = variables_;
    variables.emplace("AWS_EC2_METADATA_DISABLED", "true");
    variables.emplace("HOME", folder_.path().string());
    options.environment = fixed_environment(std::move(variables));
    options.clock = clock_;
    options.logger = Logger([this](LogLevel, std::string_view line) { log_ += line; });
    return options;
  }

  // The path of a file in the folder, which is the home too. Folders on the way to it are made.
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = folder_.path() / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.string();
  }

  // What the provider throws, which must be exactly a Thrown and hold no secret.
  template <class Thrown>
  std::string failure(const std::shared_ptr<CredentialsProvider>& provider) const {
    try {
      run(provider->get());
    } catch (const Thrown& error) {
      EXPECT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("s3cret")));
      return error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "another error: " << error.what();
      return {};
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }

  // As a container and an instance give them.
  std::string document(std::chrono::minutes lasts, const std::string& id = "AKID") const {
    return R"({"Code":"Success","AccessKeyId":")" + id +
           R"(","SecretAccessKey":"s3cret","Token":"s3cret-token","Expiration":")" +
           text_of(clock_->now() + lasts) + "\"}";
  }
  std::string sts_document(std::chrono::minutes lasts, const std::string& id = "AKID") const {
    return "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
           "<AssumeRoleResult><Credentials><AccessKeyId>" +
           id +
           "</AccessKeyId><SecretAccessKey>s3cret</SecretAccessKey>"
           "<SessionToken>s3cret-token</SessionToken><Expiration>" +
           text_of(clock_->now() + lasts) +
           "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>";
  }
  static std::string text_of(TimePoint time) { return to_iso8601(time); }

  std::map<std::string, std::string> variables_;
  const std::shared_ptr<SettableClock> clock_ = std::make_shared<SettableClock>();
  const test::TempDirectory folder_;
  mutable std::string log_;
};

}  // namespace sagabus::aws
