#include "testing/simulation/store.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <cmath>

namespace sagabus::testing::simulation {
namespace {

namespace asio = boost::asio;

// Longer than a straggler takes, and the travels before it; and by so much may clocks differ.
constexpr std::chrono::minutes kLatestWrite(10);

// An item is locked for so long by a transaction.
constexpr std::chrono::milliseconds kTransactionTakes(20);

// Tries of a write that finds its item locked, and the waits between them.
constexpr int kMostTries = 8;
constexpr std::chrono::milliseconds kPause(25);

// As DynamoDB's TransactionConflict: nothing was written.
class InConflict final : public TransientError {
 public:
  using TransientError::TransientError;
};

const TakeOne& take_one(const StoreWritePtr& write) {
  return static_cast<const TakeOne&>(*write);
}

std::vector<RefusedWrite> refused_writes(const CommitRequest& request, const Table& table) {
  std::vector<RefusedWrite> refused;
  for (std::size_t i = 0; i < request.writes.size(); ++i) {
    const TakeOne& take = take_one(request.writes[i]);
    const auto stock = table.stocks.find(take.stock());
    if (stock == table.stocks.end() || !stock->second.gives(take.taker()))
      refused.push_back({i, {}});
  }
  return refused;
}

bool is_as_expected(const InstancePtr& there, const std::optional<ExpectedInstance>& expected) {
  if (!there || !expected) return !there && !expected;
  return there->version == expected->version && there->bookkeeping.birth == expected->birth;
}

asio::awaitable<InstancePtr> load(std::shared_ptr<Table> table, InstanceKey key, TimePoint now) {
  const AskersClock::Asked asked(*table->clock, now);
  co_return co_await table->instances.backend()->load(key, nullptr);
}

asio::awaitable<CommitResult> commit_instance(std::shared_ptr<Table> table, CommitRequest request,
                                              TimePoint now) {
  const AskersClock::Asked asked(*table->clock, now);
  request.writes.clear();
  co_return co_await table->instances.backend()->commit(std::move(request));
}

void refuse_what_is_locked(const CommitRequest& request, Table& table) {
  bool locked = table.is_locked(request.next->saga_id);
  for (const StoreWritePtr& write : request.writes) {
    locked = locked || table.is_locked(take_one(write).stock());
  }
  if (!locked) return;
  ++table.conflicts;
  throw InConflict("a transaction is at work on the item");
}

// All or nothing. That the instance is another one goes before what else was refused.
asio::awaitable<CommitResult> commit(std::shared_ptr<Table> table, CommitRequest request,
                                     TimePoint now) {
  refuse_what_is_locked(request, *table);
  CommitResult result;
  result.refused = refused_writes(request, *table);
  if (!result.refused.empty()) {
    InstanceKey key{request.next->saga_name, request.next->correlation_id, request.next->saga_id};
    auto loading = load(table, std::move(key), now);
    result.current = co_await std::move(loading);
    if (is_as_expected(result.current, request.expected)) {
      result.current = nullptr;
    } else {
      result.refused.clear();
    }
    co_return result;
  }
  auto committing = commit_instance(table, request, now);
  result = co_await std::move(committing);
  if (!result.committed) co_return result;
  for (const StoreWritePtr& write : request.writes) {
    table->stocks[take_one(write).stock()].takers.insert(take_one(write).taker());
    table->lock(take_one(write).stock());
    table->lock(request.next->saga_id);
  }
  table->committed(request);
  co_return result;
}

unsigned shard_of_id(std::string_view id, const Table& table) {
  unsigned sum = 0;
  for (const char c : id) sum += static_cast<unsigned char>(c);
  return sum % static_cast<unsigned>(table.timers.size());
}

TimerBackend& timers_of(const Table& table, std::string_view id) {
  return *table.timers[shard_of_id(id, table)];
}

asio::awaitable<void> put_all(std::shared_ptr<Table> table, std::vector<TimerRow> rows) {
  for (TimerRow& row : rows) {
    TimerBackend& timers = timers_of(*table, row.key.id);
    std::vector<TimerRow> one(1, std::move(row));
    co_await timers.put(std::move(one), nullptr);
  }
}

asio::awaitable<std::size_t> erase_all(std::shared_ptr<Table> table, std::vector<TimerKey> keys) {
  std::size_t erased = 0;
  for (TimerKey& key : keys) {
    TimerBackend& timers = timers_of(*table, key.id);
    std::vector<TimerKey> one(1, std::move(key));
    erased += co_await timers.erase(std::move(one), nullptr);
  }
  co_return erased;
}

asio::awaitable<std::vector<Lease>> all_leases(std::shared_ptr<Table> table) {
  std::vector<Lease> all;
  for (const auto& timers : table->timers) {
    std::vector<Lease> one = co_await timers->leases();
    all.push_back(std::move(one.front()));
  }
  co_return all;
}

// Of a step, whether it has an account or not.
void charge(const Cost& more, Cost* cost, Cost& asked) {
  asked += more;
  if (cost) *cost += more;
}

constexpr Cost kRequest{.requests = 1};

// Roughly, and more for what is larger.
double kilobytes(const Instance& instance) {
  const Bookkeeping& books = instance.bookkeeping;
  std::size_t bytes = 300 + 40 * books.inbox.size() + 60 * books.timers.size();
  for (const OutboxEntry& entry : books.outbox) bytes += 40 + 200 * entry.messages.size();
  return std::ceil(static_cast<double>(bytes) / 1024);
}

// A unit for each kilobyte; in a transaction two, also for what is written beside the instance.
// What was refused costs the same.
Cost write_cost(const CommitRequest& request, const CommitResult& result) {
  const double units = kilobytes(*request.next);
  const auto others = static_cast<double>(request.writes.size());
  Cost cost;
  cost.write_units = request.writes.empty() ? units : 2 * (units + others);
  if (!result.committed) cost.failed_conditions = 1;
  return cost;
}

// A unit for each four kilobytes.
Cost read_cost(const InstancePtr& found) {
  return {.read_units = found ? std::ceil(kilobytes(*found) / 4) : 1};
}

class Timers final : public TimerBackend {
 public:
  Timers(std::shared_ptr<Table> table, std::shared_ptr<Network> network, Asked asked)
      : table_(std::move(table)), network_(std::move(network)), asked_(std::move(asked)) {}

