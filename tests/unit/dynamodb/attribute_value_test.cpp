#include "dynamodb/attribute_value.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <limits>
#include <random>

#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

std::string write(const Value& value) {
  std::string out;
  append_attribute_value(out, value, FieldPath(MissingField::keep_default));
  return out;
}

Value read(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 128;
  return read_attribute_value(boost::json::parse({text.data(), text.size()}, {}, options),
                              FieldPath(MissingField::keep_default));
}

std::string error_of(const Value& value) {
  try {
    write(value);
  } catch (const ValidationError& e) {
    return e.what();
  }
  return "none";
}

Value nested(int containers, bool lists) {
  Value value(Array{});
  if (!lists) value = Value(Object{});
  for (int i = 1; i < containers; ++i) {
    value = lists ? Value(Array{std::move(value)}) : Value(Object{{"k", std::move(value)}});
  }
  return value;
}

TEST(AttributeValue, WritesEveryKindAsItsNativeType) {
  EXPECT_EQ(write(Value()), R"({"NULL":true})");
  EXPECT_EQ(write(Value(true)), R"({"BOOL":true})");
  EXPECT_EQ(write(Value(-5)), R"({"N":"-5"})");
  EXPECT_EQ(write(Value(std::numeric_limits<std::uint64_t>::max())),
            R"({"N":"18446744073709551615"})");
  EXPECT_EQ(write(Value(0.1)), R"({"N":"0.1"})");
  EXPECT_EQ(write(Value(5.0)), R"({"N":"5"})");
  EXPECT_EQ(write(Value(-0.0)), R"({"N":"0"})");
  EXPECT_EQ(write(Value("a\"\n\x01")), R"({"S":"a\"\n\u0001"})");
  EXPECT_EQ(write(Value(Bytes{std::byte{0}, std::byte{255}})), R"({"B":"AP8="})");
  EXPECT_EQ(write(Value(Array{})), R"({"L":[]})");
  EXPECT_EQ(write(Value(Object{})), R"({"M":{}})");
  EXPECT_EQ(write(Value(Object{{"a", Value(Array{Value(1), Value("x")})}})),
            R"({"M":{"a":{"L":[{"N":"1"},{"S":"x"}]}}})");
}

TEST(AttributeValue, OfMembersOfOneNameTheLastIsWritten) {
  EXPECT_EQ(write(Value(Object{{"a", Value(1)}, {"b", Value(2)}, {"a", Value(3)}})),
            R"({"M":{"b":{"N":"2"},"a":{"N":"3"}}})");
  Object many;
  for (int i = 0; i < 100; ++i) many.emplace_back(fmt::format("k{}", i % 50), Value(i));
  const Value back = read(write(Value(std::move(many))));
  ASSERT_EQ(back.if_object()->size(), 50U);
  EXPECT_EQ(*back.find("k7"), Value(57));
}

