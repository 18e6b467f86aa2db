// A store and a transport that fail when they are told to, around real ones.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/joint_commit.hpp"
#include "sagabus/store.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::testing {

// Called around each operation; what they throw is what the bus sees.
struct StoreFaults {
  std::function<void(const InstanceKey&)> before_load = [](const InstanceKey&) {};
  std::function<void()> after_load = [] {};
  Cost load_costs{};  // each, besides what the store itself asks
  std::function<void(const CommitRequest&)> before_commit = [](const CommitRequest&) {};
  std::function<boost::asio::awaitable<void>()> commit_takes{};  // empty: no time
  // Set: takes any write of the user's, and answers commits with them in the store's place, where
  // it gives an answer.
  std::function<std::optional<CommitResult>(const CommitRequest&)> transaction{};
  std::function<void(CommitResult&)> alters_result = [](CommitResult&) {};
  std::chrono::milliseconds latest_write{0};  // 0: the inner one's
  std::function<void(const CommitRequest&, const CommitResult&)> after_commit =
      [](const CommitRequest&, const CommitResult&) {};
  std::function<void()> before_save_watermark = [] {};
  std::function<void()> before_load_watermark = [] {};
  std::function<void(const CommitRequest&)> commit_threw = [](const CommitRequest&) {};
  std::function<void(const std::vector<TimerRow>&)> before_put_timers =
      [](const std::vector<TimerRow>&) {};
  std::function<void(const std::vector<TimerRow>&)> after_put_timers =
      [](const std::vector<TimerRow>&) {};
  std::function<void()> before_erase_timers = [] {};
  std::function<void()> before_look_at_timers = [] {};
  // After rows were read, and before they are erased; empty: no time.
  std::function<boost::asio::awaitable<void>()> timers_read_takes{};
  std::function<boost::asio::awaitable<void>()> timers_erase_takes{};
  // Set: lists rows in the store's place, which then has two shards.
  std::function<TimerPage(const std::string& continuation)> lists_timers{};
  bool hides_timers = false;  // the store keeps none
  bool all_hold_leases = false;
  bool hides_watch = false;  // rows are put unnoticed, as by another process
  bool joins = false;        // with a FaultyTransport, where what is in them joins
};

// Called around each operation; what they throw is what the bus sees.
struct TransportFaults {
  std::function<void(const Subscription&)> before_subscribe = [](const Subscription&) {};
  std::function<void(const std::vector<SendRequest>&)> before_send =
      [](const std::vector<SendRequest>&) {};
  std::function<void(const std::vector<SendRequest>&)> after_send =
      [](const std::vector<SendRequest>&) {};
  std::function<void()>
      mid_send{};  // set: what is sent together goes one by one, with this between
  std::function<void(const Delivery&)> before_acknowledge = [](const Delivery&) {};
  std::function<void()> after_acknowledge = [] {};
  std::function<void()> before_receive = [] {};
  std::function<void()> after_receive = [] {};
  std::function<void(const Delivery&, const GiveBack&)> before_give_back = [](const Delivery&,
                                                                              const GiveBack&) {};
  std::function<void()> after_give_back = [] {};
  std::function<boost::asio::awaitable<void>()> give_back_takes{};  // empty: no time
  std::chrono::milliseconds max_delay{0};                           // 0: the inner one's
  std::size_t max_message_bytes = 0;                                // 0: the inner one's
  std::chrono::nanoseconds may_hold{0};                             // 0: the inner one's
  std::size_t pack_above = 0;                                       // 0: the inner one's
  std::function<EnvelopePtr(const EnvelopePtr&)> pack{};            // empty: the inner one's
};

class FaultyTransport final : public TransportBackend {
 public:
  FaultyTransport(Transport inner, std::shared_ptr<TransportFaults> faults)
      : inner_(inner.backend()), faults_(std::move(faults)) {}

  const std::shared_ptr<TransportBackend>& inner() const noexcept { return inner_; }

