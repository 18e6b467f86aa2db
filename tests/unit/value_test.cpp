#include "sagabus/value.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace sagabus {
namespace {

TEST(Value, KnowsItsKind) {
  EXPECT_EQ(Value().kind(), ValueKind::null);
  EXPECT_EQ(Value(nullptr).kind(), ValueKind::null);
  EXPECT_EQ(Value(true).kind(), ValueKind::boolean);
  EXPECT_EQ(Value(1).kind(), ValueKind::int64);
  EXPECT_EQ(Value(1.0).kind(), ValueKind::number);
  EXPECT_EQ(Value("x").kind(), ValueKind::string);
  EXPECT_EQ(Value(Bytes{}).kind(), ValueKind::bytes);
  EXPECT_EQ(Value(Array{}).kind(), ValueKind::array);
  EXPECT_EQ(Value(Object{}).kind(), ValueKind::object);
}

TEST(Value, EqualIntegersHaveOneForm) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(Value(std::uint64_t{7}), Value(7));
  EXPECT_EQ(Value(static_cast<std::uint64_t>(most)).kind(), ValueKind::int64);
  EXPECT_EQ(Value(static_cast<std::uint64_t>(most) + 1).kind(), ValueKind::uint64);
}

TEST(Value, GivesNullForAnotherKind) {
  const Value text("x");
  ASSERT_TRUE(text.if_string());
  EXPECT_EQ(*text.if_string(), "x");
  EXPECT_EQ(text.if_bool(), nullptr);
  EXPECT_EQ(text.if_int64(), nullptr);
  EXPECT_EQ(text.if_uint64(), nullptr);
  EXPECT_EQ(text.if_double(), nullptr);
  EXPECT_EQ(text.if_bytes(), nullptr);
  EXPECT_EQ(text.if_array(), nullptr);
  EXPECT_EQ(text.if_object(), nullptr);
}

TEST(Value, FindsTheLastMemberOfAName) {
  const Value object(Object{{"a", Value(1)}, {"b", Value(2)}, {"a", Value(3)}});
  ASSERT_TRUE(object.find("a"));
  EXPECT_EQ(*object.find("a"), Value(3));
  EXPECT_EQ(object.find("c"), nullptr);
  EXPECT_EQ(Value(1).find("a"), nullptr);
}

TEST(Value, IsCopiedAndComparedDeeply) {
  Value a(Array{Value(Object{{"x", Value("y")}})});
  const Value b = a;
  EXPECT_EQ(a, b);
  a.if_array()->front().if_object()->front().second = Value("z");
  EXPECT_NE(a, b);
}

TEST(Value, ReadsItsKindAloud) {
  EXPECT_EQ(kind_name(Value()), "null");
  EXPECT_EQ(kind_name(Value(true)), "boolean");
  EXPECT_EQ(kind_name(Value(1)), "number");
  EXPECT_EQ(kind_name(Value(std::numeric_limits<std::uint64_t>::max())), "number");
  EXPECT_EQ(kind_name(Value(0.5)), "number");
  EXPECT_EQ(kind_name(Value("")), "string");
  EXPECT_EQ(kind_name(Value(Bytes{})), "bytes");
  EXPECT_EQ(kind_name(Value(Array{})), "array");
  EXPECT_EQ(kind_name(Value(Object{})), "object");
}

}  // namespace
}  // namespace sagabus
