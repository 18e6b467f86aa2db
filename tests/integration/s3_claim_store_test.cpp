// What a bucket is asked for, and what its answers mean: by a script, and on the emulator.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <mutex>

#include "integration/s3_support.hpp"
#include "sagabus/error.hpp"
#include "support/http_server.hpp"

namespace sagabus::s3 {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string kKey(64, 'a');

std::string http_answer(int status, std::string_view body, std::string_view headers = {}) {
  return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(),
                     headers, body);
}

std::string xml_error(int status, std::string_view code) {
  return http_answer(status, fmt::format(R"(<?xml version="1.0" encoding="UTF-8"?>)"
                                         "<Error><Code>{}</Code><Message>why</Message></Error>",
                                         code));
}

// Answers each request with the next of its answers, and the last one again and again.
class Script {
 public:
  explicit Script(std::vector<std::string> answers)
      : answers_(std::move(answers)),
        server_([this](aws::Peer& peer, int) { return serve(peer); }) {}

  ClaimStoreOptions options() const {
    ClaimStoreOptions out = Buckets::options("shop");
    out.endpoint = server_.endpoint().url();
    return out;
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  asio::awaitable<void> serve(aws::Peer& peer) {
    for (;;) {
      std::string request = co_await peer.read_request();
      if (request.empty()) co_return;
      const std::string answer = take(std::move(request));
      co_await peer.write(answer);
    }
  }
  std::string take(std::string request) {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    return answers_[std::min(requests_.size(), answers_.size()) - 1];
  }

  std::mutex mutex_;
  const std::vector<std::string> answers_;
  std::vector<std::string> requests_;
  aws::TestServer server_;  // last: what it runs uses all of the above
};

TEST(S3ClaimStore, PutsAnObjectUnderItsPrefix) {
  Script script({http_answer(200, "")});
  ClaimStoreOptions options = script.options();
  options.prefix = "large messages/of shop";
  ClaimStore store(options);
  EXPECT_EQ(store.describe(), "s3://shop/large messages/of shop");
  sync_wait(store.put(kKey, R"({"a":1})"));
  ASSERT_THAT(script.requests(), SizeIs(1));
  const std::string request = script.requests()[0];
  EXPECT_THAT(request,
              StartsWith("PUT /shop/large%20messages/of%20shop/" + kKey + " HTTP/1.1\r\n"));
  EXPECT_THAT(request, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_THAT(request, HasSubstr("/us-east-1/s3/aws4_request"));
  EXPECT_THAT(request, Not(HasSubstr("x-amz-acl")));
  EXPECT_THAT(request, ::testing::EndsWith("\r\n\r\n{\"a\":1}"));
  EXPECT_EQ(store.usage().puts, 1U);
  EXPECT_EQ(store.usage().gets, 0U);
}

TEST(S3ClaimStore, AsksForNoMoreThanItMayKeep) {
  Script script({http_answer(206, "12345"), http_answer(200, "123456")});
  ClaimStore store(script.options());
  EXPECT_EQ(sync_wait(store.get(kKey, 5)), "12345");
  EXPECT_THAT(script.requests().at(0),
              AllOf(StartsWith("GET /shop/claims/" + kKey + " HTTP/1.1\r\n"),
                    HasSubstr("Range: bytes=0-5\r\n")));
  EXPECT_THROW(sync_wait(store.get(kKey, 5)), ValidationError);
  EXPECT_EQ(store.usage().gets, 2U);
}

TEST(S3ClaimStore, WhatMayPassIsTriedAgain) {
  Script script({xml_error(503, "SlowDown"), http_answer(200, "x")});
  ClaimStore store(script.options());
  EXPECT_EQ(sync_wait(store.get(kKey, 5)), "x");
  EXPECT_EQ(store.usage().gets, 2U);
}

// Only an object that is not there is gone for good. All else is a mistake that can be mended.
TEST(S3ClaimStore, SaysWhatIsWrong) {
  const auto with = [](const std::string& answer, const std::function<void(ClaimStore&)>& act) {
    Script script({answer});
    ClaimStoreOptions options = script.options();
    options.max_attempts = 1;
    ClaimStore store(options);
    act(store);
  };
  const auto get = [](ClaimStore& store) { sync_wait(store.get(kKey, 5)); };
  const auto put = [](ClaimStore& store) { sync_wait(store.put(kKey, "x")); };
  with(xml_error(404, "NoSuchKey"), [&](auto& store) { EXPECT_THROW(get(store), NotFound); });
  for (const std::string& answer :
       {xml_error(403, "AccessDenied"), xml_error(404, "NoSuchBucket")}) {
    with(answer, [&](auto& store) {
      EXPECT_THROW(get(store), AccessDenied) << answer;
      EXPECT_THROW(put(store), AccessDenied) << answer;
    });
  }
  for (const std::string& answer :
       {xml_error(301, "PermanentRedirect"), xml_error(400, "AuthorizationHeaderMalformed"),
        xml_error(500, "InternalError"), xml_error(400, "KMS.DisabledException"),
        http_answer(404, "<html>no such page</html>"), http_answer(404, "")}) {
    with(answer, [&](auto& store) {
      EXPECT_THROW(get(store), TransientError) << answer;
      EXPECT_THROW(put(store), TransientError) << answer;
    });
  }
}

TEST(S3ClaimStore, NamesItsBucketAndNoSecret) {
  Script script({xml_error(404, "NoSuchBucket")});
  ClaimStore store(script.options());
  try {
    sync_wait(store.put(kKey, "a payload"));
    FAIL() << "accepted";
  } catch (const AccessDenied& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("PutObject on s3://shop/claims"),
                                    HasSubstr("NoSuchBucket"), Not(HasSubstr("a payload"))));
  }
}

TEST(S3ClaimStore, SpeaksTlsToWhomItTrusts) {
  const aws::TestCertificates certificates("DNS:localhost");
  aws::TestServer server(
      [](aws::Peer& peer, int) -> asio::awaitable<void> {
        co_await peer.handshake();
        while (!(co_await peer.read_request()).empty()) {
          const std::string answer = http_answer(200, "x");
          co_await peer.write(answer);
        }
      },
      &certificates);
  ClaimStoreOptions options = Buckets::options("shop");
  options.endpoint = server.endpoint("localhost").url();
  options.max_attempts = 1;
  ClaimStore distrusts(options);
  EXPECT_THROW(sync_wait(distrusts.get(kKey, 5)), TransientError);
  options.ca_file = certificates.ca_file;
  ClaimStore trusts(options);
  EXPECT_EQ(sync_wait(trusts.get(kKey, 5)), "x");
}

TEST(S3ClaimStore, KeepsWhatItWasGiven) {
  Buckets buckets;
  const std::string bucket = buckets.add();
  ClaimStore store(Buckets::options(bucket));
  const std::string bytes = "\"" + std::string(6 * 1024 * 1024, 'x') + "\"";
  sync_wait(store.put(kKey, bytes));
  sync_wait(store.put(kKey, bytes));  // again
  EXPECT_EQ(buckets.object(bucket, "claims/" + kKey), bytes);
  EXPECT_EQ(sync_wait(store.get(kKey, bytes.size())), bytes);
  EXPECT_THROW(sync_wait(store.get(kKey, bytes.size() - 1)), ValidationError);
  EXPECT_THROW(sync_wait(store.get(std::string(64, 'b'), 10)), NotFound);
  buckets.erase_object(bucket, "claims/" + kKey);
  EXPECT_THROW(sync_wait(store.get(kKey, bytes.size())), NotFound);
}

}  // namespace
}  // namespace sagabus::s3
