// Transport URIs: how programs are told how the messages travel.
//
//   memory:
//   sqlite:///var/lib/orders.db
//   sqs://shop?region=us-east-1&endpoint=http://localhost:4566&fifo=false&topics=true
//   sqs://shop?claims=BUCKET/PREFIX
//   sqs://shop?topics=true&topic_arns=arn:aws:sns:us-east-1:123456789012:
//
// The path, the prefix of the queues and the values of parameters may be percent-encoded.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "uri.hpp"

namespace sagabus::tools {

// What is empty is left to the transport: it looks into the environment.
struct SqsUri {
  std::string queue_prefix;
  std::string region;
  std::string endpoint;
  std::string profile{};  // of ~/.aws; empty: the default chain of credentials
  bool fifo = true;
  bool topics = false;
  std::string topic_arns{};  // begins the ARNs of topics; empty: as that of a queue which was found
  std::string claims_bucket{};  // of S3, at the same endpoint; empty: none
  std::string claims_prefix{};
  friend bool operator==(const SqsUri&, const SqsUri&) = default;
};

using TransportUri = std::variant<MemoryUri, SqliteUri, SqsUri>;

// Throws std::invalid_argument as parse_store_uri does.
TransportUri parse_transport_uri(std::string_view uri);

}  // namespace sagabus::tools
