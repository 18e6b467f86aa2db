#include "message_size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "sagabus/error.hpp"

namespace {

using namespace sagabus;
using detail::fits;
using ::testing::AllOf;
using ::testing::HasSubstr;

Envelope message(Value payload) {
  Envelope envelope;
  envelope.id = "m";
  envelope.type = "T";
  envelope.payload = std::move(payload);
  return envelope;
}

// Whatever it holds, to the byte.
TEST(MessageSize, IsThatOfTheJsonForm) {
  const std::string controls(300, '\x01');
  std::vector<Envelope> messages;
  for (const Value& payload : {
           Value(),
           Value(false),
           Value(std::numeric_limits<std::int64_t>::min()),
           Value(std::numeric_limits<std::uint64_t>::max()),
           Value(-2.2250738585072014e-308),
           Value(std::string(300, 'x')),
           Value(controls),
           Value("Grüße \"世界\" \\ \n"),
           Value(Bytes(100, std::byte{255})),
           Value(Array{}),
           Value(Object{}),
           Value(Array(100, Value(-1.7976931348623157e308))),
           Value(Object{{controls, Value(Array{Value(Object{{"in", Value(controls)}})})}}),
       }) {
    messages.push_back(message(payload));
  }
  Envelope& full = messages.emplace_back(message(Value(1)));
  full.id = controls;
  full.type = controls;
  full.partition_key = controls;
  full.headers = {{controls, controls}, {"x", ""}};
  full.timestamp = TimePoint(std::chrono::milliseconds(1'767'225'600'123));
  for (const Envelope& envelope : messages) {
    const std::size_t bytes = to_json(envelope).size();
    EXPECT_TRUE(fits(envelope, bytes)) << to_json(envelope);
    EXPECT_FALSE(fits(envelope, bytes - 1)) << to_json(envelope);
    EXPECT_TRUE(fits(envelope, 10 * bytes + 1000));
  }
}

TEST(MessageSize, ATransportWithoutALimitTakesEverything) {
  // Nobody counts: what has no JSON form is left to others to refuse.
  const Envelope envelope = message(Value(std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(fits(envelope, std::numeric_limits<std::size_t>::max()));
}

TEST(MessageSize, ARefusalSaysWhatIsTooLarge) {
  const Envelope envelope = message(Value(std::string(1000, 's')));
  try {
    detail::check_size(envelope, 1000);
    FAIL() << "accepted";
  } catch (const ValidationError& error) {
    const std::string size = std::to_string(to_json(envelope).size());
    EXPECT_THAT(error.what(), AllOf(HasSubstr("T: "), HasSubstr(size), HasSubstr("at most 1000"),
                                    ::testing::Not(HasSubstr("sss"))));
  }
}

}  // namespace
