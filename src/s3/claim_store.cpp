#include "sagabus/s3/claim_store.hpp"

#include <fmt/format.h>

#include <atomic>
#include <optional>
#include <stdexcept>
#include <utility>

#include "ambient_rules.hpp"
#include "aws/percent.hpp"
#include "s3/address.hpp"
#include "sagabus/aws/client.hpp"
#include "sagabus/error.hpp"

namespace sagabus::s3 {
namespace {

namespace asio = boost::asio;

// More than a payload may have, so that the range that is asked for is what bounds it.
constexpr std::size_t kMaxAnswerBytes = std::size_t{80} * 1024 * 1024;

[[noreturn]] void refuse(std::string_view field, std::string_view value, std::string_view allowed) {
  throw std::invalid_argument(fmt::format("s3: {}: \"{}\", expected {}", field, value, allowed));
}

void check_bounds(std::string_view field, std::int64_t value, std::string_view unit) {
  if (value >= 1) return;
  refuse(field, fmt::format("{}{}", value, unit), fmt::format("1{} or more", unit));
}

ClaimStoreOptions checked(ClaimStoreOptions options) {
  if (!is_bucket_name(options.bucket)) {
    refuse("bucket", options.bucket, "3 to 63 of a-z, 0-9, \"-\" and \".\", and no IP address");
  }
  if (!is_prefix(options.prefix)) {
    refuse("prefix", options.prefix,
           "up to 512 printable ASCII characters, without empty, \".\" or \"..\" parts");
  }
  check_bounds("max_connections", options.max_connections, "");
  check_bounds("attempt_timeout", options.attempt_timeout.count(), " ms");
  check_bounds("deadline", options.deadline.count(), " ms");
  if (!options.environment) refuse("environment", "null", "a function");
  sagabus::detail::check(options.ambient, "s3: ");
  return options;
}

aws::ClientOptions client_options(const ClaimStoreOptions& options) {
  aws::ClientOptions client;
  client.region = options.region;
  client.endpoint = options.endpoint;
  client.credentials = options.credentials;
  client.ca_file = options.ca_file;
  client.max_attempts = options.max_attempts;
  client.max_connections = options.max_connections;
  client.attempt_timeout = options.attempt_timeout;
  client.deadline = options.deadline;
  client.max_answer_bytes = kMaxAnswerBytes;
  client.clock = options.ambient.clock;
  client.random = options.ambient.random;
  client.logger = options.ambient.log;
  client.environment = options.environment;
  return client;
}

// What is wrong with a bucket, or with the way to it, is not its messages' fault. One that is not
// there is like one that is forbidden: somebody has to mend it.
[[noreturn]] void throw_outage(const aws::ServiceError& error, const std::string& where) {
  using aws::ErrorKind;
  const bool fits = error.kind == ErrorKind::access_denied || error.kind == ErrorKind::throttled ||
                    error.kind == ErrorKind::transient;
  if (fits) aws::throw_service_error(error, where);
  try {
    aws::throw_service_error(error, where);
  } catch (const Error& other) {
    if (error.code == "NoSuchBucket") throw AccessDenied(other.what(), other.service());
    throw TransientError(other.what(), other.service());
  }
}

bool is_gone(const aws::ServiceError& error) {
  return error.code == "NoSuchKey";
}

}  // namespace

class ClaimStore::Impl {
 public:
  explicit Impl(ClaimStoreOptions options) : options_(checked(std::move(options))) {
    aws::ClientOptions client = client_options(options_);
    const aws::Client probe(aws::kS3, client);  // finds the region, and AWS's own address
    const bool on_aws = is_aws(probe.endpoint(), probe.region(), options_.environment);
    Address address = address_of(probe.endpoint(), on_aws, options_.bucket, options_.prefix);
    client.region = probe.region();
    client.endpoint = std::move(address.url);
    client_.emplace(aws::kS3, std::move(client));
    path_ = std::move(address.path);
  }

  const ClaimStoreOptions& options() const noexcept { return options_; }
  const aws::Client& client() const noexcept { return *client_; }
  std::string path_of(const std::string& key) const {
    std::string path = path_;
    aws::append_percent_encoded(path, key);
    return path;
  }
  std::string describe() const {
    return options_.prefix.empty() ? "s3://" + options_.bucket
                                   : fmt::format("s3://{}/{}", options_.bucket, options_.prefix);
  }

  std::atomic<std::uint64_t> puts{0};
  std::atomic<std::uint64_t> gets{0};

 private:
  const ClaimStoreOptions options_;
  std::optional<aws::Client> client_;
  std::string path_;  // before a key
};

ClaimStore::ClaimStore(ClaimStoreOptions options)
    : impl_(std::make_shared<Impl>(std::move(options))) {}

ClaimStore::~ClaimStore() = default;

std::string ClaimStore::describe() const {
  return impl_->describe();
}

Usage ClaimStore::usage() const {
  return {impl_->puts, impl_->gets};
}

asio::awaitable<void> ClaimStore::put(std::string key, std::string bytes) {
  const std::shared_ptr<Impl> impl = impl_;
  aws::Request request;
  request.operation = "PutObject";
  request.method = "PUT";
  request.path = impl->path_of(key);
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = std::move(bytes);
  auto sending = impl->client().send(std::move(request));
  const aws::Outcome outcome = co_await std::move(sending);
  impl->puts += static_cast<std::uint64_t>(outcome ? outcome->attempts : outcome.error().attempts);
  if (!outcome) throw_outage(outcome.error(), impl->describe());
}

asio::awaitable<void> ClaimStore::try_put() const {
  const std::shared_ptr<Impl> impl = impl_;
  aws::Request request;
  request.operation = "UploadPart";
  request.method = "PUT";
  request.path = impl->path_of("trial");
  request.query = "partNumber=1&uploadId=none";
  request.headers.emplace_back("Content-Type", "application/json");
  request.body = "{}";
  auto sending = impl->client().send(std::move(request));
  const aws::Outcome outcome = co_await std::move(sending);
  if (!outcome && outcome.error().code != "NoSuchUpload") {
    throw_outage(outcome.error(), impl->describe());
  }
}

// Asks for one byte more than may come, so that a larger object is neither read nor kept.
asio::awaitable<std::string> ClaimStore::get(std::string key, std::size_t most) {
  const std::shared_ptr<Impl> impl = impl_;
  aws::Request request;
  request.operation = "GetObject";
  request.method = "GET";
  request.path = impl->path_of(key);
  request.headers.emplace_back("Range", fmt::format("bytes=0-{}", most));
  auto sending = impl->client().send(std::move(request));
  aws::Outcome outcome = co_await std::move(sending);
  impl->gets += static_cast<std::uint64_t>(outcome ? outcome->attempts : outcome.error().attempts);
  if (!outcome) {
    if (!is_gone(outcome.error())) throw_outage(outcome.error(), impl->describe());
    throw NotFound(fmt::format("{} has no {}", impl->describe(), key));
  }
  if (outcome->body.size() > most) {
    throw ValidationError(
        fmt::format("{}: {} has more than {} bytes", impl->describe(), key, most));
  }
  co_return std::move(outcome->body);
}

}  // namespace sagabus::s3
