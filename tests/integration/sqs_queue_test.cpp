// The queues of a transport: made, found, looked at, lost.
#include "integration/sqs_support.hpp"
#include "sagabus/error.hpp"

namespace sagabus::sqs {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SqsQueue : public SqsTest {
 protected:
  static void subscribe(const Transport& transport, std::string endpoint = "Orders") {
    Subscription subscription;
    subscription.endpoint = std::move(endpoint);
    subscription.types = {"Taken"};
    sync_wait(transport.backend()->subscribe(std::move(subscription)));
  }
};

TEST_F(SqsQueue, IsMadeWithItsDeadLettersWhenItIsSubscribed) {
  const Transport transport(options());
  subscribe(transport);
  EXPECT_EQ(attribute(transport, "Orders", "FifoQueue"), "true");
  EXPECT_EQ(attribute(transport, "Orders", "DeduplicationScope"), "messageGroup");
  EXPECT_EQ(attribute(transport, "Orders", "FifoThroughputLimit"), "perMessageGroupId");
  EXPECT_EQ(attribute(transport, "Orders", "MessageRetentionPeriod"), "1209600");
  EXPECT_EQ(attribute(transport, "Orders.dlq", "MessageRetentionPeriod"), "1209600");
  EXPECT_EQ(attribute(transport, "Orders.dlq", "RedrivePolicy"), "");
  const auto policy = boost::json::parse(attribute(transport, "Orders", "RedrivePolicy"));
  EXPECT_EQ(policy.at("deadLetterTargetArn").as_string(),
            attribute(transport, "Orders.dlq", "QueueArn"));
  EXPECT_EQ(policy.at("maxReceiveCount"), "50");
  subscribe(transport);
  const Transport again(options());
  subscribe(again);
  for (const std::string& line : log()) EXPECT_THAT(line, HasSubstr("made the queue"));
}

TEST_F(SqsQueue, OneForAllDeadLetters) {
  TransportOptions here = options();
  here.dead_letter.endpoint = "letters";
  here.dead_letter.max_receive_count = 7;
  const Transport transport(std::move(here));
  subscribe(transport);
  const auto policy = boost::json::parse(attribute(transport, "Orders", "RedrivePolicy"));
  EXPECT_EQ(policy.at("deadLetterTargetArn").as_string(),
            attribute(transport, "letters", "QueueArn"));
  EXPECT_EQ(policy.at("maxReceiveCount"), "7");
}

TEST_F(SqsQueue, IsNotMadeWhereThatIsNotAllowed) {
  TransportOptions here = options();
  here.create_queues = false;
  const Transport transport(std::move(here));
  try {
    subscribe(transport);
    FAIL() << "nothing thrown";
  } catch (const NotFound& error) {
    EXPECT_THAT(error.what(), HasSubstr(prefix_ + "-Orders.fifo"));
    EXPECT_THAT(error.what(), HasSubstr("create_queues"));
    EXPECT_EQ(error.service().resource, prefix_ + "-Orders.fifo");
  }
  EXPECT_THROW(send(transport, envelope("m")), NotFound);
  EXPECT_THROW(receive(transport), NotFound);
  // Once it is there, all goes on.
  const Transport maker(options());
  subscribe(maker, "a");
  send(transport, envelope("m"));
  EXPECT_EQ(receive(transport).size(), 1U);
}

TEST_F(SqsQueue, ThatDiffersIsUsedAndSaid) {
  const Transport transport(options());
  call("CreateQueue", {{"QueueName", transport.queue_name("Orders")},
                       {"Attributes", {{"FifoQueue", "true"}, {"MessageRetentionPeriod", "60"}}}});
  subscribe(transport);
  EXPECT_THAT(log(), Contains(HasSubstr("MessageRetentionPeriod is 60, expected 1209600")));
  EXPECT_THAT(log(), Contains(HasSubstr("DeduplicationScope is queue, expected messageGroup")));
  EXPECT_THAT(log(), Contains(HasSubstr("its dead letters go to nowhere, expected arn:aws:sqs:")));
}

TEST_F(SqsQueue, MayBearANameOfItsOwn) {
  const std::string name = prefix_ + "other.fifo";
  const auto made =
      call("CreateQueue", {{"QueueName", name}, {"Attributes", {{"FifoQueue", "true"}}}});
  TransportOptions here = options();
  here.create_queues = false;
  here.queue_urls = {{"a", std::string(made.at("QueueUrl").as_string())}};
  const Transport transport(std::move(here));
  EXPECT_EQ(transport.queue_name("a"), name);
  send(transport, envelope("m"));
  EXPECT_EQ(receive(transport).size(), 1U);
}

TEST_F(SqsQueue, ThatIsDeletedIsMadeAnew) {
  const Transport transport(options());
  send(transport, envelope("m1"));
  call("DeleteQueue", {{"QueueUrl", url(transport, "a")}});
  EXPECT_THROW(send(transport, envelope("m2")), NotFound);
  send(transport, envelope("m3"));
  const auto deliveries = receive(transport);
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_EQ(deliveries[0].envelope->id, "m3");
}

TEST_F(SqsQueue, NothingIsAskedBeforeItIsNeeded) {
  const Transport transport(options());
  EXPECT_EQ(transport.usage().total_requests(), 0U);
  EXPECT_THAT(log(), IsEmpty());
}

}  // namespace
}  // namespace sagabus::sqs
