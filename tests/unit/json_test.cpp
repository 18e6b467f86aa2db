#include "sagabus/json.hpp"

#include <gmock/gmock.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "unit/expect.hpp"

namespace sagabus {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') +
         std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, ReadsEveryKind) {
  EXPECT_EQ(parse_json("null"), Value());
  EXPECT_EQ(parse_json("true"), Value(true));
  EXPECT_EQ(parse_json(" \t\r\n7 \n"), Value(7));
  EXPECT_EQ(parse_json("-0.5"), Value(-0.5));
  EXPECT_EQ(parse_json("\"x\""), Value("x"));
  EXPECT_EQ(parse_json("[]"), Value(Array{}));
  EXPECT_EQ(parse_json("{}"), Value(Object{}));
  EXPECT_EQ(
      parse_json(R"({"a":[1,{"b":null}],"":""})"),
      Value(Object{{"a", Value(Array{Value(1), Value(Object{{"b", Value()}})})}, {"", Value("")}}));
}

TEST(Json, WritesWithoutWhiteSpace) {
  const Value value(Object{{"a", Value(Array{Value(1), Value(), Value(true), Value(-0.5)})},
                           {"b", Value(Object{})},
                           {"c", Value(Array{})},
                           {"d", Value("x")}});
  EXPECT_EQ(to_json(value), R"({"a":[1,null,true,-0.5],"b":{},"c":[],"d":"x"})");
}

TEST(Json, IntegersAreExact) {
  using Int = std::numeric_limits<std::int64_t>;
  using Unsigned = std::numeric_limits<std::uint64_t>;
  for (const std::int64_t v : {Int::min(), Int::min() + 1, std::int64_t{-1}, std::int64_t{0},
                               std::int64_t{9007199254740993}, Int::max()}) {
    const std::string text = to_json(Value(v));
    EXPECT_EQ(text, std::to_string(v));
    EXPECT_EQ(parse_json(text), Value(v));
  }
  for (const std::uint64_t v : {std::uint64_t{1} << 63, Unsigned::max()}) {
    const std::string text = to_json(Value(v));
    EXPECT_EQ(text, std::to_string(v));
    EXPECT_EQ(parse_json(text), Value(v));
  }
}

TEST(Json, IntegersBeyondSixtyFourBitsAreDoubles) {
  EXPECT_EQ(parse_json("18446744073709551616"), Value(18446744073709551616.0));
  EXPECT_EQ(parse_json("-9223372036854775809"), Value(-9223372036854775809.0));
  EXPECT_EQ(parse_json("100000000000000000000000000000"), Value(1e29));
}

void expect_same_bits(double v) {
  const std::string text = to_json(Value(v));
  const Value back = parse_json(text);
  ASSERT_TRUE(back.if_double()) << text;
  EXPECT_EQ(std::bit_cast<std::uint64_t>(*back.if_double()), std::bit_cast<std::uint64_t>(v))
      << text;
}

TEST(Json, DoublesComeBackToTheBit) {
  using Double = std::numeric_limits<double>;
  for (const double v : {0.0,
                         -0.0,
                         1.0,
                         5.0,
                         0.1,
                         1.0 / 3,
                         1e21,
                         1e22,
                         1e23,
                         123456789.123456789,
                         Double::min(),
                         Double::denorm_min(),
                         -Double::denorm_min(),
                         Double::max(),
                         Double::lowest(),
                         Double::epsilon(),
                         9007199254740992.0,
                         9007199254740993.0,
                         2.2250738585072011e-308,
                         2.2250738585072014e-308,
                         5e-324,
                         4.9406564584124654e-324,
                         8.5,
                         1e-7,
                         1e15,
                         1e16,
                         1e17}) {
    expect_same_bits(v);
  }
}

TEST(Json, AHundredThousandRandomDoublesComeBackToTheBit) {
  std::mt19937_64 random(20260101);
  for (int i = 0; i < 100'000; ++i) {
    const double v = std::bit_cast<double>(random());
    if (std::isfinite(v)) expect_same_bits(v);
  }
}

TEST(Json, ADoubleStaysADouble) {
  EXPECT_EQ(to_json(Value(5.0)), "5.0");
  EXPECT_EQ(to_json(Value(-0.0)), "-0.0");
  EXPECT_EQ(to_json(Value(1e22)), "1e+22");
  EXPECT_EQ(to_json(Value(0.1)), "0.1");
}

