#include "sqs/topic_form.hpp"

#include <gmock/gmock.h>

namespace sagabus::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(SqsTopicForm, AFifoTopicIsLimitedByGroup) {
  EXPECT_THAT(wanted_attributes(TopicForm{}),
              UnorderedElementsAre(std::pair("FifoTopic", "true"),
                                   std::pair("FifoThroughputScope", "MessageGroup")));
  TopicForm large;
  large.fifo = false;
  large.max_message_bytes = 1024U * 1024;
  EXPECT_THAT(wanted_attributes(large),
              UnorderedElementsAre(std::pair("MaximumMessageSize", "1048576")));
}

TEST(SqsTopicForm, EachDifferenceIsNamed) {
  TopicAttributes found = wanted_attributes(TopicForm{});
  found["Owner"] = "1";
  EXPECT_THAT(differences(TopicForm{}, found), IsEmpty());
  found["FifoThroughputScope"] = "Topic";
  TopicForm large;
  large.max_message_bytes = 300'000;
  EXPECT_THAT(differences(large, found),
              ElementsAre("FifoThroughputScope is Topic, expected MessageGroup",
                          "MaximumMessageSize is not set, expected 300000"));
  found["MaximumMessageSize"] = "1048576";
  EXPECT_THAT(differences(large, found),
              ElementsAre("FifoThroughputScope is Topic, expected MessageGroup"));
  TopicForm standard;
  standard.fifo = false;
  EXPECT_THAT(differences(standard, {{"FifoTopic", "true"}}), ElementsAre("it is a FIFO topic"));
}

TEST(SqsTopicForm, ASubscriptionHandsMessagesOnAsTheyAre) {
  EXPECT_THAT(subscription_differences(wanted_subscription()), IsEmpty());
  EXPECT_THAT(
      subscription_differences({{"RawMessageDelivery", "false"}, {"FilterPolicy", "{\"a\":[1]}"}}),
      ElementsAre("RawMessageDelivery is false, expected true",
                  "it has a filter, which keeps messages back"));
  EXPECT_THAT(subscription_differences({{"RawMessageDelivery", "true"}, {"FilterPolicy", "{}"}}),
              IsEmpty());
}

}  // namespace
}  // namespace sagabus::sqs
