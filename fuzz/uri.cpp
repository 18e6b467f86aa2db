// Addresses of services, and store URIs.
#include <fmt/format.h>

#include <optional>
#include <stdexcept>

#include "sagabus/aws/endpoint.hpp"
#include "store_uri.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

// Whoever writes a password writes an @ behind it.
void check_refusal(std::string_view input, const std::exception& error) {
  if (input.find('@') != std::string_view::npos) require_no_secret(error);
}

void check_endpoint(std::string_view input) {
  std::optional<aws::Endpoint> endpoint;
  try {
    endpoint = aws::parse_endpoint("endpoint", input);
  } catch (const std::invalid_argument& error) {
    return check_refusal(input, error);
  }
  const std::string url = endpoint->url();
  const aws::Endpoint again = aws::parse_endpoint("endpoint", url);
  require(again.tls == endpoint->tls && again.host == endpoint->host &&
              again.port == endpoint->port && again.path == endpoint->path,
          "an endpoint comes back from its URL");
  require(again.url() == url, "and so does the URL");
  require(endpoint->port != 0 && endpoint->path.starts_with('/'), "it has a port and a path");
  for (const char c : url) require(c > ' ' && c < 0x7f, "what goes into a request is plain");
}

std::string encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string write(const tools::MemoryUri&) {
  return "memory:";
}
std::string write(const tools::SqliteUri& uri) {
  return "sqlite://" + encoded(uri.path);
}
std::string write(const tools::DynamoDbUri& uri) {
  std::string query;
  const auto add = [&](std::string_view name, const std::string& value) {
    query += fmt::format("{}{}={}", query.empty() ? "?" : "&", name, value);
  };
  if (!uri.region.empty()) add("region", encoded(uri.region));
  if (!uri.endpoint.empty()) add("endpoint", encoded(uri.endpoint));
  if (!uri.profile.empty()) add("profile", encoded(uri.profile));
  if (uri.ttl_days) add("ttl_days", fmt::format("{}", *uri.ttl_days));
  if (uri.key_shards) add("key_shards", std::to_string(*uri.key_shards));
  constexpr std::string_view kIndexes[] = {"all", "keys_only", "none"};
  if (uri.index) add("index", std::string(kIndexes[static_cast<std::size_t>(*uri.index)]));
  return "DynamoDB://" + encoded(uri.table) + query;
}

void check_store_uri(std::string_view input) {
  std::optional<tools::StoreUri> uri;
  try {
    uri = tools::parse_store_uri(input);
  } catch (const std::invalid_argument& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos,
            "what is wrong is told in one line");
    return check_refusal(input, error);
  }
  const std::string text = std::visit([](const auto& it) { return write(it); }, *uri);
  require(tools::parse_store_uri(text) == *uri, "a store URI comes back from its text");
}

}  // namespace

void uri(std::string_view input) {
  check_endpoint(input);
  check_store_uri(input);
}

}  // namespace sagabus::fuzz
