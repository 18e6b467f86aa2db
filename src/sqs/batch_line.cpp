#include "sqs/batch_line.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "sagabus/sqs/transport.hpp"

namespace sagabus::sqs {

void BatchLine::add(BatchEntry entry) {
  if (!entry.group.empty()) {
    const auto [waiting, free] = behind_.try_emplace(entry.group);
    if (!free) {
      waiting->second.push_back(std::move(entry));
      return;
    }
  }
  ready_.push_back(std::move(entry));
}

std::vector<BatchEntry> BatchLine::take() {
  std::vector<BatchEntry> out;
  std::size_t bytes = 0;
  while (!ready_.empty() && out.size() < kMaxRequestMessages) {
    bytes += ready_.front().bytes;
    if (!out.empty() && bytes > max_bytes_) break;
    out.push_back(std::move(ready_.front()));
    ready_.pop_front();
  }
  return out;
}

void BatchLine::settle(const BatchEntry& entry) {
  if (entry.group.empty()) return;
  const auto waiting = behind_.find(entry.group);
  if (waiting == behind_.end()) return;
  if (waiting->second.empty()) {
    behind_.erase(waiting);
    return;
  }
  ready_.push_back(std::move(waiting->second.front()));
  waiting->second.pop_front();
}

void BatchLine::put_back(BatchEntry entry) {
  ready_.push_front(std::move(entry));
}

std::vector<BatchEntry> BatchLine::take_followers(const BatchEntry& entry) {
  std::vector<BatchEntry> out;
  const auto waiting = entry.group.empty() ? behind_.end() : behind_.find(entry.group);
  if (waiting == behind_.end()) return out;
  std::deque<BatchEntry>& line = waiting->second;
  const auto followers = std::stable_partition(
      line.begin(), line.end(), [&entry](const BatchEntry& e) { return e.owner != entry.owner; });
  out.assign(std::move_iterator(followers), std::move_iterator(line.end()));
  line.erase(followers, line.end());
  return out;
}

std::vector<BatchEntry> BatchLine::clear() {
  std::vector<BatchEntry> out(std::move_iterator(ready_.begin()), std::move_iterator(ready_.end()));
  for (auto& [group, line] : behind_) {
    out.insert(out.end(), std::move_iterator(line.begin()), std::move_iterator(line.end()));
  }
  ready_.clear();
  behind_.clear();
  return out;
}

}  // namespace sagabus::sqs
