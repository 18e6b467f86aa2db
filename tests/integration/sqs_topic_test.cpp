// Topics of SNS before the queues: made, found, looked at, lost; and what goes through them.
#include <fmt/ranges.h>

#include <future>

#include "aws/form.hpp"
#include "aws/xml.hpp"
#include "integration/lossy_http.hpp"
#include "integration/sqs_support.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/saga.hpp"
#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct PageRead {
  std::string book;
};
SAGABUS_MESSAGE(PageRead, book)
struct ReaderState {
  int pages = 0;
};
SAGABUS_DESCRIBE(ReaderState, pages)

class SqsTopic : public SqsTest {
 protected:
  using OrderBy = std::function<std::string(const Envelope&)>;

  static void subscribe(const Transport& transport, std::string endpoint,
                        std::vector<std::string> types = {"Taken"}, OrderBy order_by = {}) {
    Subscription subscription;
    subscription.endpoint = std::move(endpoint);
    subscription.types = std::move(types);
    subscription.order_by = std::move(order_by);
    sync_wait(transport.backend()->subscribe(std::move(subscription)));
  }
  static void publish(const Transport& transport, Envelope message) {
    std::vector<SendRequest> one(1, request(std::move(message), ""));
    send(transport, std::move(one));
  }
  static std::uint64_t requests(const Transport& transport, const std::string& operation) {
    const Usage usage = transport.usage();
    const auto found = usage.requests.find(operation);
    return found == usage.requests.end() ? 0 : found->second;
  }
  // Of all that is there, or comes within the time.
  static std::vector<std::string> ids(const Transport& transport, const std::string& endpoint,
                                      std::chrono::milliseconds time = 5000ms) {
    std::vector<std::string> out;
    for (;;) {
      auto deliveries = receive_within(transport, out.empty() ? time : 300ms, endpoint);
      if (deliveries.empty()) return out;
      for (Delivery& delivery : deliveries) {
        out.push_back(delivery.envelope->id);
        acknowledge(transport, std::move(delivery));
      }
    }
  }

  // The low-level way, as any other program does.
  aws::Element ask(std::string_view operation, std::string form) {
    aws::Outcome outcome = sync_wait(topics_.aws().call(operation, std::move(form)));
    if (!outcome) aws::throw_service_error(outcome.error());
    return aws::parse_xml(outcome->body, 2000).value();
  }
  std::string topic_arn(const Transport& transport, const std::string& type = "Taken") {
    return "arn:aws:sns:us-east-1:000000000000:" + transport.topic_name(type);
  }
  TopicAttributes topic_attributes(const Transport& transport) {
    return read_topic_attributes(
        ask(kGetTopicAttributes, get_topic_attributes_form(topic_arn(transport))));
  }
  // Of an endpoint's queue to the topic; empty where there is none.
  std::string subscription(const Transport& transport, const std::string& endpoint,
                           const std::string& type = "Taken") {
    return find_subscription(
        ask(kListSubscriptions, list_subscriptions_form(topic_arn(transport, type), "")),
        attribute(transport, endpoint, "QueueArn"));
  }
  std::string raw_body(const Transport& transport, const std::string& endpoint) {
    const auto answer = call(
        "ReceiveMessage",
        {{"QueueUrl", url(transport, endpoint)}, {"WaitTimeSeconds", 5}, {"VisibilityTimeout", 0}});
    return std::string(answer.at("Messages").at(0).at("Body").as_string());
  }

  void delete_topic(const Transport& transport) {
    aws::Form form("DeleteTopic", "2010-03-31");
    form.add("TopicArn", topic_arn(transport));
    ask("DeleteTopic", std::move(form).text());
  }

  ClientOptions elsewhere() const {
    ClientOptions out = client_options();
    out.region = "eu-west-1";
    return out;
  }

  TopicClient topics_{client_options()};
};

// What was committed must be fit to leave: the bus measures a message without its escapes.
TEST_F(SqsTopic, OneThatItsEscapesAloneMakeTooLargeGoesWithoutThem) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  std::string smiles;
  for (int i = 0; i < 30'000; ++i) smiles += "\xF0\x9F\x98\x80";
  Envelope message = envelope("m1");
  message.payload = Value(Object{{"text", Value(smiles)}});
  ASSERT_LT(to_json(message).size(), transport.backend()->max_message_bytes());
  publish(transport, message);
  EXPECT_EQ(receive(transport, 10, "a").front().envelope->payload, message.payload);
}

