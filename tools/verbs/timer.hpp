// What the verbs about timers share.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "command.hpp"
#include "sagabus/timer_tools.hpp"

namespace sagabus::tools {

struct TimerOptions {
  std::string store;
  std::string key;  // not of `list`
  bool json = false;
};

// The group `sagabus timer`, made with the first verb that asks for it.
CLI::App& timer_group(CLI::App& app);

// Adds --store and --json, and KEY.
void add_timer_options(CLI::App& verb, TimerOptions& options);
void add_timer_key(CLI::App& verb, TimerOptions& options);

// A moment on the command line, or so long from now.
struct When {
  std::optional<TimePoint> at{};
  std::chrono::milliseconds in{0};  // where `at` is empty
  TimePoint after(TimePoint now) const { return at ? *at : later(now, in); }
};

// Empty for what is neither "2026-11-22T17:04:05Z" (ISO 8601, with a zone) nor as parse_duration
// takes it.
std::optional<When> parse_moment(std::string_view text);
std::optional<When> parse_when(std::string_view text);

// Opens the store, ready to be used. Throws Failure as parse_lasting_store does, and Unsupported
// where it keeps no timers.
boost::asio::awaitable<SagaStore> open_timers(std::string uri);

// The one row that `key` names. Throws Failure: with Exit::not_found where there is none, with
// Exit::wrong_use where there are several.
boost::asio::awaitable<TimerRow> find_timer(SagaStore store, std::string key);

// Asks on a terminal for the timer's id. Throws Failure where the user is not sure.
void ask_about_timer(const TimerRow& row, const std::string& question);

// What is printed of a row: a few lines for people, or one JSON object on a line.
struct TimerReport {
  const TimerRow& row;
  TimePoint now{};
  std::optional<TimerFinding> finding{};  // empty: the instance was not asked
  std::string_view outcome{};             // of a change; empty: there was none
  std::optional<TimerKey> moved_to{};
  bool whole = false;  // with the message
};
void print_timer(const TimerReport& report, bool json);

}  // namespace sagabus::tools
