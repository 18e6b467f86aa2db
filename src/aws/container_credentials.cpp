// Credentials of the container that this process runs in.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "aws/credentials_document.hpp"
#include "aws/credentials_source.hpp"
#include "aws/fetch.hpp"
#include "aws/small_file.hpp"

namespace sagabus::aws {
namespace {

namespace asio = boost::asio;

constexpr const char* kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr const char* kTokenFile = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";
constexpr const char* kToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
constexpr std::chrono::seconds kContainerTimeout(2);
constexpr int kContainerAttempts = 3;

// Of ECS, and of EKS with either family. Without TLS nobody else but this machine may be asked: the
// token would travel in the clear.
bool is_allowed(const Endpoint& endpoint) {
  constexpr std::array<std::string_view, 4> kHosts{"localhost", "169.254.170.2", "169.254.170.23",
                                                   "fd00:ec2::23"};
  if (endpoint.tls) return true;
  if (std::find(kHosts.begin(), kHosts.end(), endpoint.host) != kHosts.end()) return true;
  boost::system::error_code no_address;
  const auto address = asio::ip::make_address(endpoint.host, no_address);
  return !no_address && address.is_loopback();
}

// A URL, without its path, and the path with the query.
std::pair<std::string, std::string> split(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t path =
      scheme == std::string::npos ? scheme : url.find_first_of("/?", scheme + 3);
  if (path == std::string::npos) return {url, "/"};
  const std::string target = url.substr(path);
  return {url.substr(0, path), target.front() == '/' ? target : '/' + target};
}

// It goes onto a request line.
bool is_target(std::string_view text) {
  return text.starts_with('/') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

class ContainerSource final : public CredentialsProvider {
 public:
  explicit ContainerSource(CredentialsOptions options) : options_(std::move(options)) {}

  asio::awaitable<Credentials> get() override {
    Fetch request = where();
    Credentials sent;
    sent.secret_access_key = read_token();
    if (!sent.secret_access_key.empty()) {
      request.headers.emplace_back("Authorization", sent.secret_access_key);
    }
    request.timeout = kContainerTimeout;
    request.attempts = kContainerAttempts;
    request.ca_file = options_.ca_file;
    request.clock = options_.clock;
    const HttpResponse answer = co_await fetch(std::move(request));
    if (answer.status == 200) co_return require_end(parse_credentials(answer.body, sent));
    throw AccessDenied(fmt::format("HTTP {} {}", answer.status, error_text(answer.body, sent)));
  }

 private:
  Fetch where() const {
    Fetch request;
    if (const auto path = options_.environment(kRelative)) {
      request.endpoint = parse_endpoint(kRelative, "http://169.254.170.2");
      request.target = *path;
      if (!is_target(*path)) throw AccessDenied(fmt::format("{} is no path", kRelative));
      return request;
    }
    const auto url = options_.environment(kFull);
    if (!url) throw NotSetUp(fmt::format("neither {} nor {} is set", kRelative, kFull));
    const auto [server, target] = split(*url);
    request.endpoint = read_endpoint(server);
    request.target = target;
    if (!is_target(target)) throw AccessDenied(fmt::format("{} is no URL", kFull));
    if (!is_allowed(request.endpoint)) {
      throw AccessDenied(
          fmt::format("{}: {} is neither https, nor this machine, nor a service of ECS or EKS",
                      kFull, request.endpoint.host));
    }
    return request;
  }

  static Endpoint read_endpoint(const std::string& url) {
    try {
      return parse_endpoint(kFull, url);
    } catch (const std::invalid_argument& error) {
      throw AccessDenied(error.what());
    }
  }

  // Read each time, since the file is replaced while the process runs.
  std::string read_token() const {
    std::string token;
    if (const auto path = options_.environment(kTokenFile)) {
      token = read_small_line(*path);
      if (token.empty()) throw AccessDenied(fmt::format("{}: the file is empty", kTokenFile));
    } else {
      token = options_.environment(kToken).value_or(std::string());
    }
    const bool fine =
        std::all_of(token.begin(), token.end(), [](char c) { return c >= ' ' && c != 0x7f; });
    if (!fine) throw AccessDenied("the authorization token holds a control character");
    return token;
  }

  const CredentialsOptions options_;
};

}  // namespace

std::shared_ptr<CredentialsProvider> container_source(CredentialsOptions options) {
  return std::make_shared<ContainerSource>(std::move(options));
}

}  // namespace sagabus::aws