TEST_F(SqsTopic, OneRequestReachesEveryQueue) {
  const Transport transport(options_with_topics());
  for (const char* endpoint : {"a", "b", "c"}) subscribe(transport, endpoint);
  publish(transport, envelope("m1", "key"));
  EXPECT_EQ(requests(transport, "PublishBatch"), 1U);
  EXPECT_EQ(requests(transport, "SendMessageBatch"), 0U);
  EXPECT_EQ(transport.usage().sent, 1U);
  for (const char* endpoint : {"a", "b", "c"}) {
    const Delivery delivery = receive(transport, 10, endpoint).front();
    EXPECT_EQ(delivery.envelope->id, "m1");
    EXPECT_EQ(delivery.order_key, "key");
    EXPECT_THAT(delivery.envelope->headers, IsEmpty());
  }
}

TEST_F(SqsTopic, TheBodyIsThatOfAMessageSentStraight) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  Envelope message = envelope("m1", "key");
  message.payload = Value(Object{{"text", Value("a&b=c %41+\xf0\x9f\x9a\x80 \xef\xbf\xbe <x>")}});
  publish(transport, message);
  std::vector<SendRequest> straight(1, request(message, "b"));
  send(transport, std::move(straight));
  EXPECT_EQ(raw_body(transport, "a"), raw_body(transport, "b"));
}

TEST_F(SqsTopic, OneRequestReachesThreeSagas) {
  const Transport transport(options_with_topics());
  std::atomic<int> left = 3;
  std::promise<void> all;
  BusOptions here;
  here.transport = transport;
  here.store = memory::SagaStore();
  for (const char* name : {"One", "Two", "Three"}) {
    here.sagas.push_back(saga<ReaderState>(name)
                             .correlate<PageRead>(&PageRead::book, can_start)
                             .initial([](const PageRead&) { return ReaderState{}; })
                             .on<PageRead>()
                             .handle([&](const PageRead&, ReaderState& s) {
                               ++s.pages;
                               if (--left == 0) all.set_value();
                             })
                             .build());
  }
  Bus bus(std::move(here));
  sync_wait(bus.start());
  sync_wait(bus.publish(PageRead{"b"}));
  EXPECT_EQ(all.get_future().wait_for(20s), std::future_status::ready);
  sync_wait(bus.stop());
  EXPECT_EQ(requests(transport, "PublishBatch"), 1U);
  EXPECT_EQ(requests(transport, "SendMessageBatch"), 0U);
}

// As sagas that correlate by functions, where the options say that it is the same.
TEST_F(SqsTopic, SagasThatShareAnOrderShareAGroup) {
  TransportOptions here = options_with_topics();
  here.topics.types = {{.type = "Taken", .group_by = "number"}};
  const Transport transport(std::move(here));
  const auto number = [](const Envelope& e) {
    return std::to_string(*e.payload.find("number")->if_int64());
  };
  for (const char* endpoint : {"a", "b", "c"}) subscribe(transport, endpoint, {"Taken"}, number);
  publish(transport, envelope("m1", "key"));
  EXPECT_EQ(requests(transport, "PublishBatch"), 1U);
  EXPECT_EQ(requests(transport, "SendMessageBatch"), 0U);
  EXPECT_EQ(receive(transport, 10, "b").front().order_key, "1");
  EXPECT_THAT(log(), Each(Not(HasSubstr("straight"))));
}

TEST_F(SqsTopic, WhereOrdersDifferMessagesGoStraight) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a", {"Taken"}, [](const Envelope&) { return "of-a"; });
  subscribe(transport, "b", {"Taken"}, [](const Envelope&) { return "of-b"; });
  publish(transport, envelope("m1"));
  EXPECT_EQ(requests(transport, "PublishBatch"), 0U);
  EXPECT_EQ(receive(transport, 10, "a").front().order_key, "of-a");
  EXPECT_EQ(receive(transport, 10, "b").front().order_key, "of-b");
  EXPECT_THAT(log(), Contains(HasSubstr("Taken goes straight to the queues of a, b")));
  // What others publish to the topic reaches them all the same.
  const Transport other(options_with_topics());
  publish(other, envelope("m2", "key"));
  EXPECT_EQ(requests(other, "PublishBatch"), 1U);
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m2"));
  EXPECT_THAT(ids(transport, "b"), ElementsAre("m2"));
}

TEST_F(SqsTopic, WhatIsForOneEndpointGoesStraight) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  subscribe(transport, "b");
  send(transport, envelope("m1"));  // to a
  EXPECT_EQ(requests(transport, "PublishBatch"), 0U);
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1"));
  EXPECT_THAT(ids(transport, "b", 300ms), IsEmpty());
}

