#include "aws/service_clock.hpp"

#include <gtest/gtest.h>

#include "aws/http_date.hpp"

namespace sagabus::aws {
namespace {

using namespace std::chrono_literals;

TEST(HttpDate, IsRead) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), TimePoint(784111777s));
  EXPECT_EQ(parse_http_date("Thu, 29 Feb 2024 23:59:59 GMT"), TimePoint(1709251199s));
}

TEST(HttpDate, IsRefusedInAnyOtherShape) {
  for (const char* bad : {"", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                          "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Xyz 1994 08:49:37 GMT", "Sun, 06 anF 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(bad)) << bad;
  }
}

constexpr TimePoint kStart{1'000'000s};

TEST(ServiceClock, IsTheLocalOneBeforeTheFirstAnswer) {
  EXPECT_EQ(ServiceClock().service_now(kStart, 5s), kStart);
}

TEST(ServiceClock, CarriesTheDateOn) {
  ServiceClock clock;
  clock.observe(kStart, kStart - 1h, 10s);
  EXPECT_EQ(clock.service_now(TimePoint(), 13s), kStart + 3s);
}

TEST(ServiceClock, KeepsTheBestBoundAndLeavesABadOne) {
  ServiceClock clock;
  clock.observe(kStart, kStart, 10s);
  clock.observe(kStart + 1s, kStart, 10500ms);  // the second turned: better than 500 ms later
  EXPECT_EQ(clock.service_now(TimePoint(), 10500ms), kStart + 1s);
  clock.observe(kStart + 1s, kStart, 11s);  // cut to the second: no news
  EXPECT_EQ(clock.service_now(TimePoint(), 11s), kStart + 1500ms);
  clock.observe(kStart - 1min, kStart, 11s);  // the service set its clock back
  EXPECT_EQ(clock.service_now(TimePoint(), 11s), kStart - 1min);
}

TEST(ServiceClock, CorrectsTheSigningTimeFromFourMinutesOn) {
  ServiceClock clock;
  clock.observe(kStart + 4min - 1s, kStart, 0s);
  EXPECT_EQ(clock.signing_time(kStart), kStart);
  clock.observe(kStart + 4min, kStart, 0s);
  EXPECT_EQ(clock.signing_time(kStart), kStart + 4min);
  clock.observe(kStart, kStart, 0s);  // the local clock was set
  EXPECT_EQ(clock.signing_time(kStart), kStart);
}

TEST(ServiceClock, CorrectsASmallDifferenceWhenAsked) {
  ServiceClock clock;
  EXPECT_FALSE(clock.correct(kStart, 0s));
  clock.observe(kStart - 10s, kStart, 0s);
  EXPECT_TRUE(clock.correct(kStart + 1s, 1s));
  EXPECT_EQ(clock.signing_time(kStart + 1s), kStart - 9s);
}

}  // namespace
}  // namespace sagabus::aws
