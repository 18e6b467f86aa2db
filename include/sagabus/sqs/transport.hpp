// Messages through Amazon SQS: the transport that takes a bus beyond one machine.
//
//   sagabus::sqs::Transport transport{{.region = "eu-central-1", .queue_prefix = "shop"}};
//
// One queue for each saga and service, "shop-OrderSaga.fifo", and one for its dead letters,
// "shop-OrderSaga-dlq.fifo". docs/guide/sqs.md says how they are made and what they cost.
//
// At run time it needs sqs:SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility,
// GetQueueUrl and GetQueueAttributes; with `create_queues` also CreateQueue. With `topics` it needs
// sns:Publish as well, and with both sqs:SetQueueAttributes, sns:CreateTopic, Subscribe,
// Unsubscribe, GetTopicAttributes, GetSubscriptionAttributes and ListSubscriptionsByTopic.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/claim_store.hpp"
#include "sagabus/sqs/client.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::sqs {

class Backend;

// What SQS takes in one request that sends: so many messages, and so many bytes of all of them. The
// transport fills requests up to that where several wait.
inline constexpr std::size_t kMaxRequestMessages = 10;
inline constexpr std::size_t kMaxRequestBytes = 1024U * 1024;

struct DeadLetterOptions {
  // The endpoint whose queue takes all dead letters. Empty: each endpoint has its own.
  std::string endpoint = {};
  // After so many deliveries the service itself moves a message to the dead letters, without a
  // reason: a guard against messages that end their process. Handlers that fail are counted by the
  // bus, which buries them much sooner. 2 to 1,000.
  unsigned max_receive_count = 50;
};

// Where messages go that sagas and services of other processes take.
struct Route {
  std::string type = {};      // the message's name on the wire
  std::string endpoint = {};  // the saga or service that takes it
  // The payload's member whose value tells which messages must keep their order: what the saga
  // there correlates by. Empty: the message's partition key.
  std::string group_by = {};
};

// What is particular to the topic of one type.
struct Topic {
  std::string type = {};  // the message's name on the wire
  std::string arn = {};   // empty: that of "{queue_prefix}-{type}.fifo"
  // The payload's member by whose value all who take the type keep its order. Empty: what those who
  // are known here keep it by, where that is one thing.
  std::string group_by = {};
  bool direct = false;  // it has none: its messages go straight to the queues that are known here
};

// Messages that are published go to a topic of SNS for each type, which hands them to the queues
// that are subscribed to it: docs/guide/sqs.md says when that is of use. On FIFO queues a type
// whose takers keep different orders, as far as they are known here, goes straight to their queues,
// unless `Topic::group_by` says otherwise; the log says so.
struct TopicOptions {
  bool enabled = false;
  std::optional<TopicClient> client = {};  // shared; needed beside TransportOptions::client
  std::string endpoint = {};               // a URL; empty: TransportOptions::endpoint
  // Begins the ARNs of topics that have none of their own: "arn:aws:sns:eu-west-1:123456789012:".
  // Empty: that of the first topic that is made, or of the queues that were looked up before.
  std::string arn_prefix = {};
  std::vector<Topic> types = {};  // that differ from the rest
  // Of one message, 16 KiB to 1 MiB: instead of TransportOptions::max_message_bytes, where that is
  // more. SNS takes more than 256 KiB where the topic's MaximumMessageSize says so.
  std::size_t max_message_bytes = 256U * 1024;
};

struct TransportOptions {
  std::string region = {};    // such as "us-east-1"; empty: as in aws::ClientOptions
  std::string endpoint = {};  // a URL, such as "http://localhost:4566"; empty: AWS's own
  std::shared_ptr<aws::CredentialsProvider> credentials = nullptr;  // null: the default chain
  std::optional<Client> client = {};  // shared; then none of region, endpoint, credentials and
                                      // max_attempts, which it has already

  // Begins the names of all queues, up to 40 of a-z, A-Z, 0-9, "_" and "-". Empty: they are named
  // after their endpoints alone.
  std::string queue_prefix = {};
  // Queues that bear names of their own: their URLs, by endpoint.
  std::map<std::string, std::string> queue_urls = {};
  std::vector<Route> routes = {};

  // FIFO queues keep the order of messages of one instance, and drop those that are sent twice
  // within five minutes. Standard queues do neither, and are cheaper: a bus is right on both.
  bool fifo = true;
  bool create_queues = false;  // makes queues that are not there, topics and their subscriptions

