#include "sqlite/timers.hpp"

#include <fmt/format.h>

#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <limits>
#include <utility>

#include "sagabus/error.hpp"

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

TimerKey key_of(const StoredTimer& timer) {
  return {TimePoint(std::chrono::milliseconds(timer.due)), timer.id};
}

// Before all others.
TimerKey first_key() {
  return {TimePoint(std::chrono::milliseconds(std::numeric_limits<std::int64_t>::min())), {}};
}

std::int64_t milliseconds_of(TimePoint time) {
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
      if (erase_timer(connection, milliseconds_of(key.due), key.id)) ++erased;
    }
    return erased;
  };
  co_return co_await database->write(std::move(job));
}

asio::awaitable<std::vector<StoredTimer>> Timers::read(TimerKey after, std::int64_t through,
                                                       std::size_t most) const {
  const auto database = database_;
  auto job = [after = std::move(after), through, most](Connection& connection) {
    return list_timers(connection, milliseconds_of(after.due), after.id, through,
                       static_cast<std::int64_t>(most));
  };
  co_return co_await database->read(std::move(job));
}

// Reads on where some were left out: else they would hide what is behind them.
asio::awaitable<std::vector<TimerRow>> Timers::due(unsigned /*shard*/, TimePoint through,
                                                   std::size_t most) {
  const auto database = database_;
  std::vector<TimerRow> rows;
  TimerKey after = first_key();
  for (bool more = true; more && rows.size() < most;) {
    const std::size_t wanted = most - rows.size();
    std::vector<StoredTimer> stored = co_await read(after, milliseconds_of(through), wanted);
    more = stored.size() == wanted;
    if (more) after = key_of(stored.back());
    std::vector<TimerRow> page = readable(std::move(stored), *database);
    std::move(page.begin(), page.end(), std::back_inserter(rows));
  }
  co_return rows;
}

asio::awaitable<TimerPage> Timers::list(std::size_t limit, std::string continuation) {
  const auto database = database_;
  TimerKey after = continuation.empty() ? first_key() : parse_timer_key(continuation);
  std::vector<StoredTimer> stored =
      co_await read(std::move(after), std::numeric_limits<std::int64_t>::max(), limit + 1);
  TimerPage page;
  if (stored.size() > limit) {
    stored.resize(limit);
    page.continuation = to_text(key_of(stored.back()));
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
