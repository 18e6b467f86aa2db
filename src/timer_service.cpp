#include "timer_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "failure.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"
#include "timer_rules.hpp"

namespace sagabus::detail {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;                     // NOLINT(google-build-using-namespace)

namespace {

// The holder of a shard looks this often, for what is due before it looks again.
constexpr std::chrono::milliseconds kLookEvery = 8s;
constexpr std::chrono::milliseconds kLookAhead = 10s;

// What a look has found is sent a little later than due: whoever put a row shortly before it is due
// sends it on time, and then nobody need send it twice.
constexpr std::chrono::milliseconds kGrace = 250ms;

// One shard is not asked more often than this for what is due now.
constexpr std::chrono::milliseconds kQueryGap = 50ms;

// Rows at a time. With larger ones a query gives fewer, since its answer is full before.
constexpr std::size_t kPage = 200;

// The same after a failure: what has got through is done with, and is not sent again with what has
// not.
constexpr std::size_t kCarefulPage = 10;

// Rows of one shard that are remembered; others wait for the shard's holder.
constexpr std::size_t kMostNear = 10'000;

// Where so many of a group are missing what they need, or are forbidden it, the others are too.
constexpr std::size_t kMostInVain = 3;

// A row that cannot be sent is put off by this much: at its place it would stop those behind it.
constexpr std::chrono::hours kPutOff(1);

// Who does not hold a shard, and has not found a row of its own among those of others, asks again
// after this.
constexpr std::chrono::milliseconds kAskAgain = 1s;

// How long the end of a bus waits for its leases to be given up.
constexpr std::chrono::seconds kFarewell(2);

constexpr auto kNever = std::chrono::nanoseconds::max();

// By itself, and for all: those behind need not be tried.
bool may_pass(const std::exception_ptr& error) {
  return error && is_transient(error);
}

// Nanoseconds do not reach as far as dates do.
std::chrono::nanoseconds until(TimePoint due, TimePoint now) {
  constexpr std::chrono::milliseconds kMost = std::chrono::days(36'500);
  return std::clamp<std::chrono::milliseconds>(due - now, -kMost, kMost);
}

}  // namespace

TimerService::TimerService(TimerServiceOptions options)
    : options_(std::move(options)),
      timers_(*options_.store.backend()->timers()),
      joint_(options_.store.backend()->join(options_.transport.backend())),
      strand_(asio::make_strand(options_.executor)),
      news_(options_.executor, 1),
      shards_(timers_.shards(), Shard(options_.worker)) {}

void TimerService::start() {
  Stage made = Stage::made;
  if (!stage_.compare_exchange_strong(made, Stage::started)) return;  // stopped already
  watch_ = timers_.watch([weak = weak_from_this()](TimePoint due) {
    if (const auto self = weak.lock()) self->put_seen(due);
  });
  // On the strand, since stop() may be called at the same time: its signal comes after this.
  asio::post(strand_, [self = shared_from_this()] {
    auto op = self->run();
    auto done = [self](const std::exception_ptr&) { self->ended_.open(); };
    asio::co_spawn(self->strand_, std::move(op),
                   asio::bind_cancellation_slot(self->cancel_.slot(), std::move(done)));
  });
}

asio::awaitable<void> TimerService::stop() {
  const auto self = shared_from_this();
  if (stage_.exchange(Stage::stopped) == Stage::made) self->ended_.open();
  asio::post(strand_, [self] { self->cancel_.emit(asio::cancellation_type::terminal); });
  co_await ended_.wait();
}

void TimerService::put_seen(TimePoint due) {
  {
    const std::lock_guard lock(mutex_);
    first_put_ = std::min(first_put_, due);
  }
  notify(news_);
}

void TimerService::written(const std::vector<TimerRow>& rows) {
  if (watch_ || stage_ == Stage::stopped) return;
  const TimePoint soon = later(timers_.now(), kLookAhead);
  bool any = false;
  {
    const std::lock_guard lock(mutex_);
    for (const TimerRow& row : rows) {
      if (row.key.due > soon || written_.size() >= kMostNear) continue;
      written_.push_back(row.key);
      any = true;
    }
  }
  if (any) notify(news_);
}

// The loop.

asio::awaitable<void> TimerService::run() {
  if (stage_ == Stage::started) co_await keep_firing();
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto giving_up = give_up_leases();
  auto late = options_.ambient.clock->sleep_for(kFarewell);
  co_await (std::move(giving_up) || std::move(late));
}

// Until it is cancelled.
asio::awaitable<void> TimerService::keep_firing() {
  for (;;) {
    std::exception_ptr error;
    try {
      co_await turn();
      failures_ = 0;
    } catch (...) {
      error = std::current_exception();
    }
    auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
    if (error) warn(error);
    try {
      co_await rest();
    } catch (...) {  // NOLINT(bugprone-empty-catch): it was cancelled
    }
    state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

// All that is to be done at this moment. What fails leaves the rest its turn.
asio::awaitable<void> TimerService::turn() {
  std::exception_ptr error;
  try {
    if (needs_leases() && mono() >= next_leases_) co_await keep_leases();
  } catch (...) {
    error = std::current_exception();
  }
  take_in_written();
  for (unsigned number = 0; number < shards_.size(); ++number) {
    try {
      co_await see_to(number);
    } catch (...) {
      error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

asio::awaitable<void> TimerService::see_to(unsigned number) {
  Shard& shard = shards_[number];
  if (holds(shard) && mono() >= shard.next_look) co_await look(number);
  std::set<std::string> ids = take_near(shard, timers_.now());
  if (!ids.empty()) co_await send_near(number, std::move(ids));
}

// Until the next thing is to be done, or there is news. After failures a little longer.
asio::awaitable<void> TimerService::rest() {
  Time wait = watch_ ? kNever : kLookEvery;
  const Time now = mono();
  const TimePoint today = timers_.now();
  if (needs_leases()) wait = std::min(wait, next_leases_ - now);
  for (const Shard& shard : shards_) {
    if (holds(shard) && shard.next_look != kNever) wait = std::min(wait, shard.next_look - now);
    if (shard.near.empty()) continue;
    const Time gap = shard.last_query + kQueryGap - now;
    wait = std::min(wait, std::max<Time>(until(shard.near.begin()->first, today), gap));
  }
  if (failures_ > 0) {  // whatever the news
    wait = std::max<Time>(wait, std::min(failures_, 10U) * 1s);
    co_return co_await options_.ambient.clock->sleep_until(now + std::min<Time>(wait, kLookEvery));
  }
  if (wait <= Time::zero()) co_return;
  if (wait == kNever) co_return co_await news_.async_receive(asio::use_awaitable);
  auto news = news_.async_receive(asio::use_awaitable);
  auto sleep = options_.ambient.clock->sleep_until(now + wait);
  co_await (std::move(news) || std::move(sleep));
}

void TimerService::take_in_written() {
  std::vector<TimerKey> keys;
  TimePoint first = TimePoint::max();
  {
    const std::lock_guard lock(mutex_);
    keys.swap(written_);
    std::swap(first, first_put_);
  }
  if (first != TimePoint::max()) {
    const Time now = mono();  // before the time of day: rather too early than too late
    const Time at = now + until(first, timers_.now());
    for (Shard& shard : shards_) shard.next_look = std::min(shard.next_look, at);
  }
  for (const TimerKey& key : keys) note(shards_[timers_.shard_of(key.id)], key.due, key.id);
}

void TimerService::note(Shard& shard, TimePoint at, const std::string& id) const {
  if (shard.near.size() < kMostNear) shard.near.emplace(at, id);
}

// Those whose moment has come; none where the shard was asked a moment ago.
std::set<std::string> TimerService::take_near(Shard& shard, TimePoint now) const {
  std::set<std::string> ids;
  if (mono() < shard.last_query + kQueryGap) return ids;
  while (!shard.near.empty() && shard.near.begin()->first <= now) {
    ids.insert(shard.near.begin()->second);
    shard.near.erase(shard.near.begin());
  }
  return ids;
}

bool TimerService::holds(const Shard& shard) const {
  return !needs_leases() || shard.lease.holds(mono());
}

// Leases.

asio::awaitable<void> TimerService::keep_leases() {
  const Time began = mono();
  next_leases_ = began + kRenewEvery;
  const std::vector<Lease> found = co_await timers_.leases();
  const Time ended = mono();
  for (unsigned number = 0; number < shards_.size() && number < found.size(); ++number) {
    Shard& shard = shards_[number];
    const bool held = shard.lease.holds(mono());
    if (!shard.lease.worth_taking(found[number], began, ended)) continue;
    const Time at = mono();
    const bool taken = co_await timers_.take_lease(number, shard.lease.seen(), options_.worker);
    if (!taken) {
      shard.lease.lost();
      continue;
    }
    shard.lease.taken(at);
    if (!held) shard.next_look = at;
  }
}

// So that others need not wait until they are seen to be free.
asio::awaitable<void> TimerService::give_up_leases() {
  for (unsigned number = 0; number < shards_.size(); ++number) {
    const LeaseView& lease = shards_[number].lease;
    if (!lease.holds(mono())) continue;
    try {
      std::string nobody;
      co_await timers_.take_lease(number, lease.seen(), std::move(nobody));
    } catch (const std::exception& error) {
      options_.ambient.log(LogLevel::debug,
                           fmt::format("{}: a lease was not given up: {}",
                                       options_.store.backend()->describe(), error.what()));
    }
  }
}

// Firing.

// What the holder of a shard does every few seconds: what is overdue is sent at once, and what will
// be due until the next look is noted. One page: where there may be more, the next turn goes on.
asio::awaitable<void> TimerService::look(unsigned number) {
  Shard& shard = shards_[number];
  shard.last_query = mono();
  Time next = shard.last_query + kLookEvery;
  const TimePoint now = timers_.now();
  const TimePoint through = watch_ ? now : later(now, kLookAhead);
  std::vector<TimerRow> rows = co_await timers_.due(number, through, kPage);
  const auto first_later = std::find_if(rows.begin(), rows.end(),
                                        [&](const TimerRow& row) { return row.key.due > now; });
  const auto grace = joint_ ? 0ms : kGrace;
  for (auto row = first_later; row != rows.end(); ++row) {
    note(shard, row->key.due + grace, row->key.id);
  }
  if (first_later != rows.end()) {  // an answer may hold fewer than there are
    next = std::min(next, shard.last_query + until(rows.back().key.due + grace, now));
  }
  const bool all_due = !rows.empty() && first_later == rows.end();
  rows.erase(first_later, rows.end());
  if (!rows.empty()) co_await fire(std::move(rows));
  shard.next_look = all_due ? shard.last_query : next;
  if (watch_ && !all_due) co_await wait_for_next(number);
}

// What is put later than this is told by the watch.
asio::awaitable<void> TimerService::wait_for_next(unsigned number) {
  const std::vector<TimerRow> next = co_await timers_.due(number, kLatestText, 1);
  Time& look = shards_[number].next_look;
  look = kNever;
  if (next.empty()) co_return;
  const Time now = mono();  // before the time of day: rather too early than too late
  look = now + std::max<Time>(until(next.front().key.due, timers_.now()), Time::zero());
}

// What was noted, and is due by now. Who does not hold the shard sends only what it put itself.
asio::awaitable<void> TimerService::send_near(unsigned number, std::set<std::string> ids) {
  Shard& shard = shards_[number];
  shard.last_query = mono();
  const TimePoint now = timers_.now();
  std::exception_ptr error;
  std::vector<TimerRow> rows;
  try {
    rows = co_await timers_.due(number, now, kPage);
  } catch (...) {
    error = std::current_exception();
  }
  if (error) {
    for (const std::string& id : ids) note(shard, now, id);
    std::rethrow_exception(error);
  }
  if (rows.empty()) co_return;
  const bool holder = holds(shard);
  const bool found_all = keep_those(rows, ids, holder);
  if (holder && !found_all) shard.next_look = shard.last_query;  // there may be more
  for (const std::string& id : ids) note(shard, now + kAskAgain, id);
  if (!rows.empty()) co_await fire(std::move(rows));
}

// Takes from `ids` those that are among the rows, and from the rows, unless all are wanted, those
// that are not among the ids. What is left of the ids was cancelled, sent, or stands further back:
// then it is to be asked for again, by whoever does not hold the shard. True where none is left.
bool TimerService::keep_those(std::vector<TimerRow>& rows, std::set<std::string>& ids, bool all) {
  std::set<std::string> wanted = ids;
  for (const TimerRow& row : rows) ids.erase(row.key.id);
  const bool found_all = ids.empty();
  if (all) {
    ids.clear();
  } else {
    std::erase_if(rows, [&](const TimerRow& row) { return !wanted.contains(row.key.id); });
  }
  return found_all;
}

// What is missing or forbidden for some of them does not stop those behind it.
asio::awaitable<void> TimerService::fire(std::vector<TimerRow> rows) {
  const std::size_t most = failures_ > 0 ? kCarefulPage : rows.size();
  std::exception_ptr left;
  for (std::size_t begin = 0; begin < rows.size() && !may_pass(left); begin += most) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto count = static_cast<std::ptrdiff_t>(std::min(most, rows.size() - begin));
    std::vector<TimerRow> some(std::make_move_iterator(first),
                               std::make_move_iterator(first + count));
    std::exception_ptr error = co_await try_to_send(some);
    if (error && !may_pass(error)) error = co_await fire_apart(std::move(some));
    if (error) left = std::move(error);
  }
  if (left) std::rethrow_exception(left);
}

// One that the transport refuses does not stop the others. Gives what stopped those that stay.
asio::awaitable<std::exception_ptr> TimerService::fire_apart(std::vector<TimerRow> rows) {
  std::exception_ptr left;
  std::size_t in_vain = 0;
  for (TimerRow& row : rows) {
    std::vector<TimerRow> one;
    one.push_back(std::move(row));
    const std::exception_ptr error = co_await try_to_send(one);
    if (!error) continue;
    if (may_pass(error)) co_return error;
    if (is_outage(error)) {
      left = error;
      if (++in_vain == kMostInVain) break;
      continue;
    }
    options_.ambient.log(LogLevel::error,
                         fmt::format("{}: the timer {} cannot be sent: {}; it is tried again in {} "
                                     "h",
                                     options_.store.backend()->describe(), to_text(one[0].key),
                                     describe(error).message, kPutOff.count()));
    co_await put_off(std::move(one.front()));
  }
  co_return left;
}

// What became of it; null: it was sent. Throws where all of this is to end.
asio::awaitable<std::exception_ptr> TimerService::try_to_send(const std::vector<TimerRow>& rows) {
  std::exception_ptr error;
  try {
    std::vector<TimerRow> copy = rows;
    co_await send(std::move(copy));
  } catch (...) {
    error = std::current_exception();
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (error && state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(error);
  co_return error;
}

asio::awaitable<void> TimerService::put_off(TimerRow row) {
  std::vector<TimerKey> old(1, row.key);
  std::vector<TimerRow> rows;
  rows.push_back(moved_to(std::move(row), later(timers_.now(), kPutOff)));
  co_await timers_.put(std::move(rows), nullptr);
  co_await timers_.erase(std::move(old), nullptr);
}

asio::awaitable<void> TimerService::send(std::vector<TimerRow> rows) {
  if (joint_) {
    co_await joint_->fire(std::move(rows));
    co_return;
  }
  std::vector<SendRequest> requests;
  std::vector<TimerKey> keys;
  for (TimerRow& row : rows) {
    SendRequest& request = requests.emplace_back();
    request.deduplication_key = deduplication_key(row);
    request.envelope = std::move(row.envelope);
    request.endpoint = std::move(row.endpoint);
    keys.push_back(std::move(row.key));
  }
  co_await options_.transport.backend()->send(std::move(requests));
  co_await timers_.erase(std::move(keys), nullptr);
}

void TimerService::warn(const std::exception_ptr& error) {
  const LogLevel level = failures_++ == 0 ? LogLevel::warning : LogLevel::debug;
  options_.ambient.log(level, fmt::format("{}: timers: {}", options_.store.backend()->describe(),
                                          describe(error).message));
}

}  // namespace sagabus::detail
