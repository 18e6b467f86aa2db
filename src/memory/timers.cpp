#include "memory/timers.hpp"

#include <boost/asio/awaitable.hpp>

namespace sagabus::memory {

namespace asio = boost::asio;

asio::awaitable<void> TimersInMemory::put(std::vector<TimerRow> rows, Cost* /*cost*/) {
  const std::lock_guard lock(mutex_);
  for (TimerRow& row : rows) {
    TimerKey key = row.key;
    for (const auto& watcher : watchers_) {
      if (const auto call = watcher.lock()) (*call)(key.due);
    }
    rows_.insert_or_assign(std::move(key), std::move(row));
  }
  co_return;
}

std::shared_ptr<void> TimersInMemory::watch(std::function<void(TimePoint due)> call) {
  auto watcher = std::make_shared<std::function<void(TimePoint)>>(std::move(call));
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const auto& it) { return it.expired(); });
  watchers_.push_back(watcher);
  return watcher;
}

asio::awaitable<std::size_t> TimersInMemory::erase(std::vector<TimerKey> keys, Cost* /*cost*/) {
  const std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const TimerKey& key : keys) count += rows_.erase(key);
  co_return count;
}

asio::awaitable<std::vector<TimerRow>> TimersInMemory::due(unsigned /*shard*/, TimePoint through,
                                                           std::size_t most) {
  std::vector<TimerRow> out;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, row] : rows_) {
    if (key.due > through || out.size() == most) break;
    out.push_back(row);
  }
  co_return out;
}

asio::awaitable<TimerPage> TimersInMemory::list(std::size_t limit, std::string continuation) {
  TimerPage page;
  const std::lock_guard lock(mutex_);
  auto row =
      continuation.empty() ? rows_.begin() : rows_.upper_bound(parse_timer_key(continuation));
  for (; row != rows_.end() && page.rows.size() < limit; ++row) page.rows.push_back(row->second);
  if (row != rows_.end()) page.continuation = to_text(page.rows.back().key);
  co_return page;
}

asio::awaitable<std::vector<Lease>> TimersInMemory::leases() {
  const std::lock_guard lock(mutex_);
  co_return std::vector<Lease>{lease_};
}

asio::awaitable<bool> TimersInMemory::take_lease(unsigned /*shard*/, Lease seen,
                                                 std::string holder) {
  const std::lock_guard lock(mutex_);
  if (lease_ != seen) co_return false;
  lease_ = {std::move(holder), seen.counter + 1};
  co_return true;
}

}  // namespace sagabus::memory
