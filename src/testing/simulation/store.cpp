#include "testing/simulation/store.hpp"

#include <cmath>

namespace sagabus::testing::simulation {
namespace {

namespace asio = boost::asio;

// Longer than a straggler takes, and by how much clocks differ.
constexpr std::chrono::minutes kLatestWrite(10);

// Tries of a write that finds its item locked, or what has expired; and the waits between them.
constexpr int kMostTries = 8;
constexpr std::chrono::milliseconds kPause(25);

// Requests for one write that get no answer.
constexpr int kMostUnanswered = 2;

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
  TimePoint now() const override { return table_->ambient().clock->now(); }

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

InstancePtr living(InstancePtr found, const Clock& clock) {
  return found && has_expired(*found, clock.now()) ? nullptr : found;
}

struct Write {
  CommitRequest request{};
  Cost* cost = nullptr;
  bool may_be_applied = false;  // a request for it was sent, and had no answer
};

[[noreturn]] void give_up(const Write& write, const char* why) {
  ServiceInfo service;
  service.not_applied = !write.may_be_applied;
  throw TransientError(why, std::move(service));
}

// As the service's client does: what has no answer is asked once more, word for word. Empty where
// the item was locked.
asio::awaitable<std::optional<CommitResult>> ask(std::shared_ptr<Table> table,
                                                 std::shared_ptr<Network> network, TimePoint now,
                                                 Asked asked, Write& write) {
  for (int unanswered = 0; unanswered < kMostUnanswered;) {
    charge(kRequest, write.cost, *asked);
    try {
      auto committing = network->call<CommitResult>(
          "commit", [table, request = write.request, now] { return table->commit(request, now); });
      CommitResult result = co_await std::move(committing);
      charge(write_cost(write.request, result), write.cost, *asked);
      co_return std::move(result);
    } catch (const InConflict&) {
      co_return std::nullopt;
    } catch (const Throttled&) {
      ++unanswered;
    } catch (const TransientError&) {
      ++unanswered;
      write.may_be_applied = true;
    }
  }
  give_up(write, "no answer came");
}

// As DynamoDB's store does.
asio::awaitable<CommitResult> carry_through(std::shared_ptr<Table> table,
                                            std::shared_ptr<Network> network,
                                            std::shared_ptr<Clock> clock, Asked asked,
                                            Write write) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    auto asking = ask(table, network, clock->now(), asked, write);
    std::optional<CommitResult> result = co_await std::move(asking);
    if (!result) {
      co_await clock->sleep_for(kPause);
      continue;
    }
    if (result->committed) co_return std::move(*result);
    const bool stood = result->current != nullptr;
    result->current = living(std::move(result->current), *clock);
    const bool has_gone = stood && !result->current;
    if (!write.request.expected && has_gone) continue;
    const bool is_open = !result->refused.empty() || !write.request.expected;
    result->may_still_land = write.may_be_applied && is_open;
    co_return std::move(*result);
  }
  give_up(write, "the item kept changing");
}

class Store final : public StoreBackend {
 public:
  Store(std::shared_ptr<Table> table, std::shared_ptr<Network> network,
        std::shared_ptr<Clock> clock, Asked asked)
      : StoreBackend({.clock = std::move(clock), .random = table->ambient().random}),
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
    const std::shared_ptr<Clock> clock = ambient().clock;
    charge(kRequest, cost, *asked);
    auto loading =
        network_->ask<InstancePtr>("load", [table = table_, key] { return table->load(key); });
    InstancePtr found = co_await std::move(loading);
    charge(read_cost(found), cost, *asked);
    co_return living(std::move(found), *clock);
  }
  asio::awaitable<CommitResult> commit(CommitRequest request) override {
    Write write;
    write.cost = std::exchange(request.cost, nullptr);  // may be gone when a straggler arrives
    write.request = std::move(request);
    return carry_through(table_, network_, ambient().clock, asked_, std::move(write));
  }
  asio::awaitable<void> save_watermark(std::string worker, std::string text) override {
    return network_->call<void>(
        "watermark", [table = table_, worker = std::move(worker), text = std::move(text)] {
          return table->instances().backend()->save_watermark(worker, text);
        });
  }
  asio::awaitable<std::string> load_watermark(std::string worker) override {
    return network_->ask<std::string>("watermark?", [table = table_, worker = std::move(worker)] {
      return table->instances().backend()->load_watermark(worker);
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
  StoreBackend& inner() const { return *table_->instances().backend(); }

  const std::shared_ptr<Table> table_;
  const std::shared_ptr<Network> network_;
  const Asked asked_;
  Timers timers_;
};

}  // namespace

SagaStore over_network(std::shared_ptr<Table> table, std::shared_ptr<Network> network,
                       std::shared_ptr<Clock> clock, Asked asked) {
  return SagaStore(std::make_shared<Store>(std::move(table), std::move(network), std::move(clock),
                                           std::move(asked)));
}

}  // namespace sagabus::testing::simulation
