// Requests to SQS and SNS on their way: sent, their answers parsed, counted.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "aws/xml.hpp"
#include "sagabus/sqs/transport.hpp"

namespace sagabus::sqs {

struct Clients {
  Client queues;
  std::optional<TopicClient> topics;  // where there are topics
};

// One for each transport. Safe to use from any thread.
class Gateway {
 public:
  explicit Gateway(Clients clients) : clients_(std::move(clients)) {}

  const aws::Client& client() const noexcept { return clients_.queues.aws(); }

  // `operation` must be a literal. Throws the errors of sagabus/error.hpp, with `queue` in them.
  // `wait`: how long the service itself may take before it answers.
  boost::asio::awaitable<boost::json::value> call(std::string_view operation, std::string body,
                                                  std::string queue,
                                                  std::chrono::milliseconds wait = {});

  // The same of SNS, with a form. Only where there are topics.
  boost::asio::awaitable<aws::Element> call_topics(std::string_view operation, std::string form,
                                                   std::string topic);

  void count_sent(std::uint64_t messages);
  void count_received(std::uint64_t messages);
  void count_deleted(std::uint64_t messages);
  Usage usage() const;

 private:
  void count_requests(std::string_view operation, int attempts);

  const Clients clients_;
  mutable std::mutex mutex_;
  Usage usage_;
};

}  // namespace sagabus::sqs
