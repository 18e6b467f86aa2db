#include "sqs/topic_look.hpp"

#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;

asio::awaitable<std::string> find_subscription_arn(Gateway& gateway, std::string topic_arn,
                                                   std::string queue_arn) {
  std::string subscription;
  std::string next;
  do {
    auto listing = gateway.call_topics(kListSubscriptions, list_subscriptions_form(topic_arn, next),
                                       topic_arn);
    const aws::Element page = co_await std::move(listing);
    subscription = find_subscription(page, queue_arn);
    next = read_text(page, "NextToken");
  } while (subscription.empty() && !next.empty());
  co_return subscription;
}

}  // namespace

asio::awaitable<std::vector<std::string>> look_at_topic(Gateway& gateway, TopicForm wanted,
                                                        std::string topic_arn) {
  auto describing =
      gateway.call_topics(kGetTopicAttributes, get_topic_attributes_form(topic_arn), topic_arn);
  const aws::Element answer = co_await std::move(describing);
  co_return differences(wanted, read_topic_attributes(answer));
}

asio::awaitable<FoundSubscription> look_at_subscription(Gateway& gateway, std::string topic_arn,
                                                        std::string queue_arn) {
  FoundSubscription found;
  auto finding = find_subscription_arn(gateway, topic_arn, std::move(queue_arn));
  found.arn = co_await std::move(finding);
  if (found.arn.empty()) co_return found;
  auto describing = gateway.call_topics(kGetSubscriptionAttributes,
                                        get_subscription_attributes_form(found.arn), topic_arn);
  const aws::Element answer = co_await std::move(describing);
  found.differences = subscription_differences(read_topic_attributes(answer));
  co_return found;
}

}  // namespace sagabus::sqs
