#include "sqlite/timers.hpp"

#include <fmt/format.h>

#include <boost/asio/use_awaitable.hpp>
#include <limits>
#include <utility>

#include "sagabus/error.hpp"
#include "sqlite/timer_rows.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

// One that cannot be read must not hide the others.
std::vector<TimerRow> readable(std::vector<StoredTimer>&& stored, const Database& database) {
  std::vector<TimerRow> rows;
  rows.reserve(stored.size());
  for (StoredTimer& timer : stored) {
    try {
      rows.push_back(to_row(std::move(timer)));
    } catch (const ValidationError& error) {
      database.ambient().log(LogLevel::warning,
                             fmt::format("sqlite {}: {}", database.path(), error.what()));
    }
  }
  return rows;
}

std::int64_t count(TimePoint time) {
  return time.time_since_epoch().count();
}

}  // namespace

asio::awaitable<void> Timers::put(std::vector<TimerRow> rows, Cost* /*cost*/) {
  const auto database = database_;
  std::vector<StoredTimer> stored;
  for (const TimerRow& row : rows) stored.push_back(to_stored(row));
  auto job = [stored = std::move(stored)](Connection& connection) {
    for (const StoredTimer& timer : stored) put_timer(connection, timer);
  };
  co_await database->write(std::move(job));
}

asio::awaitable<std::size_t> Timers::erase(std::vector<TimerKey> keys, Cost* /*cost*/) {
  const auto database = database_;
  auto job = [keys = std::move(keys)](Connection& connection) {
    std::size_t erased = 0;
    for (const TimerKey& key : keys) {
      if (erase_timer(connection, count(key.due), key.id)) ++erased;
    }
    return erased;
  };
  co_return co_await database->write(std::move(job));
}

asio::awaitable<std::vector<TimerRow>> Timers::due(unsigned /*shard*/, TimePoint through,
                                                   std::size_t most) {
  const auto database = database_;
  auto job = [through = count(through), most](Connection& connection) {
    return due_timers(connection, through, static_cast<std::int64_t>(most));
  };
  std::vector<StoredTimer> stored = co_await database->read(std::move(job));
  co_return readable(std::move(stored), *database);
}

asio::awaitable<TimerPage> Timers::list(std::size_t limit, std::string continuation) {
  const auto database = database_;
  TimerKey after{TimePoint(std::chrono::milliseconds(std::numeric_limits<std::int64_t>::min())),
                 {}};
  if (!continuation.empty()) after = parse_timer_key(continuation);
  auto job = [after, limit](Connection& connection) {
    return list_timers(connection, count(after.due), after.id,
                       static_cast<std::int64_t>(limit) + 1);
  };
  std::vector<StoredTimer> stored = co_await database->search(std::move(job));
  TimerPage page;
  if (stored.size() > limit) {
    stored.resize(limit);
    const StoredTimer& last = stored.back();
    page.continuation = to_text({TimePoint(std::chrono::milliseconds(last.due)), last.id});
  }
  page.rows = readable(std::move(stored), *database);
  co_return page;
}

asio::awaitable<std::vector<Lease>> Timers::leases() {
  const auto database = database_;
  auto job = [](Connection& connection) { return load_lease(connection); };
  Lease lease = co_await database->read(job);
  std::vector<Lease> out;
  out.push_back(std::move(lease));
  co_return out;
}

asio::awaitable<bool> Timers::take_lease(unsigned /*shard*/, Lease seen, std::string holder) {
  const auto database = database_;
  auto job = [seen = std::move(seen), holder = std::move(holder)](Connection& connection) {
    return sqlite::take_lease(connection, seen, holder);
  };
  co_return co_await database->write(std::move(job));
}

}  // namespace sagabus::sqlite
