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

constexpr std::size_t kKilobyte = 1024;
constexpr std::size_t kRequest = 500 * kKilobyte;  // large enough to be looked at

class ItemLimit : public ::testing::Test {
 protected:
  // The limit that an item with such a state and outbox passes; 0: none.
  std::size_t passed_limit(std::size_t state, std::size_t outbox, std::string birth = "b") {
    Instance instance;
    instance.saga_name = "Order";
    instance.saga_id = "id";
    instance.correlation_id = "c";
    instance.bookkeeping.birth = std::move(birth);
    instance.state = Value(Object{{"small", Value(1)},
                                  {"large", Value(std::string(state - kMiddle, 'x'))},
                                  {"middle", Value(std::string(kMiddle, 'x'))}});
    try {
      check_size({instance, {"", std::string(outbox, 'x')}, "token", std::nullopt}, kRequest, 1);
      return 0;
    } catch (const StateTooLarge& e) {
      EXPECT_GT(e.bytes(), e.limit());
      fields_ = e.largest_fields();
      return e.limit();
    }
  }
  static constexpr std::size_t kMiddle = 5 * kKilobyte;
  std::vector<StateTooLarge::Field> fields_;
};

TEST_F(ItemLimit, PartOfItIsKeptForTheBookkeeping) {
  EXPECT_EQ(passed_limit(350 * kKilobyte, 0), 336 * kKilobyte);
  EXPECT_EQ(passed_limit(350 * kKilobyte, 90 * kKilobyte), 336 * kKilobyte);
  EXPECT_EQ(passed_limit(300 * kKilobyte, 90 * kKilobyte), 0U);
  EXPECT_EQ(passed_limit(300 * kKilobyte, 110 * kKilobyte), 400 * kKilobyte);
}

TEST_F(ItemLimit, ItemsOfOtherProgramsMayFillItAll) {
  EXPECT_EQ(passed_limit(350 * kKilobyte, 0, ""), 0U);
  EXPECT_EQ(passed_limit(350 * kKilobyte, 60 * kKilobyte, ""), 400 * kKilobyte);
  EXPECT_EQ(passed_limit(410 * kKilobyte, 0, ""), 400 * kKilobyte);
}

TEST_F(ItemLimit, IsToldWithTheLargestFields) {
  passed_limit(330 * kKilobyte, 80 * kKilobyte);
  ASSERT_EQ(fields_.size(), 4U);
  EXPECT_EQ(fields_[0].name, "large");
  EXPECT_EQ(fields_[0].bytes, 325 * kKilobyte + 5);
  EXPECT_EQ(fields_[1].name, "(outbox)");
  EXPECT_EQ(fields_[2].name, "middle");
}

}  // namespace
}  // namespace sagabus::dynamodb
