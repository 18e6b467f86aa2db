#include "sagabus/timer_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sagabus/error.hpp"
#include "step.hpp"
#include "timer_rules.hpp"

namespace sagabus {
namespace {

namespace asio = boost::asio;

// A busy bus wins a race now and then, not so many in a row.
constexpr unsigned kMaxConflicts = 64;

// Rows at a time.
constexpr std::size_t kPage = 500;

TimerBackend& timers_of(const SagaStore& store) {
  TimerBackend* const timers = store.backend()->timers();
  if (!timers) {
    throw Unsupported(fmt::format("{}: this store keeps no timers", store.backend()->describe()));
  }
  return *timers;
}

bool sooner(const TimerRow& a, const TimerRow& b) {
  return a.key < b.key;
}

void keep_soonest(std::vector<TimerRow>& rows, std::size_t most) {
  std::sort(rows.begin(), rows.end(), sooner);
  if (rows.size() > most) rows.resize(most);
}

bool is_wanted(const TimerRow& row, const TimerQuery& query) {
  return row.key.due <= query.until && (query.endpoint.empty() || row.endpoint == query.endpoint);
}

std::optional<TimerKey> read_key(const std::string& text) {
  try {
    return parse_timer_key(text);
  } catch (const ValidationError&) {
    return std::nullopt;
  }
}

// A completed instance takes no timeout.
const Timer* find_timer(const Instance* instance, const std::string& token) {
  if (!instance || instance->completed) return nullptr;
  const auto& timers = instance->bookkeeping.timers;
  const auto timer =
      std::find_if(timers.begin(), timers.end(), [&](const Timer& t) { return t.token == token; });
  return timer == timers.end() ? nullptr : &*timer;
}

// What follows takes references: each is awaited where it is called.

asio::awaitable<InstancePtr> load(const SagaStore& store, const Timeout& timeout) {
  std::optional<Instance> found = co_await store.get_by_id(timeout.saga_name, timeout.saga_id);
  if (!found) co_return nullptr;
  co_return std::make_shared<const Instance>(std::move(*found));
}

// The same instance with that timer due then; without it where there is no time.
CommitRequest with_timer(const Instance& current, const std::string& token,
                         std::optional<TimePoint> due, TimePoint now) {
  Instance next = current;
  next.version += 1;
  auto& timers = next.bookkeeping.timers;
  for (Timer& timer : timers) {
    if (!due || timer.token != token) continue;
    timer.due = *due;
    timer.set_at = now;
  }
  if (!due) std::erase_if(timers, [&](const Timer& timer) { return timer.token == token; });
  CommitRequest request;
  request.expected = detail::expect(current);
  request.next = std::make_shared<const Instance>(std::move(next));
  return request;
}

struct Change {
  InstancePtr next;  // null: there is no such timer
  TimePoint was_due{};
};

// Nothing waits between two tries: what the lost one brought back would only grow old.
asio::awaitable<Change> change_timer(const SagaStore& store, const Timeout& timeout,
                                     std::optional<TimePoint> due, TimePoint now) {
  Change change;
  InstancePtr current = co_await load(store, timeout);
  for (unsigned conflicts = 0; const Timer* timer = find_timer(current.get(), timeout.token);) {
    if (conflicts == kMaxConflicts) {
      throw TransientError(
          fmt::format("{}: a timeout was left as it is: the instance was written meanwhile, {} "
                      "times in a row",
                      timeout.saga_id, conflicts));
    }
    change.was_due = timer->due;
    CommitRequest request = with_timer(*current, timeout.token, due, now);
    InstancePtr next = request.next;
    CommitResult result = co_await store.backend()->commit(std::move(request));
    if (result.committed) {
      change.next = std::move(next);
      break;
    }
    current = std::move(result.current);
    ++conflicts;
  }
  co_return change;
}

asio::awaitable<void> put(TimerBackend& timers, TimerRow row) {
  std::vector<TimerRow> rows;
  rows.push_back(std::move(row));
  co_await timers.put(std::move(rows), nullptr);
}

asio::awaitable<TimerMove> move_message(TimerBackend& timers, TimerRow row, TimePoint to) {
  const TimerKey old = row.key;
  TimerMove move;
  row = detail::moved_to(std::move(row), to);
  move.key = row.key;
  co_await put(timers, std::move(row));
  if (move.key == old) co_return move;
  std::vector<TimerKey> keys;
  keys.push_back(old);
  if (co_await timers.erase(std::move(keys), nullptr) == 0) move.outcome = TimerOutcome::gone;
  co_return move;
}

// A step that moved the timer meanwhile, to a time at which a row was just erased, has lost it.
asio::awaitable<void> put_where_due(const SagaStore& store, const Timeout& timeout,
                                    TimePoint known) {
  const InstancePtr latest = co_await load(store, timeout);
  const Timer* const timer = find_timer(latest.get(), timeout.token);
  if (!timer || timer->due == known) co_return;
  TimerRow row = detail::timeout_row(*latest, *timer);
  co_await put(timers_of(store), std::move(row));
}

asio::awaitable<TimerMove> move_timeout(const SagaStore& store, const Timeout& timeout,
                                        const TimerKey& old, TimePoint to) {
  TimerBackend& timers = timers_of(store);
  TimerMove move;
  move.outcome = TimerOutcome::stale;
  move.key = old;
  const TimePoint now = timers.now();
  to = std::max(to, now);
  const Change change = co_await change_timer(store, timeout, to, now);
  if (!change.next) co_return move;
  TimerRow at_new_time =
      detail::timeout_row(*change.next, *find_timer(change.next.get(), timeout.token));
  move.outcome = TimerOutcome::done;
  move.key = at_new_time.key;
  co_await put(timers, std::move(at_new_time));
  std::vector<TimerKey> others;
  if (old != move.key) others.push_back(old);
  if (change.was_due != to) others.push_back({change.was_due, timeout.token});
  co_await timers.erase(std::move(others), nullptr);
  co_await put_where_due(store, timeout, to);
  co_return move;
}

}  // namespace

std::optional<Timeout> read_timeout(const TimerRow& row) {
  if (row.envelope->type != message_name<SagaTimeoutExpired>()) return std::nullopt;
  try {
    Timeout out;
    out.token = detail::read_firing(*row.envelope).token;
    auto expired = read_message<SagaTimeoutExpired>(*row.envelope);
    out.saga_name = std::move(expired.sagaName);
    out.saga_id = std::move(expired.sagaId);
    out.correlation_id = std::move(expired.correlationId);
    out.name = std::move(expired.timeoutName).value_or("");
    return out;
  } catch (const ValidationError&) {
    return std::nullopt;
  }
}

asio::awaitable<TimerList> list_timers(SagaStore store, TimerQuery query) {
  TimerBackend& timers = timers_of(store);
  TimerList out;
  std::string continuation;
  do {
    TimerPage page = co_await timers.list(kPage, std::move(continuation));
    continuation = std::move(page.continuation);
    const bool beyond = !page.rows.empty() && page.rows.back().key.due > query.until;
    for (TimerRow& row : page.rows) {
      if (is_wanted(row, query)) out.rows.push_back(std::move(row));
    }
    keep_soonest(out.rows, query.limit + 1);
    out.more = out.rows.size() > query.limit;
    if (timers.shards() == 1 && (beyond || out.more)) break;  // what follows is due later
  } while (!continuation.empty());
  if (out.more) out.rows.pop_back();
  co_return out;
}

asio::awaitable<std::vector<TimerRow>> find_timers(SagaStore store, std::string key_or_id) {
  TimerBackend& timers = timers_of(store);
  const std::optional<TimerKey> key = read_key(key_or_id);
  std::vector<TimerRow> out;
  std::string continuation;
  do {
    TimerPage page = co_await timers.list(kPage, std::move(continuation));
    continuation = std::move(page.continuation);
    for (TimerRow& row : page.rows) {
      if (row.key == key) {
        out.clear();
        out.push_back(std::move(row));
        co_return out;
      }
      if (row.key.id == key_or_id) out.push_back(std::move(row));
    }
  } while (!continuation.empty());
  std::sort(out.begin(), out.end(), sooner);
  co_return out;
}

asio::awaitable<TimerFinding> examine_timer(SagaStore store, TimerRow row) {
  timers_of(store);
  TimerFinding finding;
  const std::optional<Timeout> timeout = read_timeout(row);
  if (!timeout) co_return finding;
  const InstancePtr instance = co_await load(store, *timeout);
  const Timer* const timer = find_timer(instance.get(), timeout->token);
  finding.state = !timer                     ? TimerState::stale
                  : timer->due > row.key.due ? TimerState::moved
                                             : TimerState::current;
  if (timer) finding.timer = *timer;
  co_return finding;
}

asio::awaitable<TimerOutcome> cancel_timer(SagaStore store, TimerRow row) {
  TimerBackend& timers = timers_of(store);
  const std::optional<Timeout> timeout = read_timeout(row);
  std::vector<TimerKey> keys;
  keys.push_back(row.key);
  if (!timeout) {
    const std::size_t erased = co_await timers.erase(std::move(keys), nullptr);
    co_return erased == 0 ? TimerOutcome::gone : TimerOutcome::done;
  }
  const Change change = co_await change_timer(store, *timeout, std::nullopt, timers.now());
  if (change.next && change.was_due != row.key.due) {
    keys.push_back({change.was_due, timeout->token});
  }
  co_await timers.erase(std::move(keys), nullptr);
  co_return change.next ? TimerOutcome::done : TimerOutcome::stale;
}

asio::awaitable<TimerMove> move_timer(SagaStore store, TimerRow row, TimePoint to) {
  TimerBackend& timers = timers_of(store);
  if (to < kEarliestText || to > kLatestText) {
    throw ValidationError("a timer's new time: expected one in the years 0 to 9999");
  }
  const std::optional<Timeout> timeout = read_timeout(row);
  if (!timeout) co_return co_await move_message(timers, std::move(row), to);
  co_return co_await move_timeout(store, *timeout, row.key, to);
}

}  // namespace sagabus
