#include "s3/address.hpp"

#include <algorithm>

#include "aws/percent.hpp"

namespace sagabus::s3 {
namespace {

constexpr std::size_t kLeastBucket = 3;
constexpr std::size_t kMostBucket = 63;
constexpr std::size_t kMostPrefix = 512;

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_digit_or_dot(char c) {
  return (c >= '0' && c <= '9') || c == '.';
}

bool is_part(std::string_view part) {
  return !part.empty() && part != "." && part != "..";
}

}  // namespace

bool is_bucket_name(std::string_view text) {
  if (text.size() < kLeastBucket || text.size() > kMostBucket) return false;
  if (!is_letter_or_digit(text.front()) || !is_letter_or_digit(text.back())) return false;
  const bool fine = std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || c == '-' || c == '.';
  });
  const bool is_address = std::all_of(text.begin(), text.end(), is_digit_or_dot) &&
                          std::count(text.begin(), text.end(), '.') == 3;
  return fine && !is_address && text.find("..") == std::string_view::npos;
}

bool is_prefix(std::string_view text) {
  if (text.empty()) return true;
  if (text.size() > kMostPrefix) return false;
  if (std::any_of(text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; })) {
    return false;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    if (!is_part(text.substr(begin, end - begin))) return false;
    begin = end + 1;
  }
  return true;
}

Address address_of(const aws::Endpoint& service, bool is_aws, std::string_view bucket,
                   std::string_view prefix) {
  aws::Endpoint endpoint = service;
  Address address;
  address.path.append(1, '/');
  // A certificate for *.s3.amazonaws.com holds for one label before it only.
  if (is_aws && bucket.find('.') == std::string_view::npos) {
    endpoint.host = std::string(bucket) + '.' + endpoint.host;
  } else {
    address.path.append(bucket).append(1, '/');
  }
  aws::append_percent_encoded(address.path, prefix, true);
  if (!prefix.empty()) address.path += '/';
  address.url = endpoint.url();
  return address;
}

bool is_aws(const aws::Endpoint& service, std::string_view region,
            const aws::Environment& environment) {
  const auto without_urls = [&environment](const char* name) {
    const std::string_view text = name;
    return text.starts_with("AWS_ENDPOINT_URL") ? std::nullopt : environment(name);
  };
  const aws::Endpoint own = aws::resolve_endpoint(aws::kS3, region, {}, without_urls);
  return own.tls == service.tls && own.host == service.host && own.port == service.port;
}

}  // namespace sagabus::s3
