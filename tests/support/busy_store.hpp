// A store that counts who is waiting for it, so that a test in virtual time knows whether something
// goes on elsewhere (on a thread, on the network) or nothing is left to do.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "sagabus/store.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::testing {

// Who waits for a store.
class Waiting {
 public:
  explicit Waiting(std::shared_ptr<int> number) : number_(std::move(number)) {}

  template <class T>
  boost::asio::awaitable<T> count(boost::asio::awaitable<T> operation) const {
    const Mark mark(number_);
    co_return co_await std::move(operation);
  }

 private:
  struct Mark {
    explicit Mark(std::shared_ptr<int> count) : waiting(std::move(count)) { ++*waiting; }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    ~Mark() { --*waiting; }
    std::shared_ptr<int> waiting;
  };
  std::shared_ptr<int> number_;
};

// Where there are none, nobody may ask it for anything but that.
class BusyTimers final : public TimerBackend {
 public:
  BusyTimers(TimerBackend* inner, Waiting waiting) : inner_(inner), waiting_(std::move(waiting)) {}

  bool are_there() const { return inner_ != nullptr; }
  unsigned shards() const noexcept override { return inner_->shards(); }
  unsigned shard_of(std::string_view id) const noexcept override { return inner_->shard_of(id); }
  TimePoint now() const override { return inner_->now(); }
  boost::asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) override {
    return waiting_.count(inner_->put(std::move(rows), cost));
  }
  boost::asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) override {
    return waiting_.count(inner_->erase(std::move(keys), cost));
  }
  boost::asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                                    std::size_t most) override {
    return waiting_.count(inner_->due(shard, through, most));
  }
  boost::asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) override {
    return waiting_.count(inner_->list(limit, std::move(continuation)));
  }
  std::shared_ptr<void> watch(std::function<void(TimePoint due)> call) override {
    return inner_->watch(std::move(call));
  }
  boost::asio::awaitable<std::vector<Lease>> leases() override {
    return waiting_.count(inner_->leases());
  }
  boost::asio::awaitable<bool> take_lease(unsigned shard, Lease seen, std::string holder) override {
    return waiting_.count(inner_->take_lease(shard, std::move(seen), std::move(holder)));
  }

 private:
  TimerBackend* const inner_;
  const Waiting waiting_;
};

class BusyStore final : public StoreBackend {
 public:
  // The count is for one thread.
  BusyStore(const SagaStore& inner, std::shared_ptr<int> waiting)
      : StoreBackend(inner.backend()->ambient()),
        inner_(inner.backend()),
        waiting_(std::move(waiting)),
        timers_(inner_->timers(), waiting_) {}

  std::string describe() const override { return inner_->describe(); }
  bool starts_safely_unseen() const noexcept override { return inner_->starts_safely_unseen(); }
  bool takes(const StoreWrite& write) const noexcept override { return inner_->takes(write); }
  TimerBackend* timers() noexcept override { return timers_.are_there() ? &timers_ : nullptr; }
  boost::asio::awaitable<void> prepare() override { return count(inner_->prepare()); }
  boost::asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* cost) override {
    return count(inner_->load(key, cost));
  }
  boost::asio::awaitable<CommitResult> commit(CommitRequest request) override {
    return count(inner_->commit(std::move(request)));
  }
  boost::asio::awaitable<void> save_watermark(std::string worker, std::string text) override {
    return count(inner_->save_watermark(std::move(worker), std::move(text)));
  }
  boost::asio::awaitable<std::string> load_watermark(std::string worker) override {
    return count(inner_->load_watermark(std::move(worker)));
  }
  boost::asio::awaitable<InstancePtr> get_by_id(std::string name, std::string id) override {
    return count(inner_->get_by_id(std::move(name), std::move(id)));
  }
  boost::asio::awaitable<InstancePtr> get_by_correlation_id(std::string name,
                                                            std::string id) override {
    return count(inner_->get_by_correlation_id(std::move(name), std::move(id)));
  }
  boost::asio::awaitable<InstancePtr> insert(Instance instance) override {
    return count(inner_->insert(std::move(instance)));
  }
  boost::asio::awaitable<InstancePtr> update(Instance instance, std::uint64_t expected) override {
    return count(inner_->update(std::move(instance), expected));
  }
  boost::asio::awaitable<void> erase(std::string name, std::string id,
                                     std::optional<std::uint64_t> expected) override {
    return count(inner_->erase(std::move(name), std::move(id), expected));
  }
  boost::asio::awaitable<FindPage> find_by_name(FindRequest request) override {
    return count(inner_->find_by_name(std::move(request)));
  }
  boost::asio::awaitable<std::uint64_t> count_by_name(std::string name,
                                                      std::optional<bool> completed) override {
    return count(inner_->count_by_name(std::move(name), completed));
  }
  boost::asio::awaitable<std::uint64_t> delete_completed_before(std::string name,
                                                                TimePoint time) override {
    return count(inner_->delete_completed_before(std::move(name), time));
  }

 private:
  template <class T>
  boost::asio::awaitable<T> count(boost::asio::awaitable<T> operation) const {
    return waiting_.count(std::move(operation));
  }

  std::shared_ptr<StoreBackend> inner_;
  const Waiting waiting_;
  BusyTimers timers_;
};

}  // namespace sagabus::testing
