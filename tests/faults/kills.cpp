#include "faults/kills.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace sagabus::faults {

void Kills::add(const Plan& plan, const std::vector<Line>& lines) {
  const auto times = [&](std::string_view word) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const Line& it) { return it.word == word; });
  };
  answers_lost_ += static_cast<unsigned>(times(words::kAnswerLost));
  if (lines.empty()) {
    ++before_work_;
    return;
  }
  if (plan.point != Point::nowhere && times(words::kDying) == 0) {
    throw std::runtime_error("somebody else kills our workers");
  }
  ++at_.at(static_cast<std::size_t>(plan.point));
  const bool commit =
      times(words::kTry) > times(words::kWon) + times(words::kLost) + times(words::kDoubt);
  const bool dispatch = times(words::kSend) > times(words::kSent);
  const bool acknowledgement = times(words::kAcknowledge) > times(words::kAcknowledged);
  commits_ += commit;
  dispatches_ += dispatch;
  acknowledgements_ += acknowledgement;
  none_ += !commit && !dispatch && !acknowledgement;
}

unsigned Kills::total() const {
  return std::accumulate(at_.begin(), at_.end(), 0U);
}

std::string Kills::text() const {
  std::string points;
  for (std::size_t i = 0; i < kPoints.size(); ++i) {
    points += fmt::format("{} {}, ", kPoints.at(i), at_.at(i));
  }
  return fmt::format(
      "{} kills of workers at work: {}and {} of workers that had not begun\n"
      "half-way when killed: a commit {}, a dispatch {}, an acknowledgement {}, none of them {}\n"
      "answers lost to them before: {}\n",
      total(), points, before_work_, commits_, dispatches_, acknowledgements_, none_,
      answers_lost_);
}

}  // namespace sagabus::faults
