#include "sqs/topic_rules.hpp"

#include <gmock/gmock.h>

#include "sqs/claim.hpp"

namespace sagabus::sqs {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SqsTopicRules : public ::testing::Test {
 protected:
  // Sagas order by a function, services by the partition key.
  static Subscription saga(std::string endpoint) {
    Subscription out;
    out.endpoint = std::move(endpoint);
    out.types = {"T"};
    out.order_by = [name = out.endpoint](const Envelope&) { return "by " + name; };
    return out;
  }
  static Subscription service(std::string endpoint) {
    Subscription out;
    out.endpoint = std::move(endpoint);
    out.types = {"T"};
    return out;
  }
  static Subscription saga_by(std::string endpoint, std::string member) {
    Subscription out = saga(std::move(endpoint));
    out.order_by = [member](const Envelope& envelope) {
      return *envelope.payload.find(member)->if_string();
    };
    out.order_members = {{"T", member}};
    return out;
  }
  // Whether T goes by its topic.
  bool goes(const std::vector<Subscription>& subscriptions, std::vector<Route> to = {}) {
    options_.routes = std::move(to);
    Routes routes(options_.routes);
    for (const Subscription& subscription : subscriptions) routes.subscribe(subscription);
    const TopicRules rules(options_, routes);
    key_ = rules.order_key(message());
    objection_ = rules.objection("T");
    return rules.goes_by_topic("T");
  }
  static Envelope message() {
    Envelope out;
    out.id = "id-1";
    out.type = "T";
    out.partition_key = "p-1";
    out.payload = Value(Object{{"orderId", Value("o-1")}});
    return out;
  }
  void particular(Topic topic) { options_.topics.types = {std::move(topic)}; }

  TransportOptions options_ = [] {
    TransportOptions options;
    options.queue_prefix = "shop";
    options.topics.enabled = true;
    return options;
  }();
  std::string key_;
  std::string objection_;
};

TEST_F(SqsTopicRules, ATopicHasOneOrder) {
  EXPECT_TRUE(goes({}));
  EXPECT_EQ(key_, "p-1");
  EXPECT_TRUE(goes({saga("A")}));
  EXPECT_EQ(key_, "by A");
  EXPECT_TRUE(goes({service("S"), service("R")}));
  EXPECT_EQ(key_, "p-1");
  EXPECT_TRUE(goes({}, {{.type = "T", .endpoint = "X", .group_by = "orderId"},
                        {.type = "T", .endpoint = "Y", .group_by = "orderId"}}));
  EXPECT_EQ(key_, "o-1");
  EXPECT_TRUE(goes({saga_by("A", "orderId"), saga_by("B", "orderId")},
                   {{.type = "T", .endpoint = "X", .group_by = "orderId"}}));
  EXPECT_EQ(key_, "o-1");
  EXPECT_EQ(objection_, "");
}

TEST_F(SqsTopicRules, WhereOrdersMayDifferThereIsNone) {
  EXPECT_FALSE(goes({saga_by("A", "orderId"), saga_by("B", "customerId")}));
  EXPECT_FALSE(goes({saga_by("A", "orderId"), saga("B")}));
  EXPECT_FALSE(goes({saga_by("A", "orderId"), service("S")}));
  EXPECT_FALSE(
      goes({saga_by("A", "orderId")}, {{.type = "T", .endpoint = "X", .group_by = "customerId"}}));
  EXPECT_FALSE(goes({saga("A"), saga("B")}));
  EXPECT_THAT(objection_,
              AllOf(HasSubstr("T goes straight to the queues of A, B"), HasSubstr("topics.types")));
  EXPECT_FALSE(goes({saga("A"), service("S")}));
  EXPECT_FALSE(goes({service("S")}, {{.type = "T", .endpoint = "X", .group_by = "orderId"}}));
  EXPECT_FALSE(goes({}, {{.type = "T", .endpoint = "X", .group_by = "orderId"},
                         {.type = "T", .endpoint = "Y", .group_by = "customerId"}}));
  EXPECT_TRUE(goes({saga("A")}, {{.type = "U", .endpoint = "X", .group_by = "orderId"}}));
  options_.fifo = false;  // has no order
  EXPECT_TRUE(goes({saga("A"), saga("B")}));
}

TEST_F(SqsTopicRules, TheOptionsMayKnowBetter) {
  particular({.type = "T", .group_by = "orderId"});
  EXPECT_TRUE(goes({saga("A"), saga("B")}));
  EXPECT_EQ(key_, "o-1");
  EXPECT_EQ(objection_, "");
  particular({.type = "T", .group_by = "missing"});
  EXPECT_TRUE(goes({saga("A")}));
  EXPECT_EQ(key_, "p-1");
  particular({.type = "T", .direct = true});
  EXPECT_FALSE(goes({saga("A")}));
  EXPECT_EQ(objection_, "");
  particular({.type = "U", .direct = true});
  EXPECT_TRUE(goes({saga("A")}));
  options_.topics.enabled = false;
  EXPECT_FALSE(goes({saga("A")}));
  EXPECT_EQ(objection_, "");
}

// Its group was told by the payload, which travels beside it.
TEST_F(SqsTopicRules, AMessageWithAClaimKeepsTheOrderOfItsTopic) {
  particular({.type = "T", .group_by = "orderId"});
  Routes routes({});
  routes.subscribe(saga("A"));
  const TopicRules rules(options_, routes);
  const Envelope packed = with_claim(message(), claim_for("{}"), rules.order_keys(message()));
  EXPECT_EQ(rules.order_key(packed), "o-1");
  EXPECT_EQ(routes.order_key("A", packed), "by A");
  options_.topics.enabled = false;
  const Envelope direct = with_claim(message(), claim_for("{}"), rules.order_keys(message()));
  EXPECT_EQ(rules.order_key(direct), "p-1");
  EXPECT_EQ(routes.order_key("A", direct), "by A");
}

TEST_F(SqsTopicRules, ATopicMayBearANameOfItsOwn) {
  particular({.type = "T", .arn = "arn:aws:sns:eu-west-1:1:other.fifo"});
  const Routes routes({});
  const TopicRules rules(options_, routes);
  EXPECT_EQ(rules.topic("T"), "arn:aws:sns:eu-west-1:1:other.fifo");
  EXPECT_EQ(rules.topic("U"), "shop-U.fifo");
}

}  // namespace
}  // namespace sagabus::sqs
