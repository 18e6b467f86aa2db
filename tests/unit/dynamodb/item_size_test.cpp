#include "dynamodb/item_size.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "dynamodb/item.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

// As DynamoDB Local bills them; dynamodb_units_test asks it.
TEST(ItemSize, Numbers) {
  EXPECT_EQ(number_size("0"), 1U);
  EXPECT_EQ(number_size("-0.0"), 1U);
  for (const char* two : {"1", "12", "10", "100", "0.5", "0.05", "1e-5", "1e50", "1E+20"}) {
    EXPECT_EQ(number_size(two), 2U) << two;
  }
  for (const char* three : {"123", "1234", "-1", "0.055", "12.3", "1.23"}) {
    EXPECT_EQ(number_size(three), 3U) << three;
  }
  for (const char* four : {"-1234", "-123", "1.234"}) EXPECT_EQ(number_size(four), 4U) << four;
  EXPECT_EQ(number_size("12345678901234567890123456789012345678"), 20U);
}

TEST(ItemSize, OfAnItemInTheServicesForm) {
  const auto size = [](const char* text) {
    return item_size(boost::json::parse(text).get_object());
  };
  EXPECT_EQ(size(R"({"q":{"S":"é"}})"), 1U + 2U);
  EXPECT_EQ(size(R"({"q":{"BOOL":true}})"), 2U);
  EXPECT_EQ(size(R"({"q":{"NULL":true}})"), 2U);
  EXPECT_EQ(size(R"({"q":{"B":"AAAA"}})"), 1U + 3U);
  EXPECT_EQ(size(R"({"q":{"B":"AA=="}})"), 1U + 1U);
  EXPECT_EQ(size(R"({"q":{"L":[]}})"), 1U + 3U);
  EXPECT_EQ(size(R"({"q":{"L":[{"S":"x"},{"S":"x"}]}})"), 1U + 7U);
  EXPECT_EQ(size(R"({"q":{"M":{}}})"), 1U + 3U);
  EXPECT_EQ(size(R"({"q":{"M":{"kk":{"S":"x"},"k2":{"N":"5"}}}})"), 1U + 12U);
  EXPECT_EQ(size(R"({"q":{"SS":["a","bb"]}})"), 1U + 3U);
  EXPECT_EQ(size(R"({"q":{"NS":["1","22"]}})"), 1U + 4U);
}

TEST(ItemSize, OfAValueIsThatOfItsWrittenForm) {
  const Value value(Object{{"kk", Value("x")},
                           {"n", Value(-1234)},
                           {"d", Value(0.055)},
                           {"l", Value(Array{Value(), Value(true), Value(Bytes(3))})}});
  EXPECT_EQ(value_size(value), 3U + (1 + 2 + 1) + (1 + 1 + 4) + (1 + 1 + 3) + (1 + 1 + 3 + 3 + 5));
}

TEST(ItemSize, UnitsAreWholeKilobytes) {
  EXPECT_EQ(write_units(0), 1);
  EXPECT_EQ(write_units(1024), 1);
  EXPECT_EQ(write_units(1025), 2);
}

TEST(ItemSize, AnItemOverTheLimitIsRefusedWithItsLargestFields) {
  Instance instance;
  instance.saga_name = "Order";
  instance.saga_id = "id";
  instance.correlation_id = "c";
  instance.state = Value(Object{{"small", Value(1)},
                                {"large", Value(std::string(300 * 1024, 'x'))},
                                {"middle", Value(std::string(90 * 1024, 'x'))}});
  const std::string outbox(10 * 1024, 'x');
  const ItemDraft draft{instance, {"", outbox}, "0123456789abcdef", std::nullopt};
  try {
    check_size(draft, 500 * 1024, 1);
    FAIL() << "expected StateTooLarge";
  } catch (const StateTooLarge& e) {
    EXPECT_EQ(e.limit(), 409'600U);
    EXPECT_GT(e.bytes(), 409'600U);
    ASSERT_EQ(e.largest_fields().size(), 4U);
    EXPECT_EQ(e.largest_fields()[0].name, "large");
    EXPECT_EQ(e.largest_fields()[0].bytes, 300U * 1024 + 5);
    EXPECT_EQ(e.largest_fields()[1].name, "middle");
    EXPECT_EQ(e.largest_fields()[2].name, "(outbox)");
  }
  instance.state = Value(Object{{"large", Value(std::string(300 * 1024, 'x'))}});
  EXPECT_NO_THROW(check_size(ItemDraft{instance, {"", outbox}, "", std::nullopt}, 500 * 1024, 1));
}

TEST(ItemSize, OfADraftGrowsByItsShard) {
  Instance instance;
  instance.saga_name = "Order";
  instance.saga_id = "id";
  instance.correlation_id = "c";
  const ItemDraft draft{instance, {}, "t", std::nullopt};
  EXPECT_EQ(item_size(draft, 8), item_size(draft, 1) + 3);
  EXPECT_EQ(item_size(draft, 1000), item_size(draft, 1) + 4);
}

TEST(ItemSize, APartitionValueHasRoomForItsShard) {
  Instance instance;
  instance.saga_name = std::string(2045, 'n');
  instance.saga_id = "id";
  instance.correlation_id = "c";
  EXPECT_NO_THROW(check_keys(instance, 100));
  EXPECT_THROW(check_keys(instance, 101), ValidationError);
}

}  // namespace
}  // namespace sagabus::dynamodb
