#include "sagabus/sqs/transport.hpp"

#include <fmt/format.h>

#include <stdexcept>

#include "ambient_rules.hpp"
#include "sqs/backend.hpp"
#include "sqs/names.hpp"

namespace sagabus::sqs {
namespace {

using std::chrono::seconds;

constexpr seconds kMostHidden = std::chrono::hours(12);
constexpr std::size_t kLeastBytes = std::size_t{16} * 1024;
constexpr std::size_t kMostBytes = 1024U * 1024;
constexpr std::string_view kArn = "arn:";
constexpr std::size_t kLeastClaimAbove = 1024;
constexpr std::size_t kMostClaimBytes = 64 * kMostBytes;

[[noreturn]] void refuse(std::string_view field, std::string_view value, std::string_view allowed) {
  throw std::invalid_argument(fmt::format("sqs: {}: \"{}\", expected {}", field, value, allowed));
}

template <class Number>
void check_range(std::string_view field, Number value, Number least, Number most,
                 std::string_view unit = "") {
  if (value >= least && value <= most) return;
  refuse(field, fmt::format("{}{}", value, unit), fmt::format("{} to {}{}", least, most, unit));
}

void check_client(const TransportOptions& options) {
  if (!options.client) return;
  const auto beside = [](std::string_view field, bool given) {
    if (given) refuse(field, "given", "nothing beside a client, which has its own");
  };
  beside("region", !options.region.empty());
  beside("endpoint", !options.endpoint.empty());
  beside("credentials", options.credentials != nullptr);
  beside("max_attempts", options.max_attempts != 0);
}

void check_queues(const TransportOptions& options) {
  if (!is_queue_prefix(options.queue_prefix)) {
    refuse("queue_prefix", options.queue_prefix,
           "up to 40 characters of a-z, A-Z, 0-9, \"_\" and \"-\"");
  }
  for (const auto& [endpoint, url] : options.queue_urls) {
    const std::string field = fmt::format("queue_urls: {}", endpoint);
    aws::parse_endpoint(field, url);
    if (url.ends_with(".fifo") != options.fifo) {
      refuse(field, url, options.fifo ? "the URL of a FIFO queue" : "the URL of a standard queue");
    }
  }
  for (const Route& route : options.routes) {
    if (route.type.empty()) refuse("routes: type", "", "the name of a message");
    if (route.endpoint.empty()) refuse("routes: endpoint", "", "the name of a saga or service");
  }
}

void check_topics(const TransportOptions& options) {
  const TopicOptions& topics = options.topics;
  const bool needs_client = topics.enabled && options.client && !topics.client;
  if (needs_client) refuse("topics.client", "none", "one beside a client of SQS");
  if (topics.client && !topics.endpoint.empty()) {
    refuse("topics.endpoint", topics.endpoint, "nothing beside a client, which has its own");
  }
  if (!topics.arn_prefix.empty() &&
      !(topics.arn_prefix.starts_with(kArn) && topics.arn_prefix.ends_with(':'))) {
    refuse("topics.arn_prefix", topics.arn_prefix,
           "such as \"arn:aws:sns:eu-west-1:123456789012:\"");
  }
  for (const Topic& topic : topics.types) {
    if (topic.type.empty()) refuse("topics.types: type", "", "the name of a message");
    const std::string field = fmt::format("topics.types: {}", topic.type);
    if (topic.direct && !(topic.arn.empty() && topic.group_by.empty())) {
      refuse(field, "direct", "neither an ARN nor an order beside it");
    }
    if (topic.arn.empty()) continue;
    if (!topic.arn.starts_with(kArn)) refuse(field, topic.arn, "an ARN");
    if (topic.arn.ends_with(".fifo") != options.fifo) {
      refuse(field, topic.arn, options.fifo ? "the ARN of a FIFO topic" : "that of a standard one");
    }
  }
  check_range("topics.max_message_bytes", topics.max_message_bytes, kLeastBytes, kMostBytes);
}

void check_times(const TransportOptions& options) {
  check_range("visibility_timeout", options.visibility_timeout.count(), seconds(1).count(),
              kMostHidden.count(), " s");
  check_range("max_visibility", options.max_visibility.count(), options.visibility_timeout.count(),
              kMostHidden.count(), " s");
  check_range("wait_time", options.wait_time.count(), seconds(0).count(), seconds(20).count(),
              " s");
}

TransportOptions checked(TransportOptions options) {
  check_client(options);
  check_queues(options);
  check_topics(options);
  check_times(options);
  check_range("max_messages", options.max_messages, 1U, 10U);
  check_range("max_message_bytes", options.max_message_bytes, kLeastBytes, kMostBytes);
  check_range("claim_above", options.claim_above, kLeastClaimAbove, kMostBytes);
  check_range("max_claim_bytes", options.max_claim_bytes, kMostBytes, kMostClaimBytes);
  check_range("dead_letter.max_receive_count", options.dead_letter.max_receive_count, 2U, 1000U);
  sagabus::detail::check(options.ambient, "sqs: ");
  return options;
}

ClientOptions client_options(const TransportOptions& options) {
  ClientOptions client;
  client.region = options.region;
  client.endpoint = options.endpoint;
  client.credentials = options.credentials;
  client.max_attempts = options.max_attempts;
  client.clock = options.ambient.clock;
  client.random = options.ambient.random;
  client.logger = options.ambient.log;
  return client;
}

Client make_client(const TransportOptions& options) {
  if (options.client) return *options.client;
  ClientOptions client = client_options(options);
  client.max_connections = 100;  // each endpoint that receives keeps one
  return Client(std::move(client));
}

std::optional<TopicClient> make_topic_client(const TransportOptions& options) {
  if (!options.topics.enabled || options.topics.client) return options.topics.client;
  ClientOptions client = client_options(options);
  if (!options.topics.endpoint.empty()) client.endpoint = options.topics.endpoint;
  return TopicClient(std::move(client));
}

std::shared_ptr<Backend> make_backend(TransportOptions options) {
  options = checked(std::move(options));
  Clients clients{make_client(options), make_topic_client(options)};
  return std::make_shared<Backend>(std::move(options), std::move(clients));
}

}  // namespace

Transport::Transport(TransportOptions options) : Transport(make_backend(std::move(options))) {}

Transport::Transport(std::shared_ptr<Backend> backend)
    : sagabus::Transport(backend), sqs_(std::move(backend)) {}

Usage Transport::usage() const {
  return sqs_->usage();
}

boost::asio::awaitable<QueueDepth> Transport::depth(std::string endpoint) const {
  return sqs_->depth(std::move(endpoint));
}

boost::asio::awaitable<QueueInfo> Transport::examine(std::string endpoint) const {
  return sqs_->examine(std::move(endpoint));
}

boost::asio::awaitable<TopicInfo> Transport::examine_topic(std::string topic_arn,
                                                           std::string queue_arn) const {
  return sqs_->examine_topic(std::move(topic_arn), std::move(queue_arn));
}

std::string Transport::queue_name(const std::string& endpoint) const {
  return sqs_->queue_name(endpoint);
}

std::string Transport::topic_name(const std::string& type) const {
  return sqs_->topic_name(type);
}

}  // namespace sagabus::sqs
