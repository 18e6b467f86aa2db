#include "duration.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace sagabus::tools {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};
constexpr Unit kUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
constexpr std::int64_t kMost = 3650 * std::int64_t{86'400'000};

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || count < 0) return std::nullopt;
  const std::string_view name(stop, static_cast<std::size_t>(end - stop));
  for (const Unit& unit : kUnits) {
    if (unit.name != name || count > kMost / unit.milliseconds) continue;
    return std::chrono::milliseconds(count * unit.milliseconds);
  }
  return std::nullopt;
}

std::string age_text(std::chrono::milliseconds age) {
  const std::int64_t count = age.count();
  for (std::size_t i = std::size(kUnits) - 1; i > 1; --i) {
    if (count >= 2 * kUnits[i].milliseconds) {
      return fmt::format("{}{}", count / kUnits[i].milliseconds, kUnits[i].name);
    }
  }
  return fmt::format("{}s", count > 0 ? count / 1000 : 0);
}

}  // namespace sagabus::tools
