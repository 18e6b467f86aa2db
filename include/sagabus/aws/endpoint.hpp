// Which region, and which address, a client speaks to: functions of options, environment
// variables and the profile. For whoever wants to know or check beforehand what a client would
// choose.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/aws/environment.hpp"

namespace sagabus::aws {

// How a service is spoken to.
enum class Protocol {
  json,   // POST of JSON 1.0, which names its operation in a header
  query,  // POST of a form, answered in XML
  rest,   // method and path say what is wanted; errors come in XML
};

// An AWS service, and the rules of its own.
struct Service {
  std::string_view name;                    // in host names and signatures: "dynamodb"
  std::string_view target_prefix;           // of JSON, before the operation: "DynamoDB_20120810"
  std::string_view endpoint_variable;       // its own endpoint's environment variable
  int max_attempts;                         // requests for one call, the first included
  std::chrono::milliseconds base_delay;     // of the backoff after a transient error
  std::string_view long_polling_operation;  // backs off even when it may not be retried
  bool may_answer_nothing = false;          // 200 without a body, to a call that asks for nothing
  Protocol protocol = Protocol::json;
};

// The figures are those of the SDKs' standard retry mode of 2026.
inline constexpr Service kDynamoDb{
    "dynamodb", "DynamoDB_20120810",           "AWS_ENDPOINT_URL_DYNAMODB",
    4,          std::chrono::milliseconds(25), ""};
inline constexpr Service kSqs{
    "sqs", "AmazonSQS", "AWS_ENDPOINT_URL_SQS", 3, std::chrono::milliseconds(50), "ReceiveMessage",
    true};
inline constexpr Service kSns{
    "sns", "",    "AWS_ENDPOINT_URL_SNS", 3, std::chrono::milliseconds(50),
    "",    false, Protocol::query};
inline constexpr Service kS3{"s3", "",   "AWS_ENDPOINT_URL_S3", 3, std::chrono::milliseconds(50),
                             "",   true, Protocol::rest};

// An address to connect to.
struct Endpoint {
  bool tls = true;
  std::string host;          // a name or an address; an IPv6 address without brackets
  std::uint16_t port = 443;  // never 0
  std::string path = "/";    // percent-encoded, begins with a slash

  std::string host_header() const;  // "host", "host:port", "[::1]:8000"
  std::string url() const;          // "https://host:port/path", without a port that is the default
};

// Reads an http or https URL. Throws std::invalid_argument that names `field`, the URL and what is
// wrong with it; the URL of one with a user name or password is not shown.
Endpoint parse_endpoint(std::string_view field, std::string_view url);

// `configured` unless empty, else AWS_REGION, else AWS_DEFAULT_REGION, else the region of the
// profile (AWS_PROFILE, else "default") in the files that the AWS tools share. Throws
// std::invalid_argument where there is none, or where it is no host label (lower-case letters,
// digits and hyphens). A client asks the metadata service of EC2 after these.
std::string resolve_region(std::string_view configured, const Environment& environment);

struct EndpointOptions {
  std::string url;                     // empty: from the environment, or AWS's own
  std::optional<bool> use_fips;        // nothing: AWS_USE_FIPS_ENDPOINT
  std::optional<bool> use_dual_stack;  // nothing: AWS_USE_DUALSTACK_ENDPOINT
};

// `options.url`; else the service's own variable; else AWS_ENDPOINT_URL (neither where
// AWS_IGNORE_CONFIGURED_ENDPOINT_URLS is "true"); else AWS's endpoint of the region. A URL wins
// over FIPS and dual-stack. Throws std::invalid_argument as `parse_endpoint` does, and where a
// variable that should be "true" or "false" is neither.
Endpoint resolve_endpoint(const Service& service, std::string_view region,
                          const EndpointOptions& options, const Environment& environment);

}  // namespace sagabus::aws
