#include "timeline.hpp"

#include <fmt/format.h>

#include <boost/describe/enum_to_string.hpp>
#include <chrono>

#include "messages.hpp"

namespace loans {
namespace {

std::string text_of(Outcome outcome) {
  return boost::describe::enum_to_string(outcome, "");
}

// What the step led to. The state is looked at as the store keeps it: middleware is for sagas of
// every kind, and knows no type.
std::string result_of(const sagabus::StepView& step) {
  if (step.outcome == sagabus::StepOutcome::ignored) return "ignored";
  const sagabus::Value* status = step.resulting ? step.resulting->state.find("status") : nullptr;
  return status && status->if_string() ? *status->if_string() : "";
}

}  // namespace

sagabus::Middleware Timeline::middleware() {
  return [this](sagabus::StepView& step, sagabus::Next next) -> boost::asio::awaitable<void> {
    co_await next();
    write(step);
  };
}

sagabus::Service Timeline::archive() {
  return sagabus::service("archive").on<ApplicationClosed>(
      [this](const ApplicationClosed& m, sagabus::MessageContext& ctx) {
        if (!cast_.contains(m.applicationId)) return;
        const std::lock_guard lock(mutex_);
        auto& ends = entries_[m.applicationId].ends;
        if (ends.empty()) ++ended_count_;
        ends[ctx.envelope().id] = m.outcome;
        ended_.notify_all();
      });
}

bool Timeline::wait_for_all(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return ended_.wait_for(lock, time, [this] { return ended_count_ == cast_.size(); });
}

void Timeline::write(const sagabus::StepView& step) {
  if (!cast_.contains(step.correlation_id)) return;
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[step.correlation_id];
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  if (entry.lines.empty()) entry.submitted = now;
  entry.lines.push_back(fmt::format("{:>8} ms  {:<22}{}", (now - entry.submitted).count(),
                                    step.envelope->type, result_of(step)));
}

void Timeline::print() const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, entry] : entries_) {
    fmt::print("{}\n", cast_.at(id).name);
    for (const std::string& line : entry.lines) fmt::print("{}\n", line);
    for (const auto& [message, outcome] : entry.ends) fmt::print("  {}\n", outcome);
  }
}

std::vector<std::string> Timeline::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> problems;
  for (const auto& [id, applicant] : cast_) {
    const auto entry = entries_.find(id);
    const std::size_t times = entry == entries_.end() ? 0 : entry->second.ends.size();
    const std::string expected = text_of(applicant.expected);
    if (times != 1) {
      problems.push_back(fmt::format("{}: the application ended {} times", applicant.name, times));
    } else if (const std::string& found = entry->second.ends.begin()->second; found != expected) {
      problems.push_back(fmt::format("{}: {}, expected {}", applicant.name, found, expected));
    }
  }
  return problems;
}

}  // namespace loans