TEST(Json, NumbersAtTheLimits) {
  EXPECT_EQ(parse_json("1.7976931348623157e308"), Value(std::numeric_limits<double>::max()));
  EXPECT_THAT(error_of([] { parse_json("1e400"); }), StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_json("-1e400"); }), StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_json("1.8e308"); }), StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_json(std::string(400, '9')); }), StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_json(std::string(400, '9') + ".5"); }), StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_json("1e99999999999999999999"); }), StartsWith("not JSON: "));
  // What is too small for a double is 0, with its sign.
  EXPECT_EQ(parse_json("1e-400"), Value(0.0));
  EXPECT_EQ(parse_json("0." + std::string(400, '0') + "1"), Value(0.0));
  EXPECT_TRUE(std::signbit(*parse_json("-1e-400").if_double()));
  // Whatever the exponent says, zero is zero.
  EXPECT_EQ(parse_json("0e400"), Value(0.0));
  EXPECT_EQ(parse_json("0.0e400"), Value(0.0));
  EXPECT_EQ(parse_json("0e-400"), Value(0.0));
  // A long mantissa and a small exponent are an ordinary number, and a large one is not.
  EXPECT_EQ(parse_json(std::string(400, '9') + "e-300"), Value(1e100));
  EXPECT_THAT(error_of([] { parse_json(std::string(700, '9') + "e-300"); }),
              StartsWith("not JSON: "));
  EXPECT_EQ(parse_json("0." + std::string(400, '0') + "1e401"), Value(1.0));
}

TEST(Json, TheParserRoundsToTheNearestDouble) {
  EXPECT_EQ(parse_json("9007199254740993.0"), Value(9007199254740992.0));  // halfway: to even
  EXPECT_EQ(parse_json("9007199254740993.00000000000000000000000000001"),
            Value(9007199254740994.0));
  EXPECT_EQ(parse_json("0.1000000000000000055511151231257827021181583404541015625"), Value(0.1));
}

TEST(Json, ReadsEscapes) {
  EXPECT_EQ(parse_json(R"("\"\\\/\b\f\n\r\t")"), Value("\"\\/\b\f\n\r\t"));
  EXPECT_EQ(parse_json(R"("\u00e9\u4e16")"), Value("é世"));
  EXPECT_EQ(parse_json(R"("\ud83d\ude80")"), Value("🚀"));  // a surrogate pair
  EXPECT_EQ(parse_json(R"("a\u0000b")"), Value(std::string("a\0b", 3)));
  EXPECT_EQ(parse_json(R"({"\u0061\n":1})"), Value(Object{{"a\n", Value(1)}}));
}

TEST(Json, WritesEscapes) {
  EXPECT_EQ(to_json(Value(std::string("\"\\/\b\f\n\r\t\0\x1f\x7fé🚀", 17))),
            "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0000\\u001f\x7fé🚀\"");
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* bad : {"",
                          " ",
                          "nul",
                          "nulll",
                          "True",
                          "+1",
                          "01",
                          "1.",
                          ".5",
                          "1e",
                          "1e+",
                          "-",
                          "--1",
                          "0x10",
                          "NaN",
                          "Infinity",
                          "-Infinity",
                          "'x'",
                          "\"",
                          "\"\n\"",
                          "\"\t\"",
                          "\"\\x\"",
                          "\"\\u12\"",
                          "\"\\ud83d\"",
                          "\"\\ude80\"",
                          "\"\\ud83dx\"",
                          "\"\\ud83d\\u0041\"",
                          "[",
                          "]",
                          "[1,]",
                          "[,1]",
                          "[1 2]",
                          "{",
                          "}",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{a:1}",
                          "{1:1}",
                          "1 2",
                          "[1]]",
                          "{} {}",
                          "/**/1",
                          "1//",
                          "// x\n1",
                          "\xef\xbb\xbf"
                          "1",
                          "\"\xff\"",
                          "\"\xc0\x80\"",
                          "\"\xed\xa0\x80\"",
                          "\"\xf4\x90\x80\x80\"",
                          "\"\xe4\xb8\""}) {
    EXPECT_THAT(error_of([&] { parse_json(bad); }), StartsWith("not JSON: ")) << bad;
  }
  EXPECT_THAT(error_of([] { parse_json(std::string_view("1\0", 2)); }), StartsWith("not JSON: "));
}

TEST(Json, SaysWhereItIsWrong) {
  EXPECT_THAT(error_of([] { parse_json("[1, x]"); }), HasSubstr("at byte 4"));
  EXPECT_THAT(error_of([] { parse_json("[1] 2"); }), HasSubstr("at byte 4"));
  EXPECT_THAT(error_of([] { parse_json("[1, 2"); }), HasSubstr("incomplete"));
}

TEST(Json, AnErrorHoldsNothingOfTheText) {
  EXPECT_THAT(error_of([] { parse_json("{\"secret\": hunter2}"); }),
              ::testing::Not(::testing::AnyOf(HasSubstr("secret"), HasSubstr("hunter2"))));
}

