// Requests of services that do not speak JSON, through the client as a whole.
#include "aws/protocol.hpp"

#include <stdexcept>

#include "aws/digest.hpp"
#include "aws/form.hpp"
#include "sagabus/error.hpp"
#include "unit/aws/client_support.hpp"

namespace sagabus::aws {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::ThrowsMessage;

constexpr const char* kPublished =
    "<?xml version=\"1.0\"?>\n<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">"
    "<PublishResult><MessageId>m</MessageId></PublishResult></PublishResponse>";

std::string hash_of(std::string_view text) {
  std::string hash;
  append_hex(hash, sha256(text));
  return hash;
}

std::string error_xml(const std::string& code) {
  return "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender"
         "</Type><Code>" +
         code + "</Code><Message>because\nof this</Message></Error><RequestId>R</RequestId>" +
         "</ErrorResponse>";
}

class ProtocolTest : public ClientTest {
 protected:
  static Request object(std::string method) {
    Request request;
    request.operation = "AnyObject";
    request.method = std::move(method);
    request.path = "/bucket/a%20key";
    return request;
  }
  Outcome send(const Client& client, Request request) {
    return run(client.send(std::move(request)));
  }
};

TEST_F(ProtocolTest, OfQueryIsAFormWithAnAnswerInXml) {
  http_->answers = {answer(200, kPublished, {{"x-amzn-RequestId", "REQ1"}})};
  Form form("Publish", "2010-03-31");
  form.add("Message", "a b&c=\xc3\xa9");
  form.add_unless_empty("Subject", "");
  const Client client(kSns, options());
  const Outcome outcome = run(client.call("Publish", std::move(form).text()));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->body, kPublished);
  EXPECT_EQ(outcome->request_id, "REQ1");
  ASSERT_THAT(http_->seen, SizeIs(1));
  const auto& seen = http_->seen[0];
  EXPECT_EQ(seen.method + " " + seen.line, "POST /");
  EXPECT_EQ(seen.body, "Action=Publish&Version=2010-03-31&Message=a%20b%26c%3D%C3%A9");
  EXPECT_EQ(seen.headers.at("Content-Type"), "application/x-www-form-urlencoded; charset=utf-8");
  EXPECT_FALSE(seen.headers.contains("X-Amz-Target"));
  EXPECT_THAT(seen.authorization,
              AllOf(HasSubstr("/us-east-1/sns/aws4_request"),
                    HasSubstr("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,")));
}

TEST_F(ProtocolTest, OfQueryTakesNoOtherAnswer) {
  for (const char* page : {"", "<html>Please log in</html>", "{}", "<PublishBatchResponse/>"}) {
    http_->answers = {answer(200, page), answer(200, kPublished)};
    EXPECT_EQ(run(Client(kSns, options()).call("Publish", "")).value().attempts, 2) << page;
  }
  http_->answers.assign(3, answer(204, kPublished));
  EXPECT_TRUE(run(Client(kSns, options()).call("Publish", "")).has_error());
}

TEST_F(ProtocolTest, OfRestSaysWhatIsWantedOnItsLineAndSignsItAll) {
  http_->answers = {answer(204, "", {{"x-amz-request-id", "REQ1"}})};
  Request request = object("PUT");
  request.query = "partNumber=1&uploadId=x";
  request.headers = {{"Content-Type", "application/json"}, {"X-Amz-Meta-Of", "mine"}};
  request.body = "the body";
  ClientOptions behind = options();
  behind.endpoint = "http://storage:9000/prefix/";
  const Outcome outcome = send(Client(kS3, behind), std::move(request));
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->http_status, 204);
  EXPECT_EQ(outcome->request_id, "REQ1");
  ASSERT_THAT(http_->seen, SizeIs(1));
  const auto& seen = http_->seen[0];
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.line, "/prefix/bucket/a%20key?partNumber=1&uploadId=x");
  EXPECT_EQ(seen.body, "the body");
  EXPECT_EQ(seen.headers.at("Host"), "storage:9000");
  EXPECT_EQ(seen.headers.at("X-Amz-Content-Sha256"), hash_of("the body"));
  EXPECT_EQ(seen.headers.at("Content-Type"), "application/json");
  EXPECT_THAT(seen.authorization, HasSubstr("SignedHeaders=content-type;host;x-amz-content-sha256;"
                                            "x-amz-date;x-amz-meta-of;x-amz-security-token,"));
}

