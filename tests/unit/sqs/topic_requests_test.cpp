#include "sqs/topic_requests.hpp"

#include <gmock/gmock.h>

namespace sagabus::sqs {
namespace {

using ::testing::EndsWith;
using ::testing::SizeIs;

TEST(SqsTopicRequests, AreForms) {
  EXPECT_EQ(create_topic_form("shop-T.fifo", {{"FifoTopic", "true"}, {"X", "a b"}}),
            "Action=CreateTopic&Version=2010-03-31&Name=shop-T.fifo"
            "&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true"
            "&Attributes.entry.2.key=X&Attributes.entry.2.value=a%20b");
  EXPECT_EQ(subscribe_form("arn:t", "arn:q", {{"RawMessageDelivery", "true"}}),
            "Action=Subscribe&Version=2010-03-31&TopicArn=arn%3At&Protocol=sqs&Endpoint=arn%3Aq"
            "&ReturnSubscriptionArn=true"
            "&Attributes.entry.1.key=RawMessageDelivery&Attributes.entry.1.value=true");
  EXPECT_EQ(unsubscribe_form("arn:s"),
            "Action=Unsubscribe&Version=2010-03-31&SubscriptionArn=arn%3As");
  EXPECT_EQ(get_topic_attributes_form("arn:t"),
            "Action=GetTopicAttributes&Version=2010-03-31&TopicArn=arn%3At");
  EXPECT_EQ(get_subscription_attributes_form("arn:s"),
            "Action=GetSubscriptionAttributes&Version=2010-03-31&SubscriptionArn=arn%3As");
  EXPECT_EQ(list_subscriptions_form("arn:t", ""),
            "Action=ListSubscriptionsByTopic&Version=2010-03-31&TopicArn=arn%3At");
  EXPECT_THAT(list_subscriptions_form("arn:t", "a+b"), EndsWith("&NextToken=a%2Bb"));
}

TEST(SqsTopicRequests, ABatchNumbersItsEntries) {
  std::vector<BatchEntry> entries(2);
  entries[0].members = publish_members("{\"a\":\"x&y=z\"}", "g 1", "d");
  entries[1].members = publish_members("m", "", "");
  EXPECT_EQ(publish_form("arn:t", entries),
            "Action=PublishBatch&Version=2010-03-31&TopicArn=arn%3At"
            "&PublishBatchRequestEntries.member.1.Id=0"
            "&PublishBatchRequestEntries.member.1.Message=%7B%22a%22%3A%22x%26y%3Dz%22%7D"
            "&PublishBatchRequestEntries.member.1.MessageGroupId=g%201"
            "&PublishBatchRequestEntries.member.1.MessageDeduplicationId=d"
            "&PublishBatchRequestEntries.member.2.Id=1"
            "&PublishBatchRequestEntries.member.2.Message=m");
}

TEST(SqsTopicAnswers, SayWhatWasNotPublished) {
  const auto answer = aws::parse_xml(
      "<PublishBatchResponse><PublishBatchResult><Failed>"
      "<member><Id>2</Id><Code>InternalError</Code><Message>m</Message>"
      "<SenderFault>false</SenderFault></member>"
      "<member><Id>1</Id><Code>InvalidParameter</Code><SenderFault>true</SenderFault></member>"
      "<member/></Failed><Successful><member><Id>0</Id><MessageId>x</MessageId></member>"
      "<member><Id>77</Id></member></Successful></PublishBatchResult></PublishBatchResponse>",
      100);
  ASSERT_TRUE(answer);
  const auto failures = read_publish_failures(*answer, 4);
  ASSERT_THAT(failures, SizeIs(3));
  EXPECT_EQ(failures[0].place, 1U);
  EXPECT_EQ(failures[0].code, "InvalidParameter");
  EXPECT_TRUE(failures[0].sender_fault);
  EXPECT_EQ(failures[1].place, 2U);
  EXPECT_EQ(failures[1].message, "m");
  EXPECT_FALSE(failures[1].sender_fault);
  EXPECT_EQ(failures[2].place, 3U);  // of which the answer says nothing
}

TEST(SqsTopicAnswers, AreReadByName) {
  const auto attributes = aws::parse_xml(
      "<R><Attributes><entry><key>A</key><value>1</value></entry>"
      "<entry><key>B</key><value/></entry></Attributes><TopicArn>arn:t</TopicArn></R>",
      100);
  EXPECT_EQ(read_topic_attributes(*attributes), (TopicAttributes{{"A", "1"}, {"B", ""}}));
  EXPECT_EQ(read_text(*attributes, "TopicArn"), "arn:t");
  EXPECT_EQ(read_text(*attributes, "NextToken"), "");
  const auto page = aws::parse_xml(
      "<R><Subscriptions><member><SubscriptionArn>s1</SubscriptionArn><Protocol>lambda</Protocol>"
      "<Endpoint>q</Endpoint></member><member><SubscriptionArn>s2</SubscriptionArn>"
      "<Protocol>sqs</Protocol><Endpoint>q</Endpoint></member></Subscriptions></R>",
      100);
  EXPECT_EQ(find_subscription(*page, "q"), "s2");
  EXPECT_EQ(find_subscription(*page, "r"), "");
}

}  // namespace
}  // namespace sagabus::sqs
