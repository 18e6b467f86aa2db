#include "sagabus/aws/endpoint.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace sagabus::aws {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::Throws;
using testing::ThrowsMessage;

std::string url(const Service& service, std::string region, std::map<std::string, std::string> env,
                EndpointOptions options = {}) {
  return resolve_endpoint(service, region, options, fixed_environment(std::move(env))).url();
}

TEST(Endpoint, FollowsTheRegion) {
  EXPECT_EQ(url(kDynamoDb, "us-east-1", {}), "https://dynamodb.us-east-1.amazonaws.com/");
  EXPECT_EQ(url(kSqs, "eu-west-1", {}), "https://sqs.eu-west-1.amazonaws.com/");
  EXPECT_EQ(url(kDynamoDb, "cn-north-1", {}), "https://dynamodb.cn-north-1.amazonaws.com.cn/");
  EXPECT_EQ(url(kDynamoDb, "us-gov-west-1", {}), "https://dynamodb.us-gov-west-1.amazonaws.com/");
  EXPECT_EQ(url(kSqs, "us-iso-east-1", {}), "https://sqs.us-iso-east-1.c2s.ic.gov/");
  EXPECT_EQ(url(kSqs, "us-isob-east-1", {}), "https://sqs.us-isob-east-1.sc2s.sgov.gov/");
}

TEST(Endpoint, KnowsFipsAndDualStack) {
  const std::map<std::string, std::string> fips{{"AWS_USE_FIPS_ENDPOINT", "true"}};
  const std::map<std::string, std::string> dual{{"AWS_USE_DUALSTACK_ENDPOINT", "TRUE"}};
  EXPECT_EQ(url(kDynamoDb, "us-east-1", fips), "https://dynamodb-fips.us-east-1.amazonaws.com/");
  EXPECT_EQ(url(kDynamoDb, "us-gov-west-1", fips), "https://dynamodb.us-gov-west-1.amazonaws.com/");
  EXPECT_EQ(url(kDynamoDb, "us-east-1", dual), "https://dynamodb.us-east-1.api.aws/");
  EXPECT_EQ(url(kSqs, "cn-north-1", dual), "https://sqs.cn-north-1.api.amazonwebservices.com.cn/");
  auto both = fips;
  both.insert(dual.begin(), dual.end());
  EXPECT_EQ(url(kSqs, "us-east-1", both), "https://sqs-fips.us-east-1.api.aws/");
  EXPECT_EQ(url(kSqs, "us-east-1", both, {.url = "", .use_fips = false, .use_dual_stack = false}),
            "https://sqs.us-east-1.amazonaws.com/");
  EXPECT_EQ(url(kSqs, "us-east-1", {}, {.url = "", .use_fips = true, .use_dual_stack = {}}),
            "https://sqs-fips.us-east-1.amazonaws.com/");
  EXPECT_THAT(
      [] {
        url(kSqs, "us-east-1", {{"AWS_USE_FIPS_ENDPOINT", "yes"}});
      },
      ThrowsMessage<std::invalid_argument>(
          AllOf(HasSubstr("AWS_USE_FIPS_ENDPOINT"), HasSubstr("yes"))));
}

TEST(Endpoint, OfS3HasNamesOfItsOwn) {
  EXPECT_EQ(url(kS3, "eu-west-1", {}), "https://s3.eu-west-1.amazonaws.com/");
  EXPECT_EQ(url(kS3, "cn-north-1", {}), "https://s3.cn-north-1.amazonaws.com.cn/");
  EXPECT_EQ(url(kS3, "us-gov-west-1", {}, {.url = "", .use_fips = true, .use_dual_stack = {}}),
            "https://s3-fips.us-gov-west-1.amazonaws.com/");
  EXPECT_EQ(url(kS3, "us-east-1", {}, {.url = "", .use_fips = {}, .use_dual_stack = true}),
            "https://s3.dualstack.us-east-1.amazonaws.com/");
  EXPECT_EQ(url(kS3, "us-east-1", {}, {.url = "", .use_fips = true, .use_dual_stack = true}),
            "https://s3-fips.dualstack.us-east-1.amazonaws.com/");
  EXPECT_EQ(url(kS3, "us-east-1", {{"AWS_ENDPOINT_URL_S3", "http://s3:1"}}), "http://s3:1/");
  EXPECT_EQ(url(kSns, "us-east-1", {{"AWS_ENDPOINT_URL_SNS", "http://sns:1"}}), "http://sns:1/");
  EXPECT_EQ(url(kSns, "eu-west-1", {}), "https://sns.eu-west-1.amazonaws.com/");
}

