#include "sqs/names.hpp"

#include <gmock/gmock.h>

#include "sagabus/json.hpp"

namespace sagabus::sqs {
namespace {

using ::testing::EndsWith;
using ::testing::SizeIs;

TEST(SqsNames, AQueueBearsItsEndpointsName) {
  EXPECT_EQ(queue_name("shop", "OrderSaga", true), "shop-OrderSaga.fifo");
  EXPECT_EQ(queue_name("shop", "OrderSaga.dlq", true), "shop-OrderSaga-dlq.fifo");
  EXPECT_EQ(queue_name("shop", "OrderSaga", false), "shop-OrderSaga");
  EXPECT_EQ(queue_name("shop", "OrderSaga.dlq", false), "shop-OrderSaga-dlq");
  EXPECT_EQ(queue_name("", "payments_2", true), "payments_2.fifo");
}

TEST(SqsNames, CharactersThatMayNotStandThereAreReplacedAndTheNameStaysItsOwn) {
  const std::string dotted = queue_name("", "Order.Saga", false);
  EXPECT_EQ(dotted, "Order-Saga-11dbaa88");
  EXPECT_NE(dotted, queue_name("", "Order Saga", false));
  EXPECT_EQ(queue_name("", "Order.Saga.dlq", false), dotted + "-dlq");
  EXPECT_NE(queue_name("", "a-dlq", false), queue_name("", "a.dlq", false));
}

TEST(SqsNames, LongNamesAreCutAndStayTheirOwn) {
  const std::string prefix(40, 'p');
  const std::string long_name(200, 'n');
  const std::string queue = queue_name(prefix, long_name + "a", true);
  const std::string letters = queue_name(prefix, long_name + "a.dlq", true);
  EXPECT_LE(queue.size(), 80U);
  EXPECT_THAT(letters, SizeIs(80));
  EXPECT_THAT(letters, EndsWith("-dlq.fifo"));
  EXPECT_EQ(letters, queue.substr(0, queue.size() - 5) + "-dlq.fifo");
  EXPECT_NE(queue, queue_name(prefix, long_name + "b", true));
  const std::string fits(80 - 41 - 9, 'n');
  EXPECT_EQ(queue_name(prefix, fits, true), prefix + "-" + fits + ".fifo");
}

TEST(SqsNames, PrefixesAreCheckedByTheirCharactersAndLength) {
  EXPECT_TRUE(is_queue_prefix(""));
  EXPECT_TRUE(is_queue_prefix("Shop_1-eu"));
  EXPECT_TRUE(is_queue_prefix(std::string(40, 'x')));
  EXPECT_FALSE(is_queue_prefix(std::string(41, 'x')));
  EXPECT_FALSE(is_queue_prefix("shop.eu"));
  EXPECT_FALSE(is_queue_prefix("größe"));
}

TEST(SqsNames, AGroupIsItsKeyWhereThatCanStandThere) {
  EXPECT_EQ(group_id("order-1"), "order-1");
  EXPECT_EQ(group_id("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
  EXPECT_EQ(group_id(std::string(128, 'x')), std::string(128, 'x'));
  for (const std::string& key : {std::string("two words"), std::string("Straße"),
                                 std::string(129, 'x'), std::string("a\nb"), std::string()}) {
    const std::string group = group_id(key);
    EXPECT_THAT(group, SizeIs(64)) << key;
    EXPECT_EQ(group.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(group, group_id(key));
  }
  EXPECT_NE(group_id("two words"), group_id("two  words"));
}

TEST(SqsNames, ADeduplicationIdIsOfItsKey) {
  const std::string id = deduplication_id("m1");
  EXPECT_THAT(id, SizeIs(64));
  EXPECT_EQ(id, deduplication_id("m1"));
  EXPECT_NE(id, deduplication_id("m2"));
}

TEST(SqsNames, ATopicBearsItsTypesName) {
  EXPECT_EQ(topic_name("shop", "OrderSubmitted", true), "shop-OrderSubmitted.fifo");
  EXPECT_EQ(topic_name("", "OrderSubmitted", false), "OrderSubmitted");
  EXPECT_EQ(topic_name("", "Order.Saga", false), "Order-Saga-11dbaa88");
  const std::string long_name(300, 'n');
  EXPECT_THAT(topic_name("shop", long_name + "a", true), SizeIs(256));
  EXPECT_THAT(topic_name("shop", long_name + "a", true), EndsWith(".fifo"));
  EXPECT_NE(topic_name("shop", long_name + "a", true), topic_name("shop", long_name + "b", true));
}

TEST(SqsNames, AnArnTellsThoseBesideIt) {
  EXPECT_EQ(sibling_arn("arn:aws-cn:sqs:cn-north-1:123:shop-A.fifo", "sns", "shop-T.fifo"),
            "arn:aws-cn:sns:cn-north-1:123:shop-T.fifo");
  EXPECT_EQ(name_in_arn("arn:aws:sns:eu-west-1:123:shop-T.fifo"), "shop-T.fifo");
  EXPECT_EQ(name_in_arn("shop-T.fifo"), "shop-T.fifo");
}

TEST(SqsNames, ABodySaysTheSameWithoutTheCharactersThatSqsRefuses) {
  const std::string plain = R"({"a":"Grüße 世界 \u0001"})";
  EXPECT_EQ(to_body(plain), plain);
  const std::string odd =
      "{\"\xf0\x9f\x9a\x80\":\"a\xef\xbf\xbe"
      "b\xef\xbf\xbf\xef\xbf\xbd\xf4\x8f\xbf\xbf\"}";
  const std::string body = to_body(odd);
  EXPECT_EQ(body, "{\"\\ud83d\\ude80\":\"a\\ufffeb\\uffff\xef\xbf\xbd\\udbff\\udfff\"}");
  EXPECT_EQ(parse_json(body), parse_json(odd));
}

}  // namespace
}  // namespace sagabus::sqs
