// Timeouts of an instance, and messages that were scheduled for later.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/clock.hpp"
#include "sagabus/describe.hpp"

namespace sagabus {

// What a timeout handler is given. On the wire a message of the same name, which only the instance
// that set the timeout gets.
struct SagaTimeoutExpired {
  std::string sagaId;
  std::string sagaName;
  std::string correlationId;
  std::int64_t timeoutMs = 0;  // how long it was to take when it was set last
  TimePoint timeoutSetAt{};
  std::optional<std::string> timeoutName{};  // empty: it has none
};
SAGABUS_MESSAGE(SagaTimeoutExpired, sagaId, sagaName, correlationId, timeoutMs, timeoutSetAt,
                timeoutName)

// A timeout that an instance has set and that has not come to it yet.
struct Timer {
  std::string name;   // empty: it has none
  std::string token;  // random; another one each time it is set anew
  TimePoint due{};
  TimePoint set_at{};  // when it was set, or moved, last
  friend bool operator==(const Timer&, const Timer&) = default;
};

// Names a scheduled message: whoever has it can cancel it. May be kept in a saga's state.
struct ScheduledMessage {
  std::string id;   // the message's
  TimePoint due{};  // when it is sent
  friend bool operator==(const ScheduledMessage&, const ScheduledMessage&) = default;
};
SAGABUS_DESCRIBE(ScheduledMessage, id, due)

// How many timeouts an instance may have at once, and how long their names may be, in bytes.
inline constexpr std::size_t kMaxTimers = 64;
inline constexpr std::size_t kMaxTimerName = 128;

}  // namespace sagabus
