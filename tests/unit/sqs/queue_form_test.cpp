#include "sqs/queue_form.hpp"

#include <gmock/gmock.h>

namespace sagabus::sqs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

QueueForm form() {
  QueueForm out;
  out.dead_letter_arn = "arn:aws:sqs:eu-west-1:1:shop-A-dlq.fifo";
  return out;
}

TEST(SqsQueueForm, AFifoQueueIsLimitedByGroupAndKeepsItsMessagesForFourteenDays) {
  EXPECT_THAT(wanted_attributes(form()),
              UnorderedElementsAre(
                  std::pair("FifoQueue", "true"), std::pair("DeduplicationScope", "messageGroup"),
                  std::pair("FifoThroughputLimit", "perMessageGroupId"),
                  std::pair("MessageRetentionPeriod", "1209600"),
                  std::pair("VisibilityTimeout", "30"), std::pair("MaximumMessageSize", "1048576"),
                  std::pair("RedrivePolicy", R"({"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:1:)"
                                             R"(shop-A-dlq.fifo","maxReceiveCount":"50"})")));
}

TEST(SqsQueueForm, AStandardQueueOfDeadLettersHasNothingElse) {
  QueueForm plain;
  plain.fifo = false;
  plain.visibility_timeout = std::chrono::seconds(7);
  EXPECT_THAT(wanted_attributes(plain),
              UnorderedElementsAre(std::pair("MessageRetentionPeriod", "1209600"),
                                   std::pair("MaximumMessageSize", "1048576"),
                                   std::pair("VisibilityTimeout", "7")));
}

TEST(SqsQueueForm, ItsTopicsMaySendToIt) {
  QueueForm heard = form();
  heard.arn = "arn:aws:sqs:eu-west-1:1:shop-A.fifo";
  heard.topics = {"arn:aws:sns:eu-west-1:1:shop-T.fifo"};
  QueueAttributes found = wanted_attributes(heard);
  EXPECT_THAT(found.at("Policy"), ::testing::HasSubstr(heard.topics[0]));
  EXPECT_THAT(differences(heard, found), IsEmpty());
  found.erase("Policy");
  EXPECT_THAT(differences(heard, found),
              ElementsAre("its policy does not let the topic arn:aws:sns:eu-west-1:1:shop-T.fifo "
                          "send to it"));
}

TEST(SqsQueueForm, WhatIsAsWantedDiffersInNothing) {
  QueueAttributes found = wanted_attributes(form());
  found["VisibilityTimeout"] = "1";  // each request brings its own
  found["RedrivePolicy"] =
      R"({ "maxReceiveCount": 3, "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:1:shop-A-dlq.fifo" })";
  found["QueueArn"] = "arn:aws:sqs:eu-west-1:1:shop-A.fifo";
  EXPECT_THAT(differences(form(), found), IsEmpty());
}

TEST(SqsQueueForm, EachDifferenceIsNamed) {
  QueueAttributes found = wanted_attributes(form());
  found["MessageRetentionPeriod"] = "60";
  found.erase("DeduplicationScope");
  found["RedrivePolicy"] = "{";
  EXPECT_THAT(differences(form(), found),
              ElementsAre("DeduplicationScope is not set, expected messageGroup",
                          "MessageRetentionPeriod is 60, expected 1209600",
                          "its dead letters go to nowhere, expected "
                          "arn:aws:sqs:eu-west-1:1:shop-A-dlq.fifo"));
  found = wanted_attributes(form());
  found["RedrivePolicy"] = R"({"deadLetterTargetArn":"arn:other"})";
  EXPECT_THAT(differences(form(), found), ElementsAre("its dead letters go to arn:other, expected "
                                                      "arn:aws:sqs:eu-west-1:1:shop-A-dlq.fifo"));
  QueueForm smaller = form();
  smaller.max_message_bytes = 300'000;
  found = wanted_attributes(form());
  EXPECT_THAT(differences(smaller, found), IsEmpty());
  found["MaximumMessageSize"] = "262144";
  EXPECT_THAT(differences(smaller, found),
              ElementsAre("MaximumMessageSize is 262144, expected 300000"));
  QueueForm standard;
  standard.fifo = false;
  EXPECT_THAT(differences(standard, {{"MessageRetentionPeriod", "1209600"}, {"FifoQueue", "true"}}),
              ElementsAre("it is a FIFO queue"));
}

}  // namespace
}  // namespace sagabus::sqs