TEST(Endpoint, TakesUrlsInTheirOrder) {
  std::map<std::string, std::string> env{{"AWS_ENDPOINT_URL_DYNAMODB", "http://service:1"},
                                         {"AWS_ENDPOINT_URL", "http://all:2"},
                                         {"AWS_USE_FIPS_ENDPOINT", "true"}};
  EXPECT_EQ(url(kDynamoDb, "us-east-1", env,
                {.url = "http://mine:3", .use_fips = {}, .use_dual_stack = {}}),
            "http://mine:3/");
  EXPECT_EQ(url(kDynamoDb, "us-east-1", env), "http://service:1/");
  EXPECT_EQ(url(kSqs, "us-east-1", env), "http://all:2/");
  env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "true";
  EXPECT_EQ(url(kSqs, "us-east-1", env), "https://sqs-fips.us-east-1.amazonaws.com/");
  env["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"] = "false";
  EXPECT_EQ(url(kSqs, "us-east-1", env), "http://all:2/");
}

TEST(EndpointUrl, IsReadInParts) {
  const Endpoint plain = parse_endpoint("endpoint", "http://localhost:8000");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "localhost");
  EXPECT_EQ(plain.port, 8000);
  EXPECT_EQ(plain.path, "/");
  EXPECT_EQ(plain.host_header(), "localhost:8000");

  const Endpoint tls = parse_endpoint("endpoint", "https://example.com/a/b%20c");
  EXPECT_TRUE(tls.tls);
  EXPECT_EQ(tls.port, 443);
  EXPECT_EQ(tls.path, "/a/b%20c");
  EXPECT_EQ(tls.host_header(), "example.com");

  const Endpoint v6 = parse_endpoint("endpoint", "http://[::1]:8000/x");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.host_header(), "[::1]:8000");
  EXPECT_EQ(v6.url(), "http://[::1]:8000/x");
  EXPECT_EQ(parse_endpoint("endpoint", "http://[2001:db8::1]").url(), "http://[2001:db8::1]/");
  EXPECT_EQ(parse_endpoint("endpoint", "http://127.0.0.1:80").host_header(), "127.0.0.1");
}

TEST(EndpointUrl, IsRefusedByFieldAndValue) {
  for (const char* bad : {"",
                          "localhost:8000",
                          "ftp://host",
                          "http:/host",
                          "http://",
                          "http://:80",
                          "https://host:0",
                          "https://host:65536",
                          "https://host:x",
                          "https://host:",
                          "http://ho st",
                          "http://[::1",
                          "http://[nonsense]",
                          "http://[::1]x",
                          "http://host/a b",
                          "http://host/%4",
                          "http://host?x=1",
                          "http://host/#f",
                          "http://host/\r\nX: y",
                          "http://-",
                          "http://h\xc3\xa9"}) {
    EXPECT_THAT(
        [&] { parse_endpoint("AWS_ENDPOINT_URL", bad); },
        ThrowsMessage<std::invalid_argument>(AllOf(HasSubstr("AWS_ENDPOINT_URL"), HasSubstr(bad))))
        << bad;
  }
  // Found by the fuzz target: what reads addresses stops at a zero byte, and the rest would have
  // gone into the Host header.
  const std::string_view zero("http://[::1\0\r\nx: y]/", 20);
  EXPECT_THAT([&] { parse_endpoint("endpoint", zero); }, Throws<std::invalid_argument>());
  EXPECT_THAT([] { parse_endpoint("endpoint", "http://me:hidden@host"); },
              ThrowsMessage<std::invalid_argument>(Not(HasSubstr("hidden"))));
}

}  // namespace
}  // namespace sagabus::aws
