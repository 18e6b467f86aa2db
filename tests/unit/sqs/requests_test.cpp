#include "sqs/requests.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

namespace sagabus::sqs {
namespace {

namespace json = boost::json;
using ::testing::SizeIs;

// The same value, however it is written.
void expect_json(const std::string& text, const char* expected) {
  EXPECT_EQ(json::parse(text), json::parse(expected)) << text;
}

TEST(SqsRequests, ReceiveAsksForWhatADeliveryNeeds) {
  ReceiveRequest request;
  request.queue_url = "https://q";
  request.max_messages = 7;
  request.visibility_timeout = std::chrono::seconds(9);
  request.wait_time = std::chrono::seconds(20);
  expect_json(receive_body(request),
              R"({"QueueUrl":"https://q","MaxNumberOfMessages":7,"VisibilityTimeout":9,
                  "WaitTimeSeconds":20,
                  "MessageSystemAttributeNames":["ApproximateReceiveCount","ApproximateFirstReceiveTimestamp",
                                                 "MessageGroupId"]})");
  request.attempt_id = "again";
  EXPECT_EQ(json::parse(receive_body(request)).at("ReceiveRequestAttemptId"), "again");
}

TEST(SqsRequests, EntriesOfABatchAreNumbered) {
  std::vector<BatchEntry> entries(3);
  SendEntry fifo;
  fifo.body = "a \"quoted\"\nbody";
  fifo.group_id = "g";
  fifo.deduplication_id = "d";
  entries[0].members = send_members(fifo);
  SendEntry standard;
  standard.body = "later";
  standard.delay = std::chrono::seconds(900);
  entries[1].members = send_members(standard);
  entries[2].members = visibility_members("r\\", std::chrono::seconds(0));
  expect_json(batch_body("https://q", entries), R"({"QueueUrl":"https://q","Entries":[
      {"Id":"0","MessageBody":"a \"quoted\"\nbody","MessageGroupId":"g",
       "MessageDeduplicationId":"d"},
      {"Id":"1","MessageBody":"later","DelaySeconds":900},
      {"Id":"2","ReceiptHandle":"r\\","VisibilityTimeout":0}]})");
  expect_json("{" + delete_members("r") + "}", R"({"ReceiptHandle":"r"})");
}

TEST(SqsRequests, QueuesAreAskedForByNameAndMadeWithTheirAttributes) {
  expect_json(get_queue_url_body("q"), R"({"QueueName":"q"})");
  expect_json(get_queue_attributes_body("u"), R"({"QueueUrl":"u","AttributeNames":["All"]})");
  expect_json(create_queue_body("q", {{"A", "1"}, {"B", "\"x\""}}),
              R"({"QueueName":"q","Attributes":{"A":"1","B":"\"x\""}})");
}

TEST(SqsAnswers, MessagesAreRead) {
  const auto messages = read_messages(json::parse(R"({"Messages":[
      {"MessageId":"m","ReceiptHandle":"r","Body":"b",
       "Attributes":{"ApproximateReceiveCount":"3","MessageGroupId":"g",
                     "ApproximateFirstReceiveTimestamp":"1800000000123"}},
      {"MessageId":5,"Attributes":{"ApproximateReceiveCount":"0"}}, 7]})"));
  ASSERT_THAT(messages, SizeIs(3));
  EXPECT_EQ(messages[0].message_id, "m");
  EXPECT_EQ(messages[0].receipt_handle, "r");
  EXPECT_EQ(messages[0].body, "b");
  EXPECT_EQ(messages[0].group_id, "g");
  EXPECT_EQ(messages[0].receive_count, 3U);
  EXPECT_EQ(messages[0].first_received, TimePoint(std::chrono::milliseconds(1'800'000'000'123)));
  EXPECT_EQ(messages[1].first_received, TimePoint());
  EXPECT_EQ(messages[1].message_id, "");
  EXPECT_EQ(messages[1].receive_count, 1U);
  EXPECT_THAT(read_messages(json::parse("{}")), SizeIs(0));
  EXPECT_THAT(read_messages(json::parse(R"({"Messages":{}})")), SizeIs(0));
}

TEST(SqsAnswers, WhatIsNotCountedAsDoneHasFailed) {
  const auto failures = read_failures(json::parse(R"({
      "Successful":[{"Id":"0"},{"Id":"9"},{"Id":"x"},{}],
      "Failed":[{"Id":"2","Code":"InternalError","Message":"m","SenderFault":false},
                {"Id":"1","Code":"InvalidParameterValue","SenderFault":true},
                {"Id":"0","Code":"Odd"},{"Id":"77"},{}]})"),
                                      4);
  ASSERT_THAT(failures, SizeIs(3));
  EXPECT_EQ(failures[0].place, 1U);
  EXPECT_EQ(failures[0].code, "InvalidParameterValue");
  EXPECT_TRUE(failures[0].sender_fault);
  EXPECT_EQ(failures[1].place, 2U);
  EXPECT_EQ(failures[1].message, "m");
  EXPECT_FALSE(failures[1].sender_fault);
  EXPECT_EQ(failures[2].place, 3U);  // of which the answer says nothing
  EXPECT_EQ(failures[2].code, "");
  EXPECT_THAT(read_failures(json::parse("{}"), 2), SizeIs(2));
}

TEST(SqsAnswers, AttributesAreTexts) {
  const auto found = read_attributes(json::parse(R"({"Attributes":{"QueueArn":"arn","Odd":5}})"));
  EXPECT_EQ(found, (QueueAttributes{{"QueueArn", "arn"}}));
  EXPECT_TRUE(read_attributes(json::parse("{}")).empty());
}

}  // namespace
}  // namespace sagabus::sqs
