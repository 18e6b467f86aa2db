// What a transport refuses to be built with.
#include <gmock/gmock.h>

#include <functional>

#include "sagabus/sqs/transport.hpp"

namespace sagabus::sqs {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

TransportOptions options() {
  TransportOptions out;
  out.region = "us-east-1";
  out.credentials = aws::static_credentials("test", "test");
  return out;
}

std::string problem_of(const std::function<void(TransportOptions&)>& spoil) {
  TransportOptions wrong = options();
  spoil(wrong);
  try {
    const Transport transport(std::move(wrong));
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "nothing";
}

TEST(SqsOptions, NeedNothingButARegion) {
  const Transport transport(options());
  EXPECT_EQ(transport.queue_name("OrderSaga"), "OrderSaga.fifo");
  EXPECT_EQ(transport.backend()->max_delay(), 0ms);
  EXPECT_EQ(transport.backend()->max_message_bytes(), 1024U * 1016);
  EXPECT_EQ(transport.usage().total_requests(), 0U);
}

// Holds nothing: the options are all that is looked at.
class NoClaims final : public ClaimStore {
 public:
  std::string describe() const override { return "nothing"; }
  boost::asio::awaitable<void> put(std::string, std::string) override { co_return; }
  boost::asio::awaitable<std::string> get(std::string, std::size_t) override {
    co_return std::string();
  }
};

TEST(SqsOptions, WithClaimsMessagesMayBeLarger) {
  TransportOptions here = options();
  EXPECT_EQ(Transport(here).backend()->pack_above(), TransportBackend::kNoLimit);
  here.claims = std::make_shared<NoClaims>();
  EXPECT_EQ(Transport(here).backend()->pack_above(), 256U * 1024);
  EXPECT_EQ(Transport(here).backend()->max_message_bytes(), 16U * 1024 * 1024 - 8192);
  here.claim_above = 1024 * 1024;  // more than a queue takes
  here.max_message_bytes = 256 * 1024;
  EXPECT_EQ(Transport(here).backend()->pack_above(), 248U * 1024);
}

TEST(SqsOptions, AsTheGuideHasThem) {
  // [transport]
  sagabus::sqs::TransportOptions options;
  options.region = "eu-central-1";
  options.queue_prefix = "shop";
  options.create_queues = true;
  // Sagas and services of other processes: which queue, and what keeps its order there.
  options.routes = {{.type = "PaymentRequested", .endpoint = "payments", .group_by = "orderId"}};
  const sagabus::sqs::Transport transport(options);
  // [transport]
  EXPECT_EQ(transport.queue_name("payments"), "shop-payments.fifo");
  EXPECT_EQ(transport.backend()->describe(), "sqs://shop?region=eu-central-1");
}

TEST(SqsOptions, WithTopicsAsTheGuideHasThem) {
  // [topics]
  sagabus::sqs::TransportOptions options;
  options.region = "eu-central-1";
  options.queue_prefix = "shop";
  options.create_queues = true;
  options.topics.enabled = true;
  // Several sagas take it, and all of them correlate it by this member.
  options.topics.types = {{.type = "OrderSubmitted", .group_by = "orderId"}};
  const sagabus::sqs::Transport transport(options);
  // [topics]
  EXPECT_EQ(transport.topic_name("OrderSubmitted"), "shop-OrderSubmitted.fifo");
  EXPECT_EQ(transport.backend()->describe(), "sqs://shop?region=eu-central-1&topics=true");
  EXPECT_EQ(transport.backend()->max_message_bytes(), 248U * 1024);
  EXPECT_EQ(transport.backend()->max_delay(), 0ms);
}

TEST(SqsOptions, OfTopicsThatAreWrongAreRefusedByName) {
  const auto refuses = [](const std::function<void(TransportOptions&)>& spoil, const char* field,
                          const char* value) {
    EXPECT_THAT(problem_of(spoil), AllOf(HasSubstr(field), HasSubstr(value)));
  };
  refuses([](auto& o) { o.topics.max_message_bytes = 16383; }, "topics.max_message_bytes", "16383");
  refuses([](auto& o) { o.topics.arn_prefix = "123"; }, "topics.arn_prefix", "123");
  refuses([](auto& o) { o.topics.types = {{.type = ""}}; }, "topics.types: type", "");
  refuses([](auto& o) { o.topics.types = {{.type = "T", .arn = "T.fifo"}}; }, "topics.types: T",
          "an ARN");
  refuses([](auto& o) { o.topics.types = {{.type = "T", .arn = "arn:aws:sns:r:1:T"}}; },
          "topics.types: T", "the ARN of a FIFO topic");
  refuses([](auto& o) { o.topics.types = {{.type = "T", .group_by = "x", .direct = true}}; },
          "topics.types: T", "direct");
  refuses(
      [](auto& o) {
        o.client = Client({.region = "us-east-1", .credentials = o.credentials});
        o.credentials = nullptr;
        o.region = "";
        o.topics.enabled = true;
      },
      "topics.client", "beside a client");
  refuses(
      [](auto& o) {
        o.topics.client = TopicClient({.region = "us-east-1", .credentials = o.credentials});
        o.topics.endpoint = "http://localhost:1";
      },
      "topics.endpoint", "nothing beside a client");
}

TEST(SqsOptions, AreSaidWithoutSecrets) {
  TransportOptions here = options();
  here.queue_prefix = "shop";
  here.fifo = false;
  here.queue_urls = {{"payments", "https://sqs.eu-west-1.amazonaws.com/1/other"}};
  const Transport transport(std::move(here));
  EXPECT_EQ(transport.backend()->describe(), "sqs://shop?region=us-east-1");
  EXPECT_EQ(transport.backend()->max_delay(), 15min);
  EXPECT_EQ(transport.queue_name("OrderSaga.dlq"), "shop-OrderSaga-dlq");
  EXPECT_EQ(transport.queue_name("payments"), "other");
}

TEST(SqsOptions, WrongOnesAreRefusedByName) {
  const auto refuses = [](const std::function<void(TransportOptions&)>& spoil, const char* field,
                          const char* value) {
    EXPECT_THAT(problem_of(spoil), AllOf(HasSubstr(field), HasSubstr(value)));
  };
  refuses([](auto& o) { o.queue_prefix = "a.b"; }, "queue_prefix", "a.b");
  refuses([](auto& o) { o.visibility_timeout = 0s; }, "visibility_timeout", "0 s");
  refuses([](auto& o) { o.visibility_timeout = 13h; }, "visibility_timeout", "46800 s");
  refuses([](auto& o) { o.max_visibility = 29s; }, "max_visibility", "30 to 43200 s");
  refuses([](auto& o) { o.wait_time = 21s; }, "wait_time", "21 s");
  refuses([](auto& o) { o.max_messages = 0; }, "max_messages", "1 to 10");
  refuses([](auto& o) { o.max_messages = 11; }, "max_messages", "11");
  refuses([](auto& o) { o.max_message_bytes = 16383; }, "max_message_bytes", "16383");
  refuses([](auto& o) { o.max_message_bytes = 1024 * 1024 + 1; }, "max_message_bytes", "1048577");
  refuses([](auto& o) { o.claim_above = 1023; }, "claim_above", "1024 to 1048576");
  refuses([](auto& o) { o.claim_above = 1024 * 1024 + 1; }, "claim_above", "1048577");
  refuses([](auto& o) { o.max_claim_bytes = 1024 * 1024 - 1; }, "max_claim_bytes", "1048575");
  refuses([](auto& o) { o.max_claim_bytes = 65U << 20; }, "max_claim_bytes", "1048576 to 67108864");
  refuses([](auto& o) { o.dead_letter.max_receive_count = 1; }, "dead_letter.max_receive_count",
          "2 to 1000");
  refuses([](auto& o) { o.queue_urls = {{"A", "ftp://q.fifo"}}; }, "queue_urls: A", "ftp://q.fifo");
  refuses(
      [](auto& o) {
        o.queue_urls = {{"A", "https://q/1/plain"}};
      },
      "queue_urls: A", "the URL of a FIFO queue");
  refuses([](auto& o) { o.routes = {{.type = "", .endpoint = "x"}}; }, "routes: type", "");
  refuses([](auto& o) { o.routes = {{.type = "T", .endpoint = ""}}; }, "routes: endpoint", "");
  refuses([](auto& o) { o.ambient.clock = nullptr; }, "sqs: ambient.clock", "missing");
  refuses(
      [](auto& o) {
        o.client = Client({.region = "us-east-1", .credentials = o.credentials});
        o.credentials = nullptr;
      },
      "region", "nothing beside a client");
}

}  // namespace
}  // namespace sagabus::sqs