  unsigned shards() const noexcept override { return static_cast<unsigned>(table_->timers.size()); }
  unsigned shard_of(std::string_view id) const noexcept override {
    return shard_of_id(id, *table_);
  }
  // The service's clock, whatever the worker's says.
  TimePoint now() const override { return table_->ambient.clock->now(); }

  asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) override {
    if (cost) charge(kRequest, cost, *asked_);  // else it is the timer service's
    return network_->call<void>(
        "put", [table = table_, rows = std::move(rows)] { return put_all(table, rows); });
  }
  asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) override {
    if (cost) charge(kRequest, cost, *asked_);
    return network_->call<std::size_t>(
        "erase", [table = table_, keys = std::move(keys)] { return erase_all(table, keys); });
  }
  asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                             std::size_t most) override {
    return network_->ask<std::vector<TimerRow>>(
        "due",
        [timers = table_->timers[shard], through, most] { return timers->due(0, through, most); });
  }
  asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) override {
    return table_->timers.front()->list(limit, std::move(continuation));
  }
  asio::awaitable<std::vector<Lease>> leases() override {
    return network_->ask<std::vector<Lease>>("leases",
                                             [table = table_] { return all_leases(table); });
  }
  asio::awaitable<bool> take_lease(unsigned shard, Lease seen, std::string holder) override {
    return network_->call<bool>(
        "lease", [timers = table_->timers[shard], seen = std::move(seen),
                  holder = std::move(holder)] { return timers->take_lease(0, seen, holder); });
  }

 private:
  const std::shared_ptr<Table> table_;
  const std::shared_ptr<Network> network_;
  const Asked asked_;
};

class Store final : public StoreBackend {
 public:
  Store(std::shared_ptr<Table> table, std::shared_ptr<Network> network,
        std::shared_ptr<Clock> clock, Asked asked)
      : StoreBackend({.clock = std::move(clock), .random = table->ambient.random}),
        table_(std::move(table)),
        network_(std::move(network)),
        asked_(std::move(asked)),
        timers_(table_, network_, asked_) {}

  std::string describe() const override { return "simulation:"; }
  TimerBackend* timers() noexcept override { return &timers_; }
  asio::awaitable<void> prepare() override { return inner().prepare(); }
  std::chrono::milliseconds latest_write() const noexcept override { return kLatestWrite; }
  bool takes(const StoreWrite& write) const noexcept override {
    return dynamic_cast<const TakeOne*>(&write) != nullptr;
  }

  asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* cost) override {
    const Asked asked = asked_;
    charge(kRequest, cost, *asked);
    auto loading =
        network_->ask<InstancePtr>("load", [table = table_, key, clock = ambient().clock] {
          return simulation::load(table, key, clock->now());
        });
    InstancePtr found = co_await std::move(loading);
    charge(read_cost(found), cost, *asked);
    co_return found;
  }
  asio::awaitable<CommitResult> commit(CommitRequest request) override {
    Cost* const cost =
        std::exchange(request.cost, nullptr);  // may be gone when a straggler arrives
    const Asked asked = asked_;
    const std::shared_ptr<Network> network = network_;
    const std::shared_ptr<Table> table = table_;
    const std::shared_ptr<Clock> clock = ambient().clock;
    // Tried again here, as the service's client does: the first may come later.
    bool may_still_land = false;
    int tries_left = 2;
    for (int tries = 1;; ++tries) {
      charge(kRequest, cost, *asked);
      bool in_conflict = false;
      try {
        auto committing =
            network->call<CommitResult>("commit", [table, request, now = clock->now()] {
              return simulation::commit(table, request, now);
            });
        CommitResult result = co_await std::move(committing);
        const bool is_open = !result.refused.empty() || !request.expected;
        result.may_still_land = may_still_land && !result.committed && is_open;
        charge(write_cost(request, result), cost, *asked);
        co_return result;
      } catch (const InConflict&) {
        if (tries >= kMostTries) throw;
        in_conflict = true;
      } catch (const TransientError&) {
        if (--tries_left == 0) throw;
        may_still_land = true;
      }
      if (in_conflict) co_await clock->sleep_for(kPause);
    }
  }
  asio::awaitable<void> save_watermark(std::string worker, std::string text) override {
    return network_->call<void>(
        "watermark", [table = table_, worker = std::move(worker), text = std::move(text)] {
          return table->instances.backend()->save_watermark(worker, text);
        });
  }
  asio::awaitable<std::string> load_watermark(std::string worker) override {
    return network_->ask<std::string>("watermark?", [table = table_, worker = std::move(worker)] {
      return table->instances.backend()->load_watermark(worker);
    });
  }
  asio::awaitable<InstancePtr> get_by_id(std::string name, std::string id) override {
    return inner().get_by_id(std::move(name), std::move(id));
  }
  asio::awaitable<InstancePtr> get_by_correlation_id(std::string name, std::string id) override {
    return inner().get_by_correlation_id(std::move(name), std::move(id));
  }
  asio::awaitable<InstancePtr> insert(Instance instance) override {
    return inner().insert(std::move(instance));
  }
  asio::awaitable<InstancePtr> update(Instance instance, std::uint64_t expected) override {
    return inner().update(std::move(instance), expected);
  }
  asio::awaitable<void> erase(std::string name, std::string id,
                              std::optional<std::uint64_t> expected) override {
    return inner().erase(std::move(name), std::move(id), expected);
  }
  asio::awaitable<FindPage> find_by_name(FindRequest request) override {
    return inner().find_by_name(std::move(request));
  }
  asio::awaitable<std::uint64_t> count_by_name(std::string name,
                                               std::optional<bool> completed) override {
    return inner().count_by_name(std::move(name), completed);
  }
  asio::awaitable<std::uint64_t> delete_completed_before(std::string name,
                                                         TimePoint time) override {
    return inner().delete_completed_before(std::move(name), time);
  }

 private:
  StoreBackend& inner() const { return *table_->instances.backend(); }

  const std::shared_ptr<Table> table_;
  const std::shared_ptr<Network> network_;
  const Asked asked_;
  Timers timers_;
};

memory::StoreOptions store_options(const Ambient& ambient, std::chrono::minutes ttl) {
  memory::StoreOptions options{.ambient = ambient};
  using Days = std::chrono::duration<double, std::chrono::days::period>;
  if (ttl > ttl.zero()) options.ttl_days = Days(ttl).count();
  return options;
}

}  // namespace

Table::Table(Ambient a, unsigned shards, std::chrono::minutes ttl)
    : clock(std::make_shared<AskersClock>(a.clock)),
      ambient{.clock = clock, .random = a.random},
      instances(store_options(ambient, ttl)) {
  for (unsigned i = 0; i < shards; ++i) {
    timers.push_back(std::make_shared<memory::TimersInMemory>(ambient.clock));
  }
}

bool Table::is_locked(const std::string& item) const {
  const auto found = locked.find(item);
  return found != locked.end() && found->second > clock->monotonic();
}

void Table::lock(const std::string& item) {
  locked[item] = clock->monotonic() + kTransactionTakes;
}

SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network,
                       std::shared_ptr<Clock> clock, Asked asked) {
  return SagaStore(std::make_shared<Store>(std::move(table), std::move(network), std::move(clock),
                                           std::move(asked)));
}

}  // namespace sagabus::testing::simulation
