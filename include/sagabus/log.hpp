// Where sagabus says what it does. A library imposes no logger: give it a function, or nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sagabus {

enum class LogLevel { debug, info, warning, error };

// A cheap handle, copied freely. Made without a sink, it says nothing. No line holds a secret, a
// payload or a state.
class Logger {
 public:
  // Called from any thread, with one line of text without a newline. An exception that it throws
  // is swallowed.
  using Sink = std::function<void(LogLevel, std::string_view)>;

  Logger() = default;
  explicit Logger(Sink sink, LogLevel least = LogLevel::info)
      : sink_(std::make_shared<const Sink>(std::move(sink))), least_(least) {}

  // Ask before building an expensive line.
  bool enabled(LogLevel level) const noexcept { return sink_ && level >= least_; }

  void operator()(LogLevel level, std::string_view line) const noexcept {
    if (!enabled(level)) return;
    try {
      (*sink_)(level, line);
    } catch (...) {  // NOLINT(bugprone-empty-catch): a broken log must not break a saga
    }
  }

 private:
  std::shared_ptr<const Sink> sink_;
  LogLevel least_ = LogLevel::info;
};

// Writes to standard error, one line a call.
Logger stderr_logger(LogLevel least = LogLevel::info);

}  // namespace sagabus
