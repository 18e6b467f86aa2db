// How long completed instances stay, as the stores' option `ttl_days` says it.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string_view>

#include "sagabus/clock.hpp"

namespace sagabus::detail {

// In whole seconds, rounded up; empty: for ever. Throws std::invalid_argument, whose text begins
// with `owner`.
inline std::optional<std::chrono::seconds> read_ttl(std::optional<double> days,
                                                    std::string_view owner = {}) {
  constexpr double kMaxDays = 36'500;
  if (!days) return std::nullopt;
  if (!(*days > 0 && *days <= kMaxDays)) {
    throw std::invalid_argument(
        fmt::format("{}ttl_days: {}, expected more than 0 and at most {}", owner, *days, kMaxDays));
  }
  return std::chrono::ceil<std::chrono::seconds>(
      std::chrono::duration<double, std::ratio<86'400>>(*days));
}

// When an instance that is written now is gone. Empty: never.
inline std::optional<TimePoint> expiry(bool completed, std::optional<std::chrono::seconds> ttl,
                                       const Clock& clock) {
  if (!completed || !ttl) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(clock.now()) + *ttl;
}

}  // namespace sagabus::detail
