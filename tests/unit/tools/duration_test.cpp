#include "duration.hpp"

#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using sagabus::tools::age_text;
using sagabus::tools::parse_duration;

TEST(Duration, IsANumberAndAUnit) {
  EXPECT_EQ(parse_duration("0s"), 0ms);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("90s"), 90s);
  EXPECT_EQ(parse_duration("10m"), 10min);
  EXPECT_EQ(parse_duration("2h"), 2h);
  EXPECT_EQ(parse_duration("3650d"), 3650 * 24h);
}

TEST(Duration, IsNothingElse) {
  for (const char* text : {"", "10", "m", "-1s", "+1s", " 1s", "1 s", "1.5h", "1w", "1S", "3651d",
                           "99999999999999999999s"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
  }
}

TEST(Duration, AgesAreShort) {
  EXPECT_EQ(age_text(-5s), "0s");
  EXPECT_EQ(age_text(1999ms), "1s");
  EXPECT_EQ(age_text(119s), "119s");
  EXPECT_EQ(age_text(120s), "2m");
  EXPECT_EQ(age_text(47h), "47h");
  EXPECT_EQ(age_text(49h), "2d");
}

}  // namespace