  std::string describe() const override { return inner_->describe(); }
  boost::asio::awaitable<void> subscribe(Subscription subscription) override {
    faults_->before_subscribe(subscription);
    return inner_->subscribe(std::move(subscription));
  }
  boost::asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    faults_->before_send(requests);
    if (faults_->mid_send) {
      co_await send_apart(requests);
    } else {
      std::vector<SendRequest> copy = requests;
      co_await inner_->send(std::move(copy));
    }
    faults_->after_send(requests);
  }
  boost::asio::awaitable<std::vector<Delivery>> receive(std::string endpoint,
                                                        std::size_t most) override {
    faults_->before_receive();
    std::vector<Delivery> deliveries = co_await inner_->receive(std::move(endpoint), most);
    faults_->after_receive();
    co_return deliveries;
  }
  boost::asio::awaitable<void> acknowledge(Delivery delivery) override {
    faults_->before_acknowledge(delivery);
    co_await inner_->acknowledge(std::move(delivery));
    faults_->after_acknowledge();
  }
  boost::asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    faults_->before_give_back(delivery, how);
    if (faults_->give_back_takes) co_await faults_->give_back_takes();
    co_await inner_->give_back(std::move(delivery), how);
    faults_->after_give_back();
  }
  std::chrono::milliseconds max_delay() const override {
    return faults_->max_delay.count() != 0 ? faults_->max_delay : inner_->max_delay();
  }
  std::chrono::nanoseconds may_hold(const Delivery& delivery) const override {
    return faults_->may_hold.count() != 0 ? faults_->may_hold : inner_->may_hold(delivery);
  }
  std::size_t max_message_bytes() const override {
    return faults_->max_message_bytes != 0 ? faults_->max_message_bytes
                                           : inner_->max_message_bytes();
  }
  std::size_t pack_above() const override {
    return faults_->pack_above != 0 ? faults_->pack_above : inner_->pack_above();
  }
  boost::asio::awaitable<EnvelopePtr> pack(EnvelopePtr envelope) override {
    if (!faults_->pack) return inner_->pack(std::move(envelope));
    return pack_here(faults_->pack, std::move(envelope));
  }

 private:
  static boost::asio::awaitable<EnvelopePtr> pack_here(
      std::function<EnvelopePtr(const EnvelopePtr&)> packing, EnvelopePtr envelope) {
    co_return packing(envelope);
  }

  boost::asio::awaitable<void> send_apart(const std::vector<SendRequest>& requests) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (i > 0) faults_->mid_send();
      std::vector<SendRequest> one(1, requests[i]);
      co_await inner_->send(std::move(one));
    }
  }

  std::shared_ptr<TransportBackend> inner_;
  std::shared_ptr<TransportFaults> faults_;
};

// The faults of the store. Outlived by it.
class FaultyTimers final : public TimerBackend {
 public:
  FaultyTimers(TimerBackend* inner, StoreFaults& faults) : inner_(inner), faults_(faults) {}

  bool is_there() const { return inner_ != nullptr && !faults_.hides_timers; }
  unsigned shards() const noexcept override { return faults_.lists_timers ? 2 : inner_->shards(); }
  unsigned shard_of(std::string_view id) const noexcept override { return inner_->shard_of(id); }
  TimePoint now() const override { return inner_->now(); }
  boost::asio::awaitable<void> put(std::vector<TimerRow> rows, Cost* cost) override {
    faults_.before_put_timers(rows);
    const std::vector<TimerRow> copy = rows;
    co_await inner_->put(std::move(rows), cost);
    faults_.after_put_timers(copy);
  }
  boost::asio::awaitable<std::size_t> erase(std::vector<TimerKey> keys, Cost* cost) override {
    faults_.before_erase_timers();
    if (faults_.timers_erase_takes) co_await faults_.timers_erase_takes();
    co_return co_await inner_->erase(std::move(keys), cost);
  }
  boost::asio::awaitable<std::vector<TimerRow>> due(unsigned shard, TimePoint through,
                                                    std::size_t most) override {
    faults_.before_look_at_timers();
    std::vector<TimerRow> rows = co_await inner_->due(shard, through, most);
    if (faults_.timers_read_takes && !rows.empty()) co_await faults_.timers_read_takes();
    co_return rows;
  }
  boost::asio::awaitable<TimerPage> list(std::size_t limit, std::string continuation) override {
    if (faults_.lists_timers) co_return faults_.lists_timers(continuation);
    co_return co_await inner_->list(limit, std::move(continuation));
  }
  std::shared_ptr<void> watch(std::function<void(TimePoint due)> call) override {
    return faults_.hides_watch ? nullptr : inner_->watch(std::move(call));
  }
  boost::asio::awaitable<std::vector<Lease>> leases() override {
    if (faults_.all_hold_leases) co_return std::vector<Lease>(inner_->shards());
    co_return co_await inner_->leases();
  }
  boost::asio::awaitable<bool> take_lease(unsigned shard, Lease seen, std::string holder) override {
    if (faults_.all_hold_leases) co_return true;
    co_return co_await inner_->take_lease(shard, std::move(seen), std::move(holder));
  }

 private:
  TimerBackend* const inner_;
  StoreFaults& faults_;
};

