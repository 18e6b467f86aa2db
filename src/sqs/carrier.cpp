#include "sqs/carrier.hpp"

#include "aws/error_answer.hpp"
#include "sagabus/error.hpp"
#include "sqs/requests.hpp"
#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kCodePrefix = "AWS.SimpleQueueService.";

}  // namespace

std::exception_ptr Carrier::error_of(const FailedEntry& failure) const {
  aws::ServiceError error;
  error.code = failure.code.starts_with(kCodePrefix) ? failure.code.substr(kCodePrefix.size())
                                                     : failure.code;
  error.kind = aws::classify(service_, error.code, failure.sender_fault ? 400 : 503);
  error.message = aws::safe_message(failure.message, aws::Credentials{});
  error.operation = operation_;
  error.attempts = 1;
  try {
    aws::throw_service_error(error, target_);
  } catch (...) {
    return std::current_exception();
  }
}

asio::awaitable<std::vector<FailedEntry>> QueueCarrier::carry(
    const std::vector<BatchEntry>& entries) {
  auto calling = gateway_.call(operation_, batch_body(url_, entries), target_);
  const boost::json::value answer = co_await std::move(calling);
  co_return read_failures(answer, entries.size());
}

TopicCarrier::TopicCarrier(Gateway& gateway, std::string arn)
    : Carrier(gateway, aws::kSns, kPublishBatch, std::move(arn)) {}

asio::awaitable<std::vector<FailedEntry>> TopicCarrier::carry(
    const std::vector<BatchEntry>& entries) {
  auto calling = gateway_.call_topics(operation_, publish_form(target_, entries), target_);
  const aws::Element answer = co_await std::move(calling);
  co_return read_publish_failures(answer, entries.size());
}

}  // namespace sagabus::sqs
