#include "aws/http_date.hpp"

#include <charconv>

namespace sagabus::aws {
namespace {

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

unsigned month_of(std::string_view name) {
  constexpr std::string_view kNames = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const std::size_t at = kNames.find(name);
  return at == std::string_view::npos || at % 3 != 0 ? 0 : static_cast<unsigned>(at / 3) + 1;
}

}  // namespace

std::optional<TimePoint> parse_http_date(std::string_view text) {
  constexpr std::string_view kShape = "DDD, 00 MMM 0000 00:00:00 GMT";
  if (text.size() != kShape.size()) return std::nullopt;
  for (const std::size_t at : {3, 4, 7, 11, 16, 19, 22, 25, 26, 27, 28}) {
    if (text[at] != kShape[at]) return std::nullopt;
  }
  const auto day = number(text.substr(5, 2));
  const auto year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2));
  const auto minute = number(text.substr(20, 2));
  const auto second = number(text.substr(23, 2));
  if (!day || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(month_of(text.substr(8, 3))),
                                         std::chrono::day(*day)};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace sagabus::aws
