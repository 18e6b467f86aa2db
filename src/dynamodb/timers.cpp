#include "dynamodb/timers.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <iterator>
#include <utility>

#include "sagabus/error.hpp"
#include "side_by_side.hpp"

namespace sagabus::dynamodb {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t kMostListed = 1000;  // rows a query

// What writes cost that run side by side: each has a place of its own, which outlives the call.
using Costs = std::shared_ptr<std::vector<Cost>>;

// Whether a row was there.
asio::awaitable<bool> write(std::shared_ptr<Gateway> gateway, std::string_view operation,
                            std::string body, Costs costs, std::size_t place) {
  auto writing = gateway->write_row(operation, std::move(body), &(*costs)[place]);
  const RowAnswer answer = co_await std::move(writing);
  co_return !answer.before.empty();
}

// `operation` must be a literal. Returns how many rows were there.
asio::awaitable<std::size_t> write_all(std::shared_ptr<Gateway> gateway, std::string_view operation,
                                       std::vector<std::string> bodies, Cost* cost) {
  const auto costs = std::make_shared<std::vector<Cost>>(bodies.size());
  std::vector<asio::awaitable<bool>> writes;
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    writes.push_back(write(gateway, operation, std::move(bodies[i]), costs, i));
  }
  auto running = detail::run_side_by_side(std::move(writes));
  const detail::Outcomes ends = co_await std::move(running);
  for (const Cost& part : *costs) {
    if (cost) *cost += part;
  }
  if (ends.failure) std::rethrow_exception(ends.failure);
  co_return ends.count;
}

struct Found {
  std::vector<TimerRow> rows;
  bool left_out = false;  // of others, which could not be read
  std::string last;       // where the next page starts after; empty on the last one
};

// One that cannot be read must not hide the others.
asio::awaitable<Found> find(std::shared_ptr<Gateway> gateway, TimerQuery query) {
  auto querying = gateway->query_rows(timers_request(gateway->table(), query));
  RowsAnswer answer = co_await std::move(querying);
  Found found;
  found.last = std::move(answer.last_saga_id);
  for (const json::value& item : answer.rows) {
    try {
      found.rows.push_back(read_timer_row(item.as_object()));
    } catch (const ValidationError& e) {
      found.left_out = true;
      gateway->warn_left_out(e);
    }
  }
  co_return found;
}

TimerKey read_continuation(const std::string& continuation) {
  TimerKey key = parse_timer_key(continuation);
  if (to_text(key) == continuation) return key;
  throw ValidationError("continuation: not one that the list of timers gave");
}

}  // namespace

asio::awaitable<void> Timers::put(std::vector<TimerRow> rows, Cost* cost) {
  std::vector<std::string> bodies;
  for (const TimerRow& row : rows) bodies.push_back(put_timer_request(gateway_->table(), row));
  auto writing = write_all(gateway_, "PutItem", std::move(bodies), cost);
  co_await std::move(writing);
}

asio::awaitable<std::size_t> Timers::erase(std::vector<TimerKey> keys, Cost* cost) {
  std::vector<std::string> bodies;
  for (const TimerKey& key : keys) bodies.push_back(delete_timer_request(gateway_->table(), key));
  auto writing = write_all(gateway_, "DeleteItem", std::move(bodies), cost);
  co_return co_await std::move(writing);
}

// One query, unless rows were left out: those behind them are due as well.
asio::awaitable<std::vector<TimerRow>> Timers::due(unsigned shard, TimePoint through,
                                                   std::size_t most) {
  const auto gateway = gateway_;
  TimerQuery query;
  query.shard = shard;
  query.through = through;
  std::vector<TimerRow> rows;
  for (;;) {
    query.limit = most - rows.size();
    auto finding = find(gateway, query);
    Found found = co_await std::move(finding);
    std::move(found.rows.begin(), found.rows.end(), std::back_inserter(rows));
    query.start_after = std::move(found.last);
    if (!found.left_out || query.start_after.empty() || rows.size() == most) co_return rows;
  }
}

asio::awaitable<TimerPage> Timers::list(std::size_t limit, std::string continuation) {
  const auto gateway = gateway_;
  TimerQuery query;
  if (!continuation.empty()) query.shard = timer_shard(read_continuation(continuation).id);
  query.start_after = std::move(continuation);
  TimerPage page;
  for (;;) {
    // One more tells whether this is the last page.
    query.limit = std::min(limit - page.rows.size(), kMostListed) + 1;
    auto finding = find(gateway, query);
    Found found = co_await std::move(finding);
    for (TimerRow& row : found.rows) {
      if (page.rows.size() == limit) {
        page.continuation = to_text(page.rows.back().key);
        co_return page;
      }
      page.rows.push_back(std::move(row));
    }
    query.start_after = std::move(found.last);
    if (query.start_after.empty() && ++query.shard == kTimerShards) co_return page;
  }
}

asio::awaitable<std::vector<Lease>> Timers::leases() {
  const auto gateway = gateway_;
  auto querying = gateway->query_rows(leases_request(gateway->table()));
  const RowsAnswer answer = co_await std::move(querying);
  std::vector<Lease> leases(kTimerShards);
  for (const json::value& item : answer.rows) {
    try {
      LeaseRow row = read_lease_row(item.as_object());
      if (row.shard < kTimerShards) leases[row.shard] = std::move(row.lease);
    } catch (const ValidationError& e) {
      gateway->warn_left_out(e);
    }
  }
  co_return leases;
}

// A refusal may mean that an earlier try took it, whose answer was lost.
asio::awaitable<bool> Timers::take_lease(unsigned shard, Lease seen, std::string holder) {
  const auto gateway = gateway_;
  std::string body = take_lease_request(gateway->table(), shard, seen, holder);
  auto writing = gateway->write_row("PutItem", std::move(body));
  const RowAnswer answer = co_await std::move(writing);
  if (answer.done || !answer.maybe_applied || answer.before.empty()) co_return answer.done;
  const Lease taken{std::move(holder), seen.counter + 1};
  co_return read_lease_row(answer.before).lease == taken;
}

}  // namespace sagabus::dynamodb