TEST(Json, HasLimits) {
  EXPECT_NO_THROW(parse_json(nested(64)));
  EXPECT_THAT(error_of([] { parse_json(nested(65)); }), StartsWith("not JSON: "));
  EXPECT_THAT(error_of([] { parse_json(nested(100'000)); }), StartsWith("not JSON: "));
  JsonLimits limits;
  limits.max_depth = 2;
  EXPECT_NO_THROW(parse_json("[{}]", limits));
  EXPECT_THROW(parse_json("[{\"a\":[]}]", limits), ValidationError);
  limits.max_bytes = 4;
  EXPECT_NO_THROW(parse_json("1234", limits));
  EXPECT_EQ(error_of([&] { parse_json("12345", limits); }),
            "a JSON text of 5 bytes is over the limit of 4");
}

TEST(Json, OfTwoMembersOfANameTheLastOneCounts) {
  const Value value = parse_json(R"({"a":1,"b":2,"a":3})");
  EXPECT_EQ(*value.find("a"), Value(3));
  EXPECT_EQ(value.if_object()->size(), 3U);
}

TEST(Json, TellsOfAMemberThatIsThereTwice) {
  EXPECT_NO_THROW(require_unique_members(parse_json(R"([{"a":1,"b":{"a":2}},{"a":[{"a":3}]}])")));
  for (const char* text :
       {R"({"b":1,"a":1,"b":2})", R"([1,{"a":{"b":1,"b":1}}])", R"({"\u0062":1,"b":2})"}) {
    try {
      require_unique_members(parse_json(text));
      ADD_FAILURE() << text;
    } catch (const ValidationError& error) {
      EXPECT_STREQ(error.what(), "member 'b' is there twice in one object");
    }
  }
}

TEST(Json, RefusesToWriteWhatIsNoNumber) {
  EXPECT_THROW(to_json(Value(std::nan(""))), ValidationError);
  EXPECT_THROW(to_json(Value(std::numeric_limits<double>::infinity())), ValidationError);
}

// A random value of every kind that JSON has.
class RandomValues {
 public:
  explicit RandomValues(std::uint64_t seed) : random_(seed) {}

  Value next(int depth = 4) {
    switch (random_() % (depth > 0 ? 8 : 6)) {
      case 0:
        return Value();
      case 1:
        return Value(random_() % 2 == 0);
      case 2:
        return Value(static_cast<std::int64_t>(random_() >> random_() % 64));
      case 3:
        return Value(random_());
      case 4:
        return Value(number());
      case 5:
        return Value(text());
      case 6: {
        Array array(random_() % 5);
        for (Value& element : array) element = next(depth - 1);
        return Value(std::move(array));
      }
      default: {
        Object object(random_() % 5);
        for (auto& [name, member] : object) {
          name = text();
          member = next(depth - 1);
        }
        return Value(std::move(object));
      }
    }
  }

 private:
  double number() {
    const double v = std::bit_cast<double>(random_());
    return std::isfinite(v) ? v : 0.25;
  }
  std::string text() {
    static const char* kParts[] = {"a", "\"", "\\", "/", "\n", "é", "世", "🚀", "\x01", " ", "\x7f"};
    std::string out;
    for (auto n = random_() % 6; n > 0; --n) out += kParts[random_() % std::size(kParts)];
    if (random_() % 50 == 0) out += std::string(5000, 'x') + "\n" + std::string(100, 'y');
    return out;
  }

  std::mt19937_64 random_;
};

TEST(Json, WhatWasWrittenIsReadAgain) {
  RandomValues values(42);
  for (int i = 0; i < 5000; ++i) {
    const Value value = values.next();
    const std::string text = to_json(value);
    ASSERT_EQ(parse_json(text), value) << text;
    ASSERT_EQ(to_json(parse_json(text)), text);
  }
}

TEST(Json, EveryCutOfATextIsRefused) {
  RandomValues values(7);
  for (int i = 0; i < 200; ++i) {
    const std::string text = to_json(Value(Object{{"x", values.next()}}));
    if (text.size() > 500) continue;
    for (std::size_t length = 0; length < text.size(); ++length) {
      EXPECT_THROW(parse_json(std::string_view(text).substr(0, length)), ValidationError) << text;
    }
  }
}

Bytes bytes_of(std::string_view text) {
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return Bytes(first, first + text.size());
}

TEST(Base64, IsThatOfRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xfb\xff", "+/8="}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(encode_base64(bytes_of(plain)), encoded);
    EXPECT_EQ(decode_base64(encoded), bytes_of(plain));
  }
}

TEST(Base64, BytesComeBack) {
  std::mt19937_64 random(1);
  for (std::size_t length = 0; length < 200; ++length) {
    Bytes bytes(length);
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    EXPECT_EQ(decode_base64(encode_base64(bytes)), bytes);
  }
  EXPECT_EQ(to_json(Value(bytes_of("foo"))), "\"Zm9v\"");
}

TEST(Base64, RefusesEverythingElse) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "Zm9", "====", "=", "Z===", "Zg==Zg==", "Zm=v",
                          "=m9v", "Zm9v\n", "Zm 9v", "Zm-_", "Zh==", "Zm9=", "Zm9vé"}) {
    EXPECT_EQ(error_of([&] { decode_base64(bad); }), "expected base64") << bad;
  }
}

}  // namespace
}  // namespace sagabus