  std::chrono::seconds visibility_timeout{30};  // how long a message that was received is hidden
                                                // from others: 1 s to 12 h. Extended before it ends
  // ... for as long as this process holds the message, up to this time after its receipt: from
  // visibility_timeout to 12 h.
  std::chrono::seconds max_visibility{std::chrono::hours(1)};
  // Of one request that waits for messages: 0 to 20 s. Those that do not wait are made up to once a
  // second while nothing comes. One of up to 1 s is waited for at the end; a longer one is broken
  // off, and what the service hands to it then comes back after its visibility timeout.
  std::chrono::seconds wait_time{20};
  unsigned max_messages = 10;  // that one request receives: 1 to 10
  // Of one that is sent, 16 KiB to 1 MiB. 8 KiB of it are kept for what headers may add: a bus
  // refuses what is larger than the rest.
  std::size_t max_message_bytes = 1024U * 1024;
  // Takes the payloads of messages that are larger than `claim_above`, before the step that sends
  // them is committed; each receiver fetches its own. Null: there are no such messages. Who shares
  // a queue needs one that holds the same (s3::ClaimStore, with the same bucket and prefix).
  std::shared_ptr<ClaimStore> claims = nullptr;
  // Bytes of a message's JSON form, 1 KiB to 1 MiB; never more than a queue takes. The default
  // leaves room in an item of DynamoDB, which holds an instance with its outbox in 400 KB.
  std::size_t claim_above = 256U * 1024;
  // Of one that travels so, 1 to 64 MiB: a larger one is refused where it is published, and buried
  // where it is received. An endpoint may hold two for each unit of the bus's `concurrency`.
  std::size_t max_claim_bytes = 16U * 1024 * 1024;
  DeadLetterOptions dead_letter = {};
  TopicOptions topics = {};
  int max_attempts = 0;  // requests for one call, the first included; 0: AWS_MAX_ATTEMPTS, else 3
  Ambient ambient = {};
};

// What a transport has asked of SQS and SNS since it was made.
struct Usage {
  std::map<std::string, std::uint64_t> requests;  // by operation, retries included
  std::uint64_t sent = 0;                         // messages; one to a topic counts once
  std::uint64_t received = 0;                     // redeliveries included
  std::uint64_t deleted = 0;

  std::uint64_t total_requests() const;
};

// About how many messages are in a queue: the service counts them now and then.
struct QueueDepth {
  std::uint64_t ready = 0;
  std::uint64_t delayed = 0;  // to be delivered later
  std::uint64_t hidden = 0;   // held by receivers, or to be tried again later
};

// What a queue is like.
struct QueueInfo {
  std::string name;
  std::string url;
  std::map<std::string, std::string> attributes;  // as the service names and writes them
  // A sentence for each that `create_queues` would have made otherwise and that matters:
  // "MessageRetentionPeriod is 60, expected 1209600". A bus uses the queue all the same.
  std::vector<std::string> differences;
  // The ARNs of the topics that its policy names and lets send to it.
  std::vector<std::string> topics;
};

// What a topic is like, and a queue's subscription to it.
struct TopicInfo {
  std::vector<std::string> differences;  // of the topic, as QueueInfo has them
  std::string subscription;              // an ARN; empty: the queue is not subscribed
  std::vector<std::string> subscription_differences;
};

// Durable when send() returns. Has a thread of its own, on which all requests are made. Destroying
// the last handle gives back what an open request may have received, and takes up to 3 s.
//
// Messages of one order key (Subscription::order_by) come in the order in which they were sent, and
// none comes while an earlier one is held by a receiver or waits to be tried again. A process
// counts the failures it has seen of a message itself, since SQS counts deliveries only: one that
// is tried by several processes in turn may be tried more often than `RetryPolicy::max_attempts`.
//
// Functions report, besides what is said in sagabus/transport.hpp: NotFound for a queue that is
// not there and may not be made, AccessDenied, Throttled, and ValidationError for a message that is
// too large. FIFO queues and topics have no delays: `max_delay` is 0, and 15 minutes on standard
// queues without topics. Delays of give_back are rounded up to seconds.
class Transport : public sagabus::Transport {
 public:
  // Needs no network. Throws std::invalid_argument naming the option, its value and what is
  // allowed.
  explicit Transport(TransportOptions options);

  Usage usage() const;

  // For tools and tests. Throws NotFound for a queue that is not there.
  boost::asio::awaitable<QueueDepth> depth(std::string endpoint) const;
  boost::asio::awaitable<QueueInfo> examine(std::string endpoint) const;

  // Only where there are topics. Throws NotFound for a topic that is not there.
  boost::asio::awaitable<TopicInfo> examine_topic(std::string topic_arn,
                                                  std::string queue_arn) const;

  // The name of the queue that an endpoint has, or would have.
  std::string queue_name(const std::string& endpoint) const;

  // The name of the topic that a type has, or would have where there are topics.
  std::string topic_name(const std::string& type) const;

 private:
  explicit Transport(std::shared_ptr<Backend> backend);
  std::shared_ptr<Backend> sqs_;
};

}  // namespace sagabus::sqs
