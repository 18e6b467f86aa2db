#include "open_transport.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

#include "profile.hpp"
#include "sagabus/s3/claim_store.hpp"
#include "sagabus/sqlite/transport.hpp"
#include "sagabus/sqs/transport.hpp"

namespace sagabus::tools {
namespace {

namespace asio = boost::asio;

// What a command that was killed has held comes back after this time. It is extended while the
// command runs.
constexpr std::chrono::seconds kHiddenOnSqs{30};

// Requests wait no longer, so that none is open, and takes messages, when a command has ended.
constexpr std::chrono::seconds kWaitOnSqs{1};

// In a file it comes back at once, whatever the time is, and the time is not extended.
constexpr std::chrono::hours kHiddenInFile{12};

template <class Handle>
asio::awaitable<Transport> look_up(Handle transport, std::string queue) {
  auto looking = transport.depth(std::move(queue));
  co_await std::move(looking);
  co_return transport;
}

asio::awaitable<Transport> open(const MemoryUri&, std::string, const Ambient&) {
  throw std::invalid_argument("memory: ends with its program, and holds nothing for another");
}

asio::awaitable<Transport> open(const SqliteUri& uri, std::string queue, const Ambient& ambient) {
  sqlite::TransportOptions options;
  options.path = uri.path;
  options.visibility_timeout = kHiddenInFile;
  options.ambient = ambient;
  return look_up(sqlite::Transport(std::move(options)), std::move(queue));
}

asio::awaitable<Transport> open(const SqsUri& uri, std::string queue, const Ambient& ambient) {
  sqs::TransportOptions options = sqs_options(uri, ambient);
  options.topics = {};
  options.visibility_timeout = kHiddenOnSqs;
  options.wait_time =
      kWaitOnSqs;  // its topics are of no use here: all that is sent is for one endpoint
  return look_up(sqs::Transport(std::move(options)), std::move(queue));
}

}  // namespace

std::shared_ptr<s3::ClaimStore> claims_of(const SqsUri& uri, const Ambient& ambient) {
  if (uri.claims_bucket.empty()) return nullptr;
  s3::ClaimStoreOptions options;
  options.bucket = uri.claims_bucket;
  options.prefix = uri.claims_prefix;
  options.region = uri.region;
  options.endpoint = uri.endpoint;
  if (!uri.profile.empty()) {
    options.credentials = profile_credentials(uri.profile, uri.region);
    options.environment = profile_environment(uri.profile);
  }
  options.ambient = ambient;
  return std::make_shared<s3::ClaimStore>(std::move(options));
}

sqs::TransportOptions sqs_options(const SqsUri& uri, const Ambient& ambient) {
  sqs::TransportOptions options;
  options.queue_prefix = uri.queue_prefix;
  options.topics.enabled = uri.topics;
  options.topics.arn_prefix = uri.topic_arns;
  if (uri.profile.empty()) {
    options.region = uri.region;
    options.endpoint = uri.endpoint;
  } else {
    const auto client = profile_client(uri.profile, uri.region, uri.endpoint, ambient);
    options.client = sqs::Client(client);
    if (uri.topics) options.topics.client = sqs::TopicClient(client);
  }
  options.fifo = uri.fifo;
  options.claims = claims_of(uri, ambient);
  options.ambient = ambient;
  return options;
}

Transport open_sqs(const SqsUri& uri, std::vector<sqs::Route> routes, const Ambient& ambient) {
  sqs::TransportOptions options = sqs_options(uri, ambient);
  options.routes = std::move(routes);
  return sqs::Transport(std::move(options));
}

asio::awaitable<void> look_up_topic(SqsUri uri, std::string type) {
  const sqs::Transport transport(sqs_options(uri, {}));
  auto looking = transport.examine_topic(uri.topic_arns + transport.topic_name(type), "");
  co_await std::move(looking);
}

asio::awaitable<Transport> open_transport(TransportUri uri, std::string queue, Ambient ambient) {
  auto opening = std::visit([&](const auto& u) { return open(u, queue, ambient); }, uri);
  co_return co_await std::move(opening);
}

}  // namespace sagabus::tools
