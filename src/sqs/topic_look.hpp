// A look at a topic and at a queue's subscription to it. Any thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "sqs/gateway.hpp"
#include "sqs/topic_form.hpp"

namespace sagabus::sqs {

// How a topic differs from what it should be.
boost::asio::awaitable<std::vector<std::string>> look_at_topic(Gateway& gateway, TopicForm wanted,
                                                               std::string topic_arn);

struct FoundSubscription {
  std::string arn;  // empty: there is none
  std::vector<std::string> differences{};
};

// That of a queue to a topic.
boost::asio::awaitable<FoundSubscription> look_at_subscription(Gateway& gateway,
                                                               std::string topic_arn,
                                                               std::string queue_arn);

}  // namespace sagabus::sqs
