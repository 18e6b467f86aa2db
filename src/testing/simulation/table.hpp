// A table like DynamoDB's, as its service has it: what it does with each request when it arrives.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "memory/timers.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/random.hpp"
#include "sagabus/store_write.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus::testing::simulation {

// A write of a saga's own, to another table: one is taken off a stock, unless it is empty, or that
// taker has one already.
class TakeOne final : public StoreWrite {
 public:
  TakeOne(std::string stock, std::string taker)
      : stock_(std::move(stock)), taker_(std::move(taker)) {}
  std::string describe() const override { return "simulation: TakeOne"; }
  const std::string& stock() const noexcept { return stock_; }
  const std::string& taker() const noexcept { return taker_; }

 private:
  const std::string stock_;
  const std::string taker_;
};

struct Stock {
  std::size_t size = 0;
  std::set<std::string> takers{};
  bool gives(const std::string& taker) const {
    return takers.size() < size && !takers.contains(taker);
  }
};

// As DynamoDB's TransactionConflict: nothing was written.
class InConflict final : public TransientError {
 public:
  using TransientError::TransientError;
};

bool has_expired(const Instance& instance, TimePoint now);

// What all workers share. What has expired stays for a while, until the service takes it away by
// its own clock; whether it counts is for those to say who ask, by theirs.
class Table : public std::enable_shared_from_this<Table> {
 public:
  // `ttl` zero: instances that have ended stay.
  Table(Ambient ambient, unsigned shards, std::chrono::minutes ttl = std::chrono::minutes(0));

  // Told of each write that was carried out, at that moment.
  std::function<void(const CommitRequest&)> committed = [](const CommitRequest&) {};

  const Ambient& ambient() const noexcept { return ambient_; }
  const memory::SagaStore& instances() const noexcept { return instances_; }

  // Also what has expired.
  boost::asio::awaitable<InstancePtr> load(InstanceKey key);

  // All or nothing. `now` is what the request says. That the instance is another one goes before
  // what else was refused. Throws InConflict.
  boost::asio::awaitable<CommitResult> commit(CommitRequest request, TimePoint now);

  // An instance that another program has made; of a saga that does not end.
  boost::asio::awaitable<void> plant(Instance instance);

  std::vector<std::shared_ptr<memory::TimersInMemory>> timers;  // one for each shard
  std::map<std::string, Stock> stocks{};
  std::uint64_t conflicts = 0;  // writes whose item was locked

 private:
  class ToldClock;

  void lock_all(const CommitRequest& request);
  std::vector<RefusedWrite> refused_writes(const CommitRequest& request) const;
  boost::asio::awaitable<void> put(const CommitRequest& request);
  void note_end(const Instance& instance);

  const Ambient ambient_;
  const std::chrono::minutes ttl_;
  const std::shared_ptr<ToldClock> told_;
  const memory::SagaStore instances_;
  std::map<std::string, std::chrono::nanoseconds> locked_;  // items of transactions, until when
  std::map<std::string, TimePoint> goes_at_;  // instances that expire, by the service's clock
};

}  // namespace sagabus::testing::simulation
