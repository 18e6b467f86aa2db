#include "sagabus/time_text.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "unit/expect.hpp"

namespace sagabus {
namespace {

using namespace std::chrono_literals;

SplitTime split(std::int64_t seconds, std::int64_t nanoseconds = 0) {
  return {std::chrono::sys_seconds(std::chrono::seconds(seconds)),
          std::chrono::nanoseconds(nanoseconds)};
}

TEST(TimeText, WritesMillisecondsAndWhatElseThereIs) {
  EXPECT_EQ(to_iso8601(split(0)), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(split(1'795'367'045, 123'000'000)), "2026-11-22T17:04:05.123Z");
  EXPECT_EQ(to_iso8601(split(0, 120'000'000)), "1970-01-01T00:00:00.120Z");
  EXPECT_EQ(to_iso8601(split(0, 1)), "1970-01-01T00:00:00.000000001Z");
  EXPECT_EQ(to_iso8601(split(0, 123'456'000)), "1970-01-01T00:00:00.123456Z");
  EXPECT_EQ(to_iso8601(split(0, 999'999'999)), "1970-01-01T00:00:00.999999999Z");
}

TEST(TimeText, WritesTimesBefore1970) {
  EXPECT_EQ(to_iso8601(TimePoint(-1ms)), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(to_iso8601(split(-62'167'219'200)), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(split(253'402'300'799, 999'000'000)), "9999-12-31T23:59:59.999Z");
}

TEST(TimeText, RefusesToWriteYearsOutOfRange) {
  EXPECT_THROW(to_iso8601(split(-62'167'219'201)), ValidationError);
  EXPECT_THROW(to_iso8601(split(253'402'300'800)), ValidationError);
  EXPECT_EQ(to_iso8601(kEarliestText), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(kLatestText), "9999-12-31T23:59:59.999Z");
  EXPECT_THROW(to_iso8601(kEarliestText - 1ms), ValidationError);
  EXPECT_THROW(to_iso8601(kLatestText + 1ms), ValidationError);
  // Where the years of <chrono> would begin anew.
  EXPECT_THROW(to_iso8601(kEarliestText + std::chrono::days(std::int64_t{400'000} * 146'097 / 400)),
               ValidationError);
  EXPECT_THROW(to_iso8601(TimePoint::min()), ValidationError);
  EXPECT_THROW(to_iso8601(TimePoint::max()), ValidationError);
  // A calendar of 16 bits would take these for years that there are.
  EXPECT_THROW(to_iso8601(split(65'536LL * 31'556'952)), ValidationError);
  EXPECT_THROW(to_iso8601(split(std::numeric_limits<std::int64_t>::max())), ValidationError);
  EXPECT_THROW(to_iso8601(split(std::numeric_limits<std::int64_t>::min())), ValidationError);
  EXPECT_THROW(to_iso8601(TimePoint::max()), ValidationError);
  EXPECT_THROW(to_iso8601(TimePoint::min()), ValidationError);
}

TEST(TimeText, RefusesToReadWhatItCouldNotWrite) {
  for (const char* bad :
       {"9999-12-31T23:59:59-02:00", "9999-12-31T23:59:60Z", "0000-01-01T00:00:00+00:01"}) {
    EXPECT_EQ(test::error_of([&] { parse_iso8601(bad); }), "a time outside the years 0 to 9999")
        << bad;
  }
  EXPECT_EQ(to_iso8601(parse_iso8601("9999-12-31T21:59:59.999-02:00")), "9999-12-31T23:59:59.999Z");
}

TEST(Clock, LaterStopsAtTheEndOfTime) {
  constexpr auto kLongest = std::chrono::milliseconds::max();
  EXPECT_EQ(later(TimePoint(5ms), 3ms), TimePoint(8ms));
  EXPECT_EQ(later(TimePoint(5ms), -8ms), TimePoint(-3ms));
  EXPECT_EQ(later(TimePoint(0ms), kLongest), TimePoint::max());
  EXPECT_EQ(later(TimePoint(1ms), kLongest), TimePoint::max());
  EXPECT_EQ(later(TimePoint(-1ms), kLongest), TimePoint(kLongest - 1ms));
  EXPECT_EQ(later(TimePoint::max(), kLongest), TimePoint::max());
  EXPECT_EQ(later(TimePoint(-1ms), std::chrono::milliseconds::min()), TimePoint::min());
  EXPECT_EQ(later(TimePoint::min(), -1ms), TimePoint::min());
  EXPECT_EQ(later(TimePoint::min(), kLongest), TimePoint(-1ms));
}

TEST(TimeText, ReadsWhatItWrites) {
  for (const std::int64_t seconds :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{951'782'400}, std::int64_t{-62'167'219'200},
        std::int64_t{253'402'300'799}}) {
    for (const std::int64_t nanoseconds : {0, 1, 120'000'000, 999'999'999}) {
      const SplitTime back = parse_iso8601(to_iso8601(split(seconds, nanoseconds)));
      EXPECT_EQ(back.seconds.time_since_epoch().count(), seconds);
      EXPECT_EQ(back.fraction.count(), nanoseconds);
    }
  }
}

TEST(TimeText, ReadsFractionsAndOffsets) {
  const std::pair<const char*, SplitTime> table[] = {
      {"1970-01-01T00:00:00Z", split(0)},
      {"1970-01-01T00:00:00.5Z", split(0, 500'000'000)},
      {"1970-01-01T00:00:00.123456789Z", split(0, 123'456'789)},
      {"1970-01-01T02:00:00+02:00", split(0)},
      {"1969-12-31T18:30:00.25-05:30", split(0, 250'000'000)},
      {"1970-01-01T00:00:00+00:00", split(0)},
      {"1970-01-01T00:00:00-00:00", split(0)},
      {"2000-02-29T00:00:00Z", split(951'782'400)},
      {"2016-12-31T23:59:60Z", split(1'483'228'800)},
  };
  for (const auto& [text, expected] : table) {
    const SplitTime found = parse_iso8601(text);
    EXPECT_EQ(found.seconds, expected.seconds) << text;
    EXPECT_EQ(found.fraction, expected.fraction) << text;
  }
}

TEST(TimeText, RefusesEverythingElse) {
  for (const char* bad : {"",
                          "now",
                          "1970-01-01",
                          "1970-01-01T00:00Z",
                          "1970-01-01T00:00:00",
                          "1970-01-01 00:00:00Z",
                          "1970-01-01t00:00:00Z",
                          "1970-01-01T00:00:00z",
                          "1970-1-1T00:00:00Z",
                          "70-01-01T00:00:00Z",
                          "1970-00-01T00:00:00Z",
                          "1970-13-01T00:00:00Z",
                          "1970-01-00T00:00:00Z",
                          "1970-01-32T00:00:00Z",
                          "1970-02-30T00:00:00Z",
                          "1900-02-29T00:00:00Z",
                          "1970-01-01T24:00:00Z",
                          "1970-01-01T00:60:00Z",
                          "1970-01-01T00:00:61Z",
                          "1970-01-01T00:00:00.Z",
                          "1970-01-01T00:00:00.1234567890Z",
                          "1970-01-01T00:00:00,5Z",
                          "1970-01-01T00:00:00ZZ",
                          "1970-01-01T00:00:00+2",
                          "1970-01-01T00:00:00+0200",
                          "1970-01-01T00:00:00+24:00",
                          "1970-01-01T00:00:00+02:60",
                          "+1970-01-01T00:00:00Z",
                          "-001-01-01T00:00:00Z",
                          " 1970-01-01T00:00:00Z",
                          "1970-01-01T00:00:00Z "}) {
    EXPECT_EQ(test::error_of([&] { parse_iso8601(bad); }),
              "expected a time such as 2026-11-22T17:04:05.123Z")
        << bad;
  }
}

}  // namespace
}  // namespace sagabus