// The faults of the store.
class FaultyJoint final : public JointCommit {
 public:
  FaultyJoint(std::shared_ptr<JointCommit> inner, std::shared_ptr<StoreFaults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  boost::asio::awaitable<StepResult> commit(StepTransaction step) override {
    faults_->before_commit(step.write);
    if (faults_->commit_takes) co_await faults_->commit_takes();
    StepTransaction copy = step;
    StepResult result;
    try {
      result = co_await inner_->commit(std::move(copy));
    } catch (...) {
      faults_->commit_threw(step.write);
      throw;
    }
    faults_->after_commit(step.write, result.write);
    co_return result;
  }
  boost::asio::awaitable<void> fire(std::vector<TimerRow> rows) override {
    return inner_->fire(std::move(rows));
  }

 private:
  std::shared_ptr<JointCommit> inner_;
  std::shared_ptr<StoreFaults> faults_;
};

class FaultyStore final : public StoreBackend {
 public:
  FaultyStore(SagaStore inner, std::shared_ptr<StoreFaults> faults)
      : StoreBackend(inner.backend()->ambient()),
        inner_(inner.backend()),
        faults_(std::move(faults)),
        timers_(inner_->timers(), *faults_) {}

  std::string describe() const override { return inner_->describe(); }
  TimerBackend* timers() noexcept override { return timers_.is_there() ? &timers_ : nullptr; }
  bool starts_safely_unseen() const noexcept override { return inner_->starts_safely_unseen(); }
  std::chrono::milliseconds latest_write() const noexcept override {
    return faults_->latest_write.count() != 0 ? faults_->latest_write : inner_->latest_write();
  }
  bool takes(const StoreWrite& write) const noexcept override {
    return faults_->transaction || inner_->takes(write);
  }
  boost::asio::awaitable<void> prepare() override { return inner_->prepare(); }
  boost::asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* cost) override {
    faults_->before_load(key);
    if (cost) *cost += faults_->load_costs;
    InstancePtr found = co_await inner_->load(key, cost);
    faults_->after_load();
    co_return found;
  }
  boost::asio::awaitable<CommitResult> commit(CommitRequest request) override {
    faults_->before_commit(request);
    if (faults_->commit_takes) co_await faults_->commit_takes();
    if (faults_->transaction && !request.writes.empty()) {
      if (auto answer = faults_->transaction(request)) co_return *std::move(answer);
    }
    CommitRequest copy = request;
    CommitResult result;
    try {
      result = co_await inner_->commit(std::move(copy));
    } catch (...) {
      faults_->commit_threw(request);
      throw;
    }
    faults_->alters_result(result);
    faults_->after_commit(request, result);
    co_return result;
  }
  std::shared_ptr<JointCommit> join(
      const std::shared_ptr<TransportBackend>& transport) const override {
    const auto around = std::dynamic_pointer_cast<FaultyTransport>(transport);
    if (!faults_->joins || !around) return nullptr;
    auto inner = inner_->join(around->inner());
    return inner ? std::make_shared<FaultyJoint>(std::move(inner), faults_) : nullptr;
  }
  boost::asio::awaitable<void> save_watermark(std::string worker, std::string text) override {
    faults_->before_save_watermark();
    return inner_->save_watermark(std::move(worker), std::move(text));
  }
  boost::asio::awaitable<std::string> load_watermark(std::string worker) override {
    faults_->before_load_watermark();
    return inner_->load_watermark(std::move(worker));
  }
  boost::asio::awaitable<InstancePtr> get_by_id(std::string name, std::string id) override {
    return inner_->get_by_id(std::move(name), std::move(id));
  }
  boost::asio::awaitable<InstancePtr> get_by_correlation_id(std::string name,
                                                            std::string id) override {
    return inner_->get_by_correlation_id(std::move(name), std::move(id));
  }
  boost::asio::awaitable<InstancePtr> insert(Instance instance) override {
    return inner_->insert(std::move(instance));
  }
  boost::asio::awaitable<InstancePtr> update(Instance instance, std::uint64_t expected) override {
    return inner_->update(std::move(instance), expected);
  }
  boost::asio::awaitable<void> erase(std::string name, std::string id,
                                     std::optional<std::uint64_t> expected) override {
    return inner_->erase(std::move(name), std::move(id), expected);
  }
  boost::asio::awaitable<FindPage> find_by_name(FindRequest request) override {
    return inner_->find_by_name(std::move(request));
  }
  boost::asio::awaitable<std::uint64_t> count_by_name(std::string name,
                                                      std::optional<bool> completed) override {
    return inner_->count_by_name(std::move(name), completed);
  }
  boost::asio::awaitable<std::uint64_t> delete_completed_before(std::string name,
                                                                TimePoint time) override {
    return inner_->delete_completed_before(std::move(name), time);
  }

 private:
  std::shared_ptr<StoreBackend> inner_;
  std::shared_ptr<StoreFaults> faults_;
  FaultyTimers timers_;
};

}  // namespace sagabus::testing
