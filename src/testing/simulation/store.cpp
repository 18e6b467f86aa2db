#include "testing/simulation/store.hpp"

#include <boost/asio/use_awaitable.hpp>

namespace sagabus::testing::simulation {
namespace {

namespace asio = boost::asio;

asio::awaitable<CommitResult> commit(std::shared_ptr<Table> table, CommitRequest request) {
  CommitRequest copy = request;
  CommitResult result = co_await table->instances.backend()->commit(std::move(copy));
  if (result.committed) table->committed(request);
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

class Timers final : public TimerBackend {
 public:
  Timers(std::shared_ptr<Table> table, std::shared_ptr<Network> network)
      : table_(std::move(table)), network_(std::move(network)) {}

  unsigned shards() const noexcept override { return static_cast<unsigned>(table_->timers.size()); }
  unsigned shard_of(std::string_view id) const noexcept override {
    return shard_of_id(id, *table_);
  }
  // The service's clock, whatever the worker's says.
  TimePoint now() const override { return table_->ambient.clock->now(); }

  asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* /*cost*/) override {
    return network_->call<void>(
        "put", [table = table_, rows = std::move(rows)] { return put_all(table, rows); });
  }
  asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* /*cost*/) override {
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
};

class Store final : public StoreBackend {
 public:
  Store(std::shared_ptr<Table> table, std::shared_ptr<Network> network)
      : StoreBackend(table->ambient),
        table_(std::move(table)),
        network_(std::move(network)),
        timers_(table_, network_) {}

  std::string describe() const override { return "simulation:"; }
  TimerBackend* timers() noexcept override { return &timers_; }
  asio::awaitable<void> prepare() override { return inner().prepare(); }

  asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* /*cost*/) override {
    return network_->ask<InstancePtr>("load",
                                      [table = table_, key] { return load_copy(table, key); });
  }
  asio::awaitable<CommitResult> commit(CommitRequest request) override {
    request.cost = nullptr;  // it may be gone when a straggler arrives
    return network_->call<CommitResult>("commit", [table = table_, request = std::move(request)] {
      return simulation::commit(table, request);
    });
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
  // The key must outlive the load.
  static asio::awaitable<InstancePtr> load_copy(std::shared_ptr<Table> table, InstanceKey key) {
    auto loading = table->instances.backend()->load(key, nullptr);
    co_return co_await std::move(loading);
  }
  StoreBackend& inner() const { return *table_->instances.backend(); }

  const std::shared_ptr<Table> table_;
  const std::shared_ptr<Network> network_;
  Timers timers_;
};

}  // namespace

Table::Table(Ambient a, unsigned shards) : ambient(std::move(a)), instances({.ambient = ambient}) {
  for (unsigned i = 0; i < shards; ++i) {
    timers.push_back(std::make_shared<memory::TimersInMemory>(ambient.clock));
  }
}

SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network) {
  return SagaStore(std::make_shared<Store>(std::move(table), std::move(network)));
}

}  // namespace sagabus::testing::simulation
