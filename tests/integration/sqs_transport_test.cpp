// What is particular to SQS: order, visibility, bodies of others, and what becomes of a receiver
// that goes away.
#include <boost/asio/io_context.hpp>
#include <thread>

#include "integration/sqs_support.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::sqs {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SqsTransport : public SqsTest {
 protected:
  // As the service has it, without a transport.
  boost::json::value raw_message(const Transport& transport) {
    const auto answer = call("ReceiveMessage", {{"QueueUrl", url(transport, "a")},
                                                {"WaitTimeSeconds", 5},
                                                {"MessageSystemAttributeNames", {"All"}}});
    return answer.at("Messages").at(0);
  }
  void send_raw(const Transport& transport, const std::string& body,
                const std::string& group = "g") {
    call("SendMessage", {{"QueueUrl", url(transport, "a")},
                         {"MessageBody", body},
                         {"MessageGroupId", group},
                         {"MessageDeduplicationId", new_nonce(*system_random())}});
  }
};

TEST_F(SqsTransport, TheFamilysMessagesGoBothWays) {
  const Transport transport(options());
  send(transport, envelope("m1", "order-7"));
  const auto message = raw_message(transport);
  EXPECT_EQ(message.at("Attributes").at("MessageGroupId"), "order-7");
  const Value body = parse_json(std::string(message.at("Body").as_string()));
  EXPECT_EQ(to_json(body),
            R"({"id":"m1","type":"Taken","payload":{"number":1},"headers":{"x-endpoint":"Taken"},)"
            R"("timestamp":"2027-01-15T08:00:00.000Z","partitionKey":"order-7"})");
  call("DeleteMessage",
       {{"QueueUrl", url(transport, "a")}, {"ReceiptHandle", message.at("ReceiptHandle")}});

  send_raw(transport,
           R"({"id":"ts-1","type":"Taken","payload":{"type":"Taken","number":2},)"
           R"("headers":{"x-endpoint":"Taken","traceparent":"00-1-2-01"},)"
           R"("timestamp":"2026-01-02T03:04:05.678Z"})",
           "order-8");
  const auto deliveries = receive(transport);
  ASSERT_EQ(deliveries.size(), 1U);
  const Envelope& found = *deliveries[0].envelope;
  EXPECT_EQ(found.id, "ts-1");
  EXPECT_EQ(found.headers, (Headers{{"traceparent", "00-1-2-01"}}));
  EXPECT_EQ(*found.payload.find("number"), Value(2));
  EXPECT_EQ(deliveries[0].order_key, "order-8");
}

TEST_F(SqsTransport, ABodyThatIsNoEnvelopeComesAsItIs) {
  const Transport transport(options());
  send(transport, envelope("first"));
  acknowledge(transport, receive(transport).front());
  send_raw(transport, "hello");
  const auto deliveries = receive(transport);
  ASSERT_EQ(deliveries.size(), 1U);
  ASSERT_TRUE(deliveries[0].malformed);
  EXPECT_EQ(deliveries[0].malformed->body, "hello");
  EXPECT_FALSE(deliveries[0].malformed->problem.empty());
  acknowledge(transport, deliveries[0]);
}

