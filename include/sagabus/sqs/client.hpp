// Clients of SQS and SNS: make them to share their connections, credentials and retries among
// several transports. Who has one transport needs none.
#pragma once

#include <utility>

#include "sagabus/aws/client.hpp"

namespace sagabus::sqs {

// Region, endpoint, credentials, max_attempts (3 unless given), timeouts, ca_file and so on. Each
// endpoint that receives keeps one connection to itself while it waits for messages: raise
// `max_connections` where a process has more than some twenty.
using ClientOptions = aws::ClientOptions;

// A cheap handle to shared state: copy it freely, use it from any thread.
class Client {
 public:
  // Makes no connection yet. Throws std::invalid_argument that names the option or the variable,
  // its value and what is allowed.
  explicit Client(ClientOptions options = {}) : aws_(aws::kSqs, std::move(options)) {}

  // For operations that the transport lacks: aws().call("ListQueues", "{}").
  const aws::Client& aws() const noexcept { return aws_; }

 private:
  aws::Client aws_;
};

// The same of SNS: aws().call("ListTopics", "Action=ListTopics&Version=2010-03-31").
class TopicClient {
 public:
  // As Client.
  explicit TopicClient(ClientOptions options = {}) : aws_(aws::kSns, std::move(options)) {}

  const aws::Client& aws() const noexcept { return aws_; }

 private:
  aws::Client aws_;
};

}  // namespace sagabus::sqs
