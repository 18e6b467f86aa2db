// How a batch of entries gets to the queue or the topic that it is for.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sqs/batch_line.hpp"
#include "sqs/batch_results.hpp"
#include "sqs/surroundings.hpp"

namespace sagabus::sqs {

class Carrier {
 public:
  virtual ~Carrier() = default;

  // Those of the entries that were not taken. Throws the errors of sagabus/error.hpp: NotFound
  // where there is no such queue or topic any more.
  virtual boost::asio::awaitable<std::vector<FailedEntry>> carry(
      const std::vector<BatchEntry>& entries) = 0;

  // Of an entry that was not taken, as an error.
  std::exception_ptr error_of(const FailedEntry& failure) const;

 protected:
  Carrier(Gateway& gateway, const aws::Service& service, std::string_view operation,
          std::string target)
      : gateway_(gateway), service_(service), operation_(operation), target_(std::move(target)) {}

  Gateway& gateway_;
  const aws::Service& service_;
  const std::string_view operation_;
  const std::string target_;  // the name of the queue, the ARN of the topic
};

class QueueCarrier final : public Carrier {
 public:
  // `operation` is a literal.
  QueueCarrier(Gateway& gateway, std::string_view operation, const Queue& queue)
      : Carrier(gateway, aws::kSqs, operation, queue.name), url_(queue.url) {}
  boost::asio::awaitable<std::vector<FailedEntry>> carry(
      const std::vector<BatchEntry>& entries) override;

 private:
  const std::string url_;
};

class TopicCarrier final : public Carrier {
 public:
  TopicCarrier(Gateway& gateway, std::string arn);
  boost::asio::awaitable<std::vector<FailedEntry>> carry(
      const std::vector<BatchEntry>& entries) override;
};

}  // namespace sagabus::sqs