TEST_F(SqsTransport, AMessageThatIsTooLargeIsRefusedWithItsSize) {
  TransportOptions here = options();
  here.max_message_bytes = 20'000;
  const Transport transport(std::move(here));
  Envelope large = envelope("m");
  large.payload = Value(Object{{"text", Value(std::string(30'000, 'x'))}});
  try {
    send(transport, large);
    FAIL() << "nothing thrown";
  } catch (const ValidationError& error) {
    EXPECT_THAT(error.what(), HasSubstr("Taken: a message of 301"));
    EXPECT_THAT(error.what(), HasSubstr("at most 20000"));
  }
  EXPECT_EQ(transport.usage().total_requests(), 0U);
}

TEST_F(SqsTransport, LargeMessagesDoNotShareARequestThatWouldBeTooLarge) {
  const Transport transport(options());
  std::vector<SendRequest> requests;
  for (int i = 0; i < 6; ++i) {
    Envelope large = envelope(fmt::format("m{}", i));
    large.payload = Value(Object{{"text", Value(std::string(400'000, 'x'))}});
    requests.push_back(request(std::move(large)));
  }
  send(transport, std::move(requests));
  EXPECT_EQ(transport.usage().sent, 6U);
  EXPECT_EQ(transport.usage().requests.at("SendMessageBatch"), 3U);
}

TEST_F(SqsTransport, AFifoQueueHasNoDelays) {
  const Transport transport(options());
  std::vector<SendRequest> one(1, request(envelope("m")));
  one[0].not_before = system_clock()->now() + 5s;
  EXPECT_THROW(send(transport, one), Unsupported);
  one[0].not_before = system_clock()->now() - 5s;
  send(transport, one);
}

TEST_F(SqsTransport, AStandardQueueDelaysAndKeepsNoOrder) {
  TransportOptions here = options();
  here.fifo = false;
  const Transport transport(std::move(here));
  std::vector<SendRequest> one(1, request(envelope("m", "key")));
  one[0].not_before = system_clock()->now() + 1s;
  send(transport, one);
  const auto deliveries = receive(transport);
  ASSERT_EQ(deliveries.size(), 1U);
  EXPECT_GE(system_clock()->now(), one[0].not_before);
  EXPECT_EQ(deliveries[0].order_key, "");
  one[0].not_before = system_clock()->now() + 16min;
  EXPECT_THROW(send(transport, one), Unsupported);
}

// Held for three times its visibility timeout, and still nobody else's.
TEST_F(SqsTransport, WhatIsInHandIsKeptHidden) {
  TransportOptions here = options();
  here.visibility_timeout = 2s;
  const Transport transport(here);
  const Transport other(here);
  send(transport, envelope("m"));
  const Delivery held = receive(transport).front();
  EXPECT_TRUE(receive_within(other, 6s).empty());
  const std::uint64_t renewals = transport.usage().requests.at("ChangeMessageVisibilityBatch");
  EXPECT_GE(renewals, 3U);
  EXPECT_LE(renewals, 6U);
  acknowledge(transport, held);
  EXPECT_TRUE(receive_within(other, 3s).empty());
  EXPECT_EQ(transport.usage().deleted, 1U);
  EXPECT_EQ(transport.usage().requests.at("ChangeMessageVisibilityBatch"), renewals);
}

TEST_F(SqsTransport, WhatIsDroppedIsNotKeptHidden) {
  TransportOptions here = options();
  here.visibility_timeout = 2s;
  const Transport transport(std::move(here));
  send(transport, envelope("m"));
  EXPECT_EQ(receive(transport).size(), 1U);  // and forgotten
  const auto again = receive_within(transport, 10s);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_TRUE(again[0].redelivered);
  EXPECT_EQ(again[0].failures, 0U);
}

TEST_F(SqsTransport, WhatWasHeldForTooLongIsNotAcknowledged) {
  TransportOptions here = options();
  here.visibility_timeout = 1s;
  here.max_visibility = 2s;
  const Transport transport(here);
  const Transport other(here);
  send(transport, envelope("m"));
  const Delivery held = receive(transport).front();
  const auto again = receive_within(other, 10s);
  ASSERT_EQ(again.size(), 1U);
  acknowledge(transport, held);
  give_back(transport, held);
  EXPECT_EQ(transport.usage().deleted, 0U);
  EXPECT_THAT(log(), ::testing::Contains(HasSubstr("held for longer than it may be")));
  acknowledge(other, again[0]);
  EXPECT_EQ(other.usage().deleted, 1U);
}

TEST_F(SqsTransport, ACancelledReceiverLeavesItsRequestToTheNext) {
  const Transport transport(options());
  send(transport, envelope("m0"));
  acknowledge(transport, receive(transport).front());
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(receive_within(transport, 5ms).empty());
  EXPECT_EQ(transport.usage().requests.at("ReceiveMessage"), 1U);  // the second is still open
  send(transport, envelope("m1"));
  EXPECT_EQ(receive(transport).front().envelope->id, "m1");
}

TEST_F(SqsTransport, WhatComesWhenNobodyWaitsGoesBackAtOnce) {
  const Transport transport(options());
  send(transport, envelope("m0"));
  acknowledge(transport, receive(transport).front());
  EXPECT_TRUE(receive_within(transport, 20ms).empty());  // leaves a request open
  const Transport other(options());
  send(other, envelope("m1"));
  const auto got = receive_within(other, 10s);  // long before its visibility timeout
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].envelope->id, "m1");
}

TEST_F(SqsTransport, EndsSoonAlthoughARequestIsOpen) {
  const auto begin = std::chrono::steady_clock::now();
  {
    const Transport transport(options());
    send(transport, envelope("m0"));
    acknowledge(transport, receive(transport).front());
    EXPECT_TRUE(receive_within(transport, 20ms).empty());
  }
  // The request itself would wait for 20 s.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 15s);
}

TEST_F(SqsTransport, AShortRequestIsOverWhenTheTransportIs) {
  const Transport other(options());
  for (int round = 0; round < 3; ++round) {
    {
      TransportOptions short_ones = options();
      short_ones.wait_time = 1s;
      const Transport transport(std::move(short_ones));
      EXPECT_TRUE(receive_within(transport, 20ms).empty());  // leaves a request open
    }
    send(other, envelope(fmt::format("m{}", round)));
    const auto got = receive_within(other, 10s);  // and nobody has taken it meanwhile
    ASSERT_EQ(got.size(), 1U);
    acknowledge(other, got[0]);
  }
}

TEST_F(SqsTransport, AContextMayEndWhileItsCoroutinesWait) {
  const Transport transport(options());
  for (int round = 0; round < 20; ++round) {
    boost::asio::io_context context(1);
    const auto forget = [](const std::exception_ptr&, const auto&...) {};
    boost::asio::co_spawn(context, transport.backend()->receive("a", 1), forget);
    std::vector<SendRequest> one(1, request(envelope(fmt::format("m{}", round))));
    boost::asio::co_spawn(context, transport.backend()->send(std::move(one)), forget);
    context.run_for(std::chrono::milliseconds(round % 4));
  }
  // Nothing hangs, and what was sent and not taken is there, or comes when its time runs out.
  send(transport, envelope("last"));
  EXPECT_FALSE(receive(transport).empty());
}

boost::asio::awaitable<void> receive_for_ever(std::shared_ptr<TransportBackend> transport) {
  for (;;) co_await transport->receive("a", 1);
}

TEST_F(SqsTransport, TheLastHandleMayGoWithTheContext) {
  for (int round = 0; round < 10; ++round) {
    boost::asio::io_context context(1);
    const auto forget = [](const std::exception_ptr&) {};
    boost::asio::co_spawn(context, receive_for_ever(Transport(options()).backend()), forget);
    context.run_for(std::chrono::milliseconds(round % 4));
  }
}

// A redrive, a retry: within the five minutes in which the service drops what it has seen.
TEST_F(SqsTransport, AnOrderKeyPutsAMessageBackInItsPlace) {
  const Transport transport(options());
  send(transport, envelope("m1", "k"));
  send(transport, envelope("m2", "k"));
  const Delivery first = receive(transport, 1).front();
  EXPECT_EQ(first.order_key, "k");
  std::vector<SendRequest> again(1, request(*first.envelope));
  again[0].order_key = first.order_key;
  again[0].deduplication_key = "m1/again";
  send(transport, again);
  acknowledge(transport, first);
  std::vector<std::string> ids;
  for (int i = 0; i < 2; ++i) {
    const Delivery next = receive(transport, 1).front();
    ids.push_back(next.envelope->id);
    acknowledge(transport, next);
  }
  EXPECT_THAT(ids, ElementsAre("m2", "m1"));
}

}  // namespace
}  // namespace sagabus::sqs
