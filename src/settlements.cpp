#include "settlements.hpp"

#include <algorithm>

namespace sagabus::detail {
namespace {

using std::chrono::nanoseconds;

// A watermark names so many open steps at most, which is some 4 KB: with more of them open, after a
// long outage, it does not reach as far.
constexpr std::size_t kMostOpen = 500;

// With more steps in doubt, one is forgotten for each new one. Its number stays open, as that of a
// step does whose message was redelivered to another worker.
constexpr std::size_t kMostDoubts = 10'000;

// Workers tell every 5 s what is new. One that says nothing new is asked less and less often.
constexpr nanoseconds kFirstInterval = std::chrono::seconds(5);
constexpr nanoseconds kLongestInterval = std::chrono::minutes(10);

// Workers come and go; of those that were not met for long, nothing need be kept.
constexpr std::size_t kMostOthers = 10'000;

}  // namespace

Settlements::Number Settlements::begin(StepKey step) {
  const std::lock_guard lock(mutex_);
  if (const auto doubt = find(step); doubt != doubts_.end()) {
    const std::uint64_t sequence = doubt->second;
    doubted_.erase(sequence);
    doubts_.erase(doubt);
    return {sequence, true};
  }
  open_.insert(++last_);
  return {last_, false};
}

void Settlements::settle(std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (const auto doubt = doubted_.find(sequence); doubt != doubted_.end()) {
    doubts_.erase(doubt->second);
    doubted_.erase(doubt);
  }
  if (open_.erase(sequence) == 0 || has_news_) return;
  has_news_ = true;
  if (on_news_) on_news_();
}

void Settlements::doubt(StepKey step, std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (doubts_.size() >= kMostDoubts) {
    doubted_.erase(doubts_.begin()->second);
    doubts_.erase(doubts_.begin());
  }
  const auto [doubt, is_new] =
      doubts_.try_emplace({std::string(step.saga_id), std::string(step.message_id)}, sequence);
  if (is_new) doubted_.emplace(sequence, doubt);
}

std::uint64_t Settlements::in_doubt(StepKey step) const {
  const std::lock_guard lock(mutex_);
  const auto doubt = find(step);
  return doubt == doubts_.end() ? 0 : doubt->second;
}

Settlements::Doubts::const_iterator Settlements::find(StepKey step) const {
  if (doubts_.empty()) return doubts_.end();
  return doubts_.find({std::string(step.saga_id), std::string(step.message_id)});
}

bool Settlements::settled(const OutboxEntry& entry) const {
  if (entry.worker == worker_) return entry.sequence <= last_ && !open_.contains(entry.sequence);
  const auto other = others_.find(entry.worker);
  return other != others_.end() && other->second.watermark.covers(entry.sequence);
}

bool Settlements::is_settled(const OutboxEntry& entry) const {
  const std::lock_guard lock(mutex_);
  return settled(entry);
}

std::vector<OutboxEntry> Settlements::unsettled(const std::vector<OutboxEntry>& entries) const {
  std::vector<OutboxEntry> kept;
  if (entries.empty()) return kept;
  const std::lock_guard lock(mutex_);
  for (const OutboxEntry& entry : entries) {
    if (!settled(entry)) kept.push_back(entry);
  }
  return kept;
}

std::optional<Watermark> Settlements::news() {
  const std::lock_guard lock(mutex_);
  has_news_ = false;
  Watermark now{last_, {open_.begin(), open_.end()}};
  std::sort(now.open.begin(), now.open.end());
  if (now.open.size() > kMostOpen) {
    now.through = now.open[kMostOpen] - 1;
    now.open.resize(kMostOpen);
  }
  if (now == told_) return std::nullopt;
  told_ = now;
  return now;
}

void Settlements::on_news(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_news_ = std::move(call);
}

std::vector<std::string> Settlements::to_look_up(const std::vector<OutboxEntry>& entries,
                                                 nanoseconds now) {
  std::vector<std::string> workers;
  for (const OutboxEntry& entry : entries) {
    if (entry.worker == worker_) continue;  // mostly: told without the lock
    const std::lock_guard lock(mutex_);
    if (settled(entry)) continue;
    if (others_.size() >= kMostOthers && !others_.contains(entry.worker)) others_.clear();
    Other& other = others_[entry.worker];
    if (other.interval != nanoseconds::zero() && now < other.next_look) continue;
    other.interval = std::clamp(2 * other.interval, kFirstInterval, kLongestInterval);
    other.next_look = now + other.interval;
    workers.push_back(entry.worker);
  }
  return workers;
}

void Settlements::learn(const std::string& worker, std::optional<Watermark> watermark) {
  const std::lock_guard lock(mutex_);
  const auto other = others_.find(worker);
  if (other == others_.end() || !watermark || *watermark == other->second.watermark) return;
  other->second.next_look -= other->second.interval - kFirstInterval;
  other->second.interval = kFirstInterval;
  other->second.watermark = *std::move(watermark);
}

}  // namespace sagabus::detail
