// What a timer's row holds, and what a row that was fired says: pure functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sagabus/instance.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::detail {

// Throws ValidationError for a message that no row could be named after, or that is due too far
// ahead.
void check_scheduled(const Envelope& envelope, std::chrono::milliseconds ahead,
                     std::chrono::milliseconds most);

// Throws ValidationError for a message that no row could hold.
void check_fits_row(const Envelope& envelope);

TimerRow scheduled_row(const OutgoingMessage& message);

// A number that a header holds; 0 where it is missing, or holds none.
std::uint64_t read_count(const Envelope& envelope, std::string_view header);

// A row may hold it: what every store keeps there, in bytes of its JSON form.
inline constexpr std::size_t kMaxRowBytes = std::size_t{256} * 1024;
bool fits_row(const Envelope& envelope);

// With which it is sent: what waited was sent before, under its message's id.
std::string deduplication_key(const TimerRow& row);

// The row that brings a timeout to its instance when it is due.
TimerRow timeout_row(const Instance& instance, const Timer& timer);

// The same row at another time, which its message bears as well, unless it was sent before:
// receivers compare it with what they have forgotten.
TimerRow moved_to(TimerRow row, TimePoint due);

// Of a timeout that has come: which one it is, and when its row was due.
struct Firing {
  std::string token;
  TimePoint due{};
};

// Throws ValidationError where the message did not come from a row.
Firing read_firing(const Envelope& envelope);

// What is to become of rows: no key is in both.
struct TimerEffects {
  std::vector<TimerRow> rows;
  std::vector<TimerKey> cancelled;
  bool empty() const noexcept { return rows.empty() && cancelled.empty(); }
};

// After what is there. What one outbox entry makes of timers, as the instance has them now: one
// that was cleared since needs no row, and one that was set anew has its own entry.
void add_timers(const OutboxEntry& entry, const Instance& instance, TimerEffects& out);

}  // namespace sagabus::detail