TEST_F(SqsTopic, WhatComesBothWaysComesOnce) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  publish(transport, envelope("m1", "key"));
  publish(transport, envelope("m1", "key"));
  send(transport, envelope("m1", "key"));
  TransportOptions without = options();
  without.routes = {{.type = "Taken", .endpoint = "a"}};
  publish(Transport(without), envelope("m1", "key"));  // as before a deploy
  publish(transport, envelope("m2", "key"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1", "m2"));
}

TEST_F(SqsTopic, IsMadeAndMaySendToTheQueueThatHearsOfIt) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a", {"Taken", "Odd.Type"});
  const TopicAttributes attributes = topic_attributes(transport);
  EXPECT_EQ(attributes.at("FifoTopic"), "true");
  EXPECT_EQ(attributes.at("FifoThroughputScope"), "MessageGroup");
  const auto subscribed = read_topic_attributes(ask(
      kGetSubscriptionAttributes, get_subscription_attributes_form(subscription(transport, "a"))));
  EXPECT_EQ(subscribed.at("RawMessageDelivery"), "true");
  const std::string policy = attribute(transport, "a", "Policy");
  EXPECT_THAT(policy,
              AllOf(HasSubstr(topic_arn(transport)), HasSubstr(topic_arn(transport, "Odd.Type")),
                    HasSubstr(attribute(transport, "a", "QueueArn"))));
  EXPECT_EQ(requests(transport, "SetQueueAttributes"), 0U);  // it was made with it
  // Whoever comes later finds all of it as it should be.
  const Transport again(options_with_topics());
  subscribe(again, "a", {"Taken", "Odd.Type"});
  EXPECT_EQ(requests(again, "CreateQueue") + requests(again, "SetQueueAttributes"), 0U);
  EXPECT_THAT(log(), Each(HasSubstr("made the queue")));
  EXPECT_EQ(attribute(transport, "a", "Policy"), policy);
}

TEST_F(SqsTopic, AQueueThatIsThereLetsMoreTopicsIn) {
  const Transport before(options());
  sync_wait(before.backend()->subscribe({.endpoint = "a", .types = {"Taken"}}));
  call(
      "SetQueueAttributes",
      {{"QueueUrl", url(before, "a")},
       {"Attributes", {{"Policy", R"({"Version":"2012-10-17","Statement":[{"Sid":"Theirs"}]})"}}}});
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  EXPECT_EQ(requests(transport, "SetQueueAttributes"), 1U);
  EXPECT_THAT(attribute(transport, "a", "Policy"),
              AllOf(HasSubstr("Theirs"), HasSubstr(topic_arn(transport))));
}

TEST_F(SqsTopic, AQueueThatIsMadeAnewLetsThemInAgain) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  call("DeleteQueue", {{"QueueUrl", url(transport, "a")}});
  EXPECT_THROW(send(transport, envelope("m1")), NotFound);
  send(transport, envelope("m2"));
  EXPECT_THAT(attribute(transport, "a", "Policy"), HasSubstr(topic_arn(transport)));
  publish(transport, envelope("m3"));
  EXPECT_THAT(ids(transport, "a"), ::testing::UnorderedElementsAre("m2", "m3"));
}

TEST_F(SqsTopic, ThatDiffersIsUsedAndSaid) {
  const Transport transport(options_with_topics());
  const std::string name = transport.topic_name("Taken");
  ask(kCreateTopic,
      create_topic_form(name, {{"FifoTopic", "true"}, {"FifoThroughputScope", "Topic"}}));
  const Transport before(options());
  sync_wait(before.backend()->subscribe({.endpoint = "a", .types = {"Taken"}}));
  ask(kSubscribe, subscribe_form(topic_arn(transport), attribute(before, "a", "QueueArn"),
                                 {{"RawMessageDelivery", "false"}}));
  subscribe(transport, "a");
  EXPECT_THAT(log(), Contains(AllOf(HasSubstr("the topic " + topic_arn(transport)),
                                    HasSubstr("FifoThroughputScope is Topic, expected "
                                              "MessageGroup"))));
  EXPECT_THAT(log(), Contains(AllOf(HasSubstr("the subscription of"),
                                    HasSubstr("RawMessageDelivery is false, expected true"))));
  publish(transport, envelope("m1"));
  EXPECT_TRUE(receive(transport, 10, "a").front().malformed);  // in SNS's own clothes
}

