#include "aws/instance_metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "aws/credentials_source.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

constexpr const char* kMetadataEndpoint = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
constexpr std::chrono::seconds kMetadataTimeout(1);
constexpr int kMetadataAttempts = 2;

bool equals_lower(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == b;
  });
}

Endpoint find_endpoint(const Environment& environment) {
  if (const auto url = environment(kMetadataEndpoint)) {
    try {
      return parse_endpoint(kMetadataEndpoint, *url);
    } catch (const std::invalid_argument& error) {
      throw AccessDenied(error.what());
    }
  }
  const auto mode = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE").value_or("ipv4");
  const bool ipv6 = equals_lower(mode, "ipv6");
  return parse_endpoint(kMetadataEndpoint,
                        ipv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254");
}

bool is_header_value(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

Fetch InstanceMetadata::request() const {
  const auto disabled = options_.environment("AWS_EC2_METADATA_DISABLED");
  if (disabled && equals_lower(*disabled, "true")) {
    throw NotSetUp("AWS_EC2_METADATA_DISABLED is true");
  }
  Fetch request;
  request.endpoint = find_endpoint(options_.environment);
  request.timeout = kMetadataTimeout;
  request.attempts = kMetadataAttempts;
  request.ca_file = options_.ca_file;
  request.clock = options_.clock;
  return request;
}

asio::awaitable<std::string> InstanceMetadata::token() const {
  Fetch put = request();
  put.method = "PUT";
  put.target = path_under(put.endpoint, "/latest/api/token");
  put.headers.emplace_back("X-aws-ec2-metadata-token-ttl-seconds", "21600");
  HttpResponse answer = co_await fetch(std::move(put));
  if (answer.status == 404 || answer.status == 405) {
    throw NotSetUp("no metadata service of version 2 is there");
  }
  if (answer.status != 200) {
    throw AccessDenied(fmt::format("HTTP {} for a token", answer.status));
  }
  if (!is_header_value(answer.body)) throw TransientError("its token is none");
  co_return std::move(answer.body);
}

asio::awaitable<std::optional<std::string>> InstanceMetadata::read(std::string path,
                                                                   std::string token) const {
  Fetch get = request();
  get.target = path_under(get.endpoint, path);
  get.headers.emplace_back("X-aws-ec2-metadata-token", std::move(token));
  HttpResponse answer = co_await fetch(std::move(get));
  if (answer.status == 404) co_return std::nullopt;
  if (answer.status != 200) {
    throw AccessDenied(fmt::format("HTTP {} for {}", answer.status, path));
  }
  co_return std::move(answer.body);
}

}  // namespace sagabus::aws
