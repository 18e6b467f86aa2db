#include "sagabus/aws/endpoint.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "aws/number.hpp"

namespace sagabus::aws {
namespace {

[[noreturn]] void refuse(std::string_view field, std::string_view value, std::string_view why) {
  throw std::invalid_argument(std::string(field) + ": \"" + std::string(value) + "\" " +
                              std::string(why));
}

bool read_flag(const char* name, const Environment& environment) {
  const auto value = environment(name);
  if (!value) return false;
  std::string lower = *value;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "true") return true;
  if (lower == "false") return false;
  refuse(name, *value, "is neither true nor false");
}

// A group of regions that share a domain. An empty dual-stack domain: the partition has none.
struct Partition {
  std::string_view region_prefix;
  std::string_view domain;
  std::string_view dual_stack_domain;
  bool fips_by_default;  // its plain host names are the FIPS ones
};

constexpr std::array<Partition, 8> kPartitions{{
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", false},
    {"us-gov-", "amazonaws.com", "api.aws", true},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov", false},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud", false},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov", false},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk", false},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu", false},
    {"", "amazonaws.com", "api.aws", false},
}};

const Partition& partition_of(std::string_view region) {
  return *std::find_if(kPartitions.begin(), kPartitions.end(), [&](const Partition& partition) {
    return region.starts_with(partition.region_prefix);
  });
}

// S3 has its names from before the others agreed on theirs.
Endpoint of_s3(const Partition& partition, std::string_view region, bool fips, bool dual_stack) {
  Endpoint endpoint;
  endpoint.host = fips ? "s3-fips." : "s3.";
  if (dual_stack) endpoint.host += "dualstack.";
  endpoint.host.append(region).append(".").append(partition.domain);
  return endpoint;
}

Endpoint of_region(std::string_view service, std::string_view region, bool fips, bool dual_stack) {
  const Partition& partition = partition_of(region);
  if (service == kS3.name) return of_s3(partition, region, fips, dual_stack);
  Endpoint endpoint;
  endpoint.host = service;
  if (fips && !(partition.fips_by_default && !dual_stack)) endpoint.host += "-fips";
  endpoint.host += '.';
  endpoint.host += region;
  endpoint.host += '.';
  endpoint.host += dual_stack ? partition.dual_stack_domain : partition.domain;
  return endpoint;
}

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_host_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && is_alphanumeric(host.front()) &&
         std::all_of(host.begin(), host.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(const std::string& host) {
  in6_addr address;
  if (host.find('\0') != std::string::npos) return false;  // inet_pton would not see what follows
  return ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

// Path characters of RFC 3986, and whole percent escapes only: it goes on the request line.
bool is_path(std::string_view path) {
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (read_escape(path.substr(i))) {
      i += 2;
    } else if (!is_alphanumeric(path[i]) &&
               std::string_view("-._~!$&'()*+,;=:@/").find(path[i]) == std::string_view::npos) {
      return false;
    }
  }
  return true;
}

std::uint16_t port_of(std::string_view digits, std::string_view field, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0) {
    refuse(field, text, "has a port outside 1 to 65535");
  }
  return port;
}

// Splits "host:port", "[address]:port" or either without a port.
void read_authority(std::string_view authority, std::string_view field, std::string_view text,
                    Endpoint& endpoint) {
  std::size_t host_end = authority.find(':');
  if (authority.starts_with('[')) {
    host_end = authority.find(']');
    if (host_end == std::string_view::npos) refuse(field, text, "has no valid host");
    endpoint.host = authority.substr(1, host_end - 1);
    if (!is_ipv6(endpoint.host)) refuse(field, text, "has no valid host");
    ++host_end;
  } else {
    endpoint.host = authority.substr(0, host_end);
    if (!is_host_name(endpoint.host)) refuse(field, text, "has no valid host");
  }
  const auto rest = authority.substr(std::min(host_end, authority.size()));
  if (rest.empty()) return;
  if (!rest.starts_with(':')) refuse(field, text, "has no valid host");
  endpoint.port = port_of(rest.substr(1), field, text);
}

}  // namespace

std::string Endpoint::host_header() const {
  std::string text = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (port != (tls ? 443 : 80)) text += ':' + std::to_string(port);
  return text;
}

std::string Endpoint::url() const {
  return (tls ? "https://" : "http://") + host_header() + path;
}

Endpoint parse_endpoint(std::string_view field, std::string_view text) {
  if (text.find('@') != std::string_view::npos) {
    refuse(field, "***", "must not hold a user name or password");
  }
  Endpoint endpoint;
  const std::size_t scheme_end = std::min(text.find("://"), text.size());
  const std::string_view scheme = text.substr(0, scheme_end);
  if (scheme != "http" && scheme != "https") refuse(field, text, "is neither http nor https");
  endpoint.tls = scheme == "https";
  endpoint.port = endpoint.tls ? 443 : 80;

  const std::string_view rest = text.substr(std::min(scheme_end + 3, text.size()));
  const std::size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  read_authority(rest.substr(0, authority_end), field, text, endpoint);

  const std::string_view path = rest.substr(authority_end);
  if (path.find_first_of("?#") != std::string_view::npos) {
    refuse(field, text, "must not have a query or a fragment");
  }
  if (!is_path(path)) refuse(field, text, "has a character in its path that must be escaped");
  if (!path.empty()) endpoint.path = path;
  return endpoint;
}

Endpoint resolve_endpoint(const Service& service, std::string_view region,
                          const EndpointOptions& options, const Environment& environment) {
  if (!options.url.empty()) return parse_endpoint("endpoint", options.url);
  if (!read_flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", environment)) {
    for (const std::string_view name :
         {service.endpoint_variable, std::string_view("AWS_ENDPOINT_URL")}) {
      const std::string variable(name);
      if (const auto url = environment(variable.c_str())) return parse_endpoint(variable, *url);
    }
  }
  const bool fips =
      options.use_fips ? *options.use_fips : read_flag("AWS_USE_FIPS_ENDPOINT", environment);
  const bool dual_stack = options.use_dual_stack
                              ? *options.use_dual_stack
                              : read_flag("AWS_USE_DUALSTACK_ENDPOINT", environment);
  return of_region(service.name, region, fips, dual_stack);
}

}  // namespace sagabus::aws
