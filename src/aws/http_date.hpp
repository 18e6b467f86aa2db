// The Date header of an answer.
#pragma once

#include <optional>
#include <string_view>

#include "sagabus/clock.hpp"

namespace sagabus::aws {

// Reads "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110's IMF-fixdate); nothing where it is anything
// else.
std::optional<TimePoint> parse_http_date(std::string_view text);

}  // namespace sagabus::aws