// With the permissions of the guide.
TEST_F(SqsTopic, NeedsOnlyToPublishWhereAllIsMade) {
  {
    const Transport maker(options_with_topics());
    subscribe(maker, "a");
  }
  TransportOptions here = options_with_topics();
  here.create_queues = false;
  const Transport transport(here);
  subscribe(transport, "a");
  publish(transport, envelope("m1"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1"));
  std::vector<std::string> operations;
  for (const auto& [operation, count] : transport.usage().requests) operations.push_back(operation);
  EXPECT_THAT(operations, ElementsAre("DeleteMessageBatch", "GetQueueAttributes", "GetQueueUrl",
                                      "PublishBatch", "ReceiveMessage"));
  EXPECT_THAT(log(), Each(HasSubstr("made the queue")));
  subscribe(transport, "a", {"Taken", "Other"});
  EXPECT_THAT(log(), Contains(AllOf(HasSubstr("does not let the topic"),
                                    HasSubstr(topic_arn(transport, "Other")))));
  EXPECT_THROW(subscribe(transport, "nobody"), NotFound);
}

TEST_F(SqsTopic, OfAnUnknownAccountIsSaid) {
  TransportOptions here = options_with_topics();
  here.create_queues = false;
  try {
    publish(Transport(here), envelope("m1"));
    FAIL() << "nothing thrown";
  } catch (const NotFound& error) {
    EXPECT_THAT(error.what(), HasSubstr("topics.arn_prefix"));
  }
  const Transport maker(options_with_topics());
  subscribe(maker, "a");
  here.topics.arn_prefix = "arn:aws:sns:us-east-1:000000000000:";
  publish(Transport(here), envelope("m2"));
  EXPECT_THAT(ids(maker, "a"), ElementsAre("m2"));
}

TEST_F(SqsTopic, MayBearANameOfItsOwn) {
  const std::string name = prefix_ + "other.fifo";
  const std::string arn =
      read_text(ask(kCreateTopic, create_topic_form(name, {{"FifoTopic", "true"}})), "TopicArn");
  TransportOptions here = options_with_topics();
  here.topics.types = {{.type = "Taken", .arn = arn}};
  const Transport transport(std::move(here));
  subscribe(transport, "a");
  EXPECT_EQ(transport.topic_name("Taken"), name);
  publish(transport, envelope("m1"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1"));
  EXPECT_EQ(requests(transport, "CreateTopic"), 0U);
}

// The topics say nothing of where it is: its dead letters do, which are beside it.
TEST_F(SqsTopic, AQueueThatIsMadeForTopicsOfAnotherRegionIsKnownByItsOwnArn) {
  TransportOptions here = options_with_topics();
  here.topics.client = TopicClient(elsewhere());
  const Transport transport(std::move(here));
  subscribe(transport, "a");
  const std::string queue_arn = attribute(transport, "a", "QueueArn");
  const std::string topic = "arn:aws:sns:eu-west-1:000000000000:" + transport.topic_name("Taken");
  EXPECT_THAT(attribute(transport, "a", "Policy"), AllOf(HasSubstr(queue_arn), HasSubstr(topic)));
  EXPECT_NE(
      find_subscription(ask(kListSubscriptions, list_subscriptions_form(topic, "")), queue_arn),
      "");
  publish(transport, envelope("m1"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1"));
}

// It may be anywhere.
TEST_F(SqsTopic, AQueueWithAUrlSaysNothingOfWhereTheTopicsAre) {
  const Client abroad(elsewhere());
  const std::string queue = boost::json::serialize(boost::json::object{
      {"QueueName", prefix_ + "abroad.fifo"}, {"Attributes", {{"FifoQueue", "true"}}}});
  const aws::Outcome made = sync_wait(abroad.aws().call("CreateQueue", queue));
  ASSERT_TRUE(made);
  {
    const Transport maker(options_with_topics());
    subscribe(maker, "a");
  }
  TransportOptions here = options_with_topics();
  here.create_queues = false;
  here.queue_urls = {
      {"abroad", std::string(boost::json::parse(made->body).at("QueueUrl").as_string())}};
  const Transport transport(std::move(here));
  subscribe(transport, "a");
  subscribe(transport, "abroad");
  EXPECT_THAT(log(), Contains(AllOf(HasSubstr("abroad.fifo: its policy does not let the topic"),
                                    HasSubstr(topic_arn(transport)))));
  publish(transport, envelope("m1"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1"));
}

TEST_F(SqsTopic, ATypeThatIsNoLongerTakenIsLeftOrSaid) {
  {
    const Transport transport(options_with_topics());
    subscribe(transport, "a", {"Taken", "Other"});
    EXPECT_NE(subscription(transport, "a", "Other"), "");
    subscribe(transport, "a", {"Taken"});
    EXPECT_EQ(subscription(transport, "a", "Other"), "");
    EXPECT_NE(subscription(transport, "a", "Taken"), "");
  }
  // Another process cannot tell whether the first one runs still.
  const Transport later(options_with_topics());
  subscribe(later, "a", {"Other"});
  EXPECT_THAT(log(), Contains(AllOf(HasSubstr("may still hear of the topic"),
                                    HasSubstr(topic_arn(later, "Taken")))));
  EXPECT_NE(subscription(later, "a", "Taken"), "");
}

TEST_F(SqsTopic, ThatIsDeletedIsMadeAnewWithThoseWhoHeardOfIt) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  delete_topic(transport);
  EXPECT_THROW(publish(transport, envelope("m1")), NotFound);
  publish(transport, envelope("m2"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m2"));
}

// What is published to a topic that nobody hears of is lost, and nobody is told.
TEST_F(SqsTopic, ThatIsMadeAnewIsNotUsedBeforeThoseWhoHeardOfItDoAgain) {
  const auto http = std::make_shared<test::LossyHttp>(test::sqs_endpoint());
  ClientOptions lossy = client_options();
  lossy.http = http;
  TransportOptions here = options_with_topics();
  here.topics.client = TopicClient(lossy);
  const Transport transport(std::move(here));
  subscribe(transport, "a");
  delete_topic(transport);
  http->answer("Subscribe", 403, "<Error><Code>AuthorizationError</Code></Error>");
  EXPECT_THROW(publish(transport, envelope("m1")), NotFound);
  try {
    publish(transport, envelope("m2"));
  } catch (const AccessDenied&) {  // where it came while the topic was made
    publish(transport, envelope("m2"));
  }
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m2"));
  EXPECT_EQ(requests(transport, "Subscribe"), 3U);
}

TEST_F(SqsTopic, LargeMessagesDoNotShareARequestThatWouldBeTooLarge) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  std::vector<SendRequest> batch;
  for (int i = 0; i < 6; ++i) {
    Envelope large = envelope(fmt::format("m{}", i));
    large.payload = Value(Object{{"text", Value(std::string(100'000, '"'))}});
    batch.push_back(request(std::move(large), ""));
  }
  EXPECT_EQ(transport.backend()->max_message_bytes(), 248U * 1024);
  send(transport, std::move(batch));
  EXPECT_EQ(requests(transport, "PublishBatch"), 6U);  // 200 kB each, with their escapes
  Envelope larger = envelope("larger");
  larger.payload = Value(Object{{"text", Value(std::string(300'000, 'x'))}});
  try {
    publish(transport, larger);
    FAIL() << "nothing thrown";
  } catch (const ValidationError& error) {
    EXPECT_THAT(error.what(),
                AllOf(HasSubstr("Taken: a message of 3001"),
                      HasSubstr(transport.topic_name("Taken") + " takes at most 262144")));
  }
}

TEST_F(SqsTopic, UnderLoadTenMessagesShareARequest) {
  const Transport transport(options_with_topics());
  subscribe(transport, "a");
  subscribe(transport, "b");
  std::vector<SendRequest> batch;
  for (int i = 0; i < 100; ++i) batch.push_back(request(envelope(fmt::format("m{}", i)), ""));
  send(transport, std::move(batch));
  EXPECT_EQ(requests(transport, "PublishBatch"), 10U);
  EXPECT_EQ(transport.usage().sent, 100U);
}

TEST_F(SqsTopic, StandardTopicsHaveNoOrder) {
  TransportOptions here = options_with_topics();
  here.fifo = false;
  const Transport transport(std::move(here));
  subscribe(transport, "a", {"Taken"}, [](const Envelope&) { return "of-a"; });
  subscribe(transport, "b", {"Taken"}, [](const Envelope&) { return "of-b"; });
  publish(transport, envelope("m1"));
  EXPECT_EQ(requests(transport, "PublishBatch"), 1U);
  EXPECT_FALSE(topic_attributes(transport).contains("FifoTopic"));
  EXPECT_THAT(ids(transport, "a"), ElementsAre("m1"));
  EXPECT_THAT(ids(transport, "b"), ElementsAre("m1"));
  std::vector<SendRequest> later(1, request(envelope("m2"), ""));
  later[0].not_before = system_clock()->now() + 5s;
  EXPECT_THROW(send(transport, later), Unsupported);
}

}  // namespace
}  // namespace sagabus::sqs