// "Signature Calculations for the Authorization Header" in S3's API reference.
TEST_F(ProtocolTest, OfRestSignsTheExamplesThatS3Publishes) {
  ClientOptions published = options();
  published.endpoint = "https://examplebucket.s3.amazonaws.com";
  published.credentials =
      static_credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
  clock_->local_error = std::chrono::seconds(1'369'353'600) - kNow.time_since_epoch();
  const Client client(kS3, published);
  Request get;
  get.operation = "GetObject";
  get.method = "GET";
  get.path = "/test.txt";
  get.headers = {{"Range", "bytes=0-9"}};
  Request put;
  put.operation = "PutObject";
  put.method = "PUT";
  put.path = "/test%24file.text";
  put.headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"},
                 {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
  put.body = "Welcome to Amazon S3.";
  Request lifecycle;
  lifecycle.operation = "GetBucketLifecycle";
  lifecycle.method = "GET";
  lifecycle.query = "lifecycle";
  Request list;
  list.operation = "ListObjects";
  list.method = "GET";
  list.query = "max-keys=2&prefix=J";
  const std::vector<std::pair<Request, std::string>> examples{
      {get, "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
      {put, "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
      {lifecycle, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
      {list, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"}};
  for (const auto& [request, signature] : examples) {
    http_->answers = {answer(200, "")};
    EXPECT_TRUE(send(client, request).has_value());
    EXPECT_EQ(http_->seen.back().date, "20130524T000000Z");
    EXPECT_THAT(http_->seen.back().authorization, EndsWith("Signature=" + signature))
        << request.operation;
  }
}

TEST_F(ProtocolTest, OfXmlErrorsAreReadAndRetriedAsTheyAre) {
  http_->answers = {answer(503,
                           "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code>"
                           "<Message>Reduce your request rate.</Message></Error>"),
                    answer(404,
                           "<Error><Code>NoSuchKey</Code><Message>The key</Message>"
                           "<Key>k</Key></Error>",
                           {{"x-amz-request-id", "REQ2"}})};
  const Outcome missing = send(Client(kS3, options()), object("GET"));
  ASSERT_TRUE(missing.has_error());
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
  EXPECT_EQ(missing.error().code, "NoSuchKey");
  EXPECT_EQ(missing.error().message, "The key");
  EXPECT_EQ(missing.error().operation, "AnyObject");
  EXPECT_EQ(missing.error().request_id, "REQ2");
  EXPECT_EQ(missing.error().attempts, 2);
  EXPECT_THROW(missing.value(), NotFound);

  http_->answers = {answer(400, error_xml("InvalidParameter"))};
  const Outcome refused = run(Client(kSns, options()).call("Publish", ""));
  EXPECT_EQ(refused.error().kind, ErrorKind::validation);
  EXPECT_EQ(refused.error().code, "InvalidParameter");
  EXPECT_EQ(refused.error().message, "because");
  EXPECT_EQ(refused.error().attempts, 1);
}

TEST_F(ProtocolTest, WithoutABodyTheStatusTells) {
  http_->answers = {answer(404, ""), answer(412, ""), answer(403, "<html>no</html>")};
  const Client client(kS3, options());
  EXPECT_EQ(send(client, object("HEAD")).error().kind, ErrorKind::not_found);
  EXPECT_EQ(send(client, object("PUT")).error().kind, ErrorKind::conditional_check_failed);
  EXPECT_EQ(send(client, object("GET")).error().kind, ErrorKind::access_denied);
}

TEST_F(ProtocolTest, CorrectsTheClockAndRenewsCredentialsByXmlToo) {
  clock_->local_error = std::chrono::hours(1);
  http_->answers = {answer(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                           {{"Date", "Tue, 14 Nov 2023 22:13:20 GMT"}}),
                    answer(200, "")};
  EXPECT_EQ(send(Client(kS3, options()), object("GET")).value().attempts, 2);
  EXPECT_EQ(http_->seen[1].date, "20231114T221320Z");
  EXPECT_THAT(log_, ElementsAre(HasSubstr("aws: s3.AnyObject: RequestTimeTooSkewed")));
}

TEST_F(ProtocolTest, WhatCannotStandOnALineIsRefusedBeforeItIsSent) {
  const Client client(kS3, options());
  const auto refusal = [&](auto change, const std::string& text) {
    Request request = object("GET");
    change(request);
    EXPECT_THAT([&] { send(client, request); },
                ThrowsMessage<std::invalid_argument>(HasSubstr(text)));
  };
  refusal([](Request& r) { r.method = "GET /other"; }, "method");
  refusal([](Request& r) { r.path = "bucket"; }, "path: \"bucket\"");
  refusal([](Request& r) { r.path = "/a key"; }, "path: \"/a key\"");
  refusal([](Request& r) { r.path = "/key?acl"; }, "path: \"/key?acl\"");
  refusal([](Request& r) { r.query = "a=b\r\nX: y"; }, "query");
  refusal([](Request& r) { r.headers = {{"X", "y\r\nZ: w"}}; }, "X: \"a line break\"");
  refusal([](Request& r) { r.headers = {{"X:", "y"}}; }, "header: \"X:\"");
  EXPECT_THAT(http_->seen, IsEmpty());
}

}  // namespace
}  // namespace sagabus::aws
