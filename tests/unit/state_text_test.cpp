#include "state_text.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "sagabus/error.hpp"

namespace sagabus::detail {
namespace {

Value object(std::string name, Value value) {
  Object out;
  out.emplace_back(std::move(name), std::move(value));
  return Value(std::move(out));
}

Value bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int value : values) out.push_back(static_cast<std::byte>(value));
  return Value(std::move(out));
}

void expect_round_trip(const Value& value) {
  EXPECT_EQ(read_state(write_state(value)), value) << write_state(value);
}

TEST(StateText, BytesAreReadable) {
  EXPECT_EQ(write_state(object("key", bytes({0, 1, 255}))), R"({"key":{"$bytes":"AAH/"}})");
}

TEST(StateText, BytesComeBackAsBytes) {
  expect_round_trip(bytes({}));
  expect_round_trip(object("a", Value(Array{bytes({0}), object("b", bytes({1, 2}))})));
}

TEST(StateText, TextThatLooksLikeBytesStaysText) {
  for (const char* name : {"$bytes", "$$bytes", "$$$bytes", "bytes", "$byte", "$"}) {
    expect_round_trip(object(name, Value("AAH/")));
    expect_round_trip(object(name, bytes({7})));
    expect_round_trip(object(name, object(name, Value(1))));
  }
  Object two;
  two.emplace_back("$bytes", Value("AAH/"));
  two.emplace_back("other", Value(1));
  expect_round_trip(Value(std::move(two)));
}

TEST(StateText, NumbersKeepTheirKind) {
  expect_round_trip(Value(1));
  expect_round_trip(Value(1.0));
  expect_round_trip(Value(-0.0));
  expect_round_trip(Value(std::numeric_limits<std::int64_t>::min()));
  expect_round_trip(Value(std::numeric_limits<std::uint64_t>::max()));
  expect_round_trip(Value(std::numeric_limits<double>::denorm_min()));
}

TEST(StateText, TextWithNulAndQuotes) {
  expect_round_trip(Value(std::string("a\0\"\\\n", 5)));
}

TEST(StateText, WhatCannotBeReadBackIsNotWritten) {
  EXPECT_THROW(write_state(Value(std::numeric_limits<double>::infinity())), ValidationError);
  EXPECT_THROW(write_state(Value("\xff")), ValidationError);
  Value deep;
  for (int i = 0; i < 199; ++i) deep = Value(Array{deep});
  expect_round_trip(deep);
  expect_round_trip(Value(Array{bytes({1}), deep.if_array()->front()}));
  EXPECT_THROW(write_state(Value(Array{Value(Array{deep})})), ValidationError);
}

TEST(StateText, BrokenBytesAreRefused) {
  EXPECT_THROW(read_state(R"({"$bytes":1})"), ValidationError);
  EXPECT_THROW(read_state(R"({"$bytes":"!"})"), ValidationError);
}

}  // namespace
}  // namespace sagabus::detail