TEST(AttributeValue, ReadsWholeNumbersExactlyAndOthersAsTheNearestDouble) {
  EXPECT_EQ(read(R"({"N":"-9223372036854775808"})"),
            Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(read(R"({"N":"18446744073709551615"})"),
            Value(std::numeric_limits<std::uint64_t>::max()));
  EXPECT_EQ(read(R"({"N":"100000000000000000000"})"), Value(1e20));
  EXPECT_EQ(read(R"({"N":"12345678901234567890123456789012345678"})"),
            Value(1.2345678901234568e37));
  EXPECT_EQ(read(R"({"N":"0.1000000000000000000000000000000000000"})"), Value(0.1));
  EXPECT_EQ(read(R"({"N":"-1E-130"})"), Value(-1e-130));
}

TEST(AttributeValue, ReadsSetsAsArrays) {
  EXPECT_EQ(read(R"({"SS":["a","b"]})"), Value(Array{Value("a"), Value("b")}));
  EXPECT_EQ(read(R"({"NS":["1","2.5"]})"), Value(Array{Value(1), Value(2.5)}));
  EXPECT_EQ(read(R"({"BS":["AA=="]})"), Value(Array{Value(Bytes{std::byte{0}})}));
}

TEST(AttributeValue, RefusesWhatIsNoAttributeValue) {
  for (const char* text : {R"({})", R"("x")", R"({"S":1})", R"({"N":"x"})", R"({"N":"1e999"})",
                           R"({"N":""})", R"({"Q":"x"})", R"({"B":"?"})", R"({"L":{}})",
                           R"({"M":[]})", R"({"S":"a","N":"1"})", R"({"BOOL":"true"})"}) {
    EXPECT_THROW(read(text), ValidationError) << text;
  }
}

TEST(AttributeValue, NamesTheFieldOfANumberOutOfRange) {
  const auto price = [](double v) {
    return Value(Object{{"items", Value(Array{Value(1), Value(Object{{"price", Value(v)}})})}});
  };
  for (const double v : {1e126, -1e126, 9.9e-131, 5e-324, 1.7976931348623157e308}) {
    EXPECT_TRUE(error_of(price(v)).starts_with("items[1].price: ")) << v << error_of(price(v));
  }
  EXPECT_EQ(error_of(price(std::numeric_limits<double>::quiet_NaN())),
            "items[1].price: NaN and infinity cannot be stored");
  EXPECT_EQ(error_of(price(-std::numeric_limits<double>::infinity())),
            "items[1].price: NaN and infinity cannot be stored");
  for (const double v : {1e-130, -1e-130, 9.99999999999999e125, 0.0}) {
    EXPECT_EQ(error_of(price(v)), "none") << v;
  }
}

TEST(AttributeValue, RefusesBadTextAndEmptyNames) {
  EXPECT_TRUE(error_of(Value(Object{{"a", Value("\xff")}})).starts_with("a: not UTF-8"));
  EXPECT_NE(error_of(Value(Object{{"", Value(1)}})), "none");
  EXPECT_NE(error_of(Value(Object{{"\xff", Value(1)}})), "none");
}

TEST(AttributeValue, CountsLevelsAsTheServiceDoes) {
  for (const bool lists : {true, false}) {
    EXPECT_EQ(error_of(nested(31, lists)), "none");
    EXPECT_NE(error_of(nested(32, lists)), "none");
    EXPECT_EQ(read(write(nested(31, lists))), nested(31, lists));
  }
}

TEST(AttributeValue, DoublesComeBackToTheBit) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(-129.9, 125.9);
  std::uniform_real_distribution<double> mantissa(-10, 10);
  for (int i = 0; i < 20'000; ++i) {
    const double v = mantissa(random) * std::pow(10.0, std::floor(exponent(random)));
    if (std::abs(v) < 1e-130 || std::abs(v) >= 1e126) continue;
    const Value back = read(write(Value(v)));
    const double found = back.if_double()  ? *back.if_double()
                         : back.if_int64() ? static_cast<double>(*back.if_int64())
                                           : static_cast<double>(*back.if_uint64());
    ASSERT_EQ(found, v);
  }
}

Value random_value(std::mt19937_64& random, int depth) {
  switch (random() % (depth > 0 ? 9 : 7)) {
    case 0:
      return Value();
    case 1:
      return Value(random() % 2 == 0);
    case 2:
      return Value(static_cast<std::int64_t>(random()));
    case 3:
      return Value(random());
    case 4:
      return Value(std::ldexp(static_cast<double>(random()), -80) + 0.5e-20);
    case 5: {
      std::string text;
      for (std::size_t n = random() % 6; n > 0; --n) text += "aä€😀\"\\\n"[random() % 3];
      return Value(sagabus::detail::is_utf8(text) ? text : std::string("ä€😀\t"));
    }
    case 6:
      return Value(Bytes(random() % 7, static_cast<std::byte>(random())));
    case 7: {
      Array array;
      for (std::size_t n = random() % 5; n > 0; --n)
        array.push_back(random_value(random, depth - 1));
      return Value(std::move(array));
    }
    default: {
      Object object;
      for (std::size_t n = random() % 5; n > 0; --n) {
        object.emplace_back(fmt::format("k{}", n), random_value(random, depth - 1));
      }
      return Value(std::move(object));
    }
  }
}

TEST(AttributeValue, AnyValueComesBack) {
  std::mt19937_64 random(42);
  for (int i = 0; i < 5'000; ++i) {
    const Value value = random_value(random, 5);
    ASSERT_EQ(read(write(value)), value) << write(value);
  }
}

}  // namespace
}  // namespace sagabus::dynamodb
