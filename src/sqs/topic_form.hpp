// What a topic and a queue's subscription to it should be like, and how those that are there
// differ: pure functions.
#pragma once

#include <string>
#include <vector>

#include "sagabus/sqs/transport.hpp"
#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {

struct TopicForm {
  bool fifo = true;
  std::size_t max_message_bytes = 256U * 1024;
};

// What the options ask for.
TopicForm topic_form(const TransportOptions& options);

// For CreateTopic. A FIFO topic deduplicates, and is limited in its throughput, by group and not as
// a whole.
TopicAttributes wanted_attributes(const TopicForm& form);

// For Subscribe: the message comes as it was published.
TopicAttributes wanted_subscription();

// A sentence for each attribute that is not as wanted and matters: "FifoThroughputScope is Topic,
// expected MessageGroup".
std::vector<std::string> differences(const TopicForm& wanted, const TopicAttributes& found);
std::vector<std::string> subscription_differences(const TopicAttributes& found);

}  // namespace sagabus::sqs
