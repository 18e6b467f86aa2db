// The store's decisions: which request, and what its answer means.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "dynamodb/gateway.hpp"
#include "dynamodb/timers.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/store.hpp"

namespace sagabus::dynamodb {

struct BackendOptions {
  std::optional<std::chrono::milliseconds> ttl;
  bool foreign_items = false;
  CorrelationIndex index = CorrelationIndex::all;
};

class Backend final : public StoreBackend, public std::enable_shared_from_this<Backend> {
 public:
  Backend(Client client, TableRef table, BackendOptions options, Ambient ambient)
      : StoreBackend(std::move(ambient)),
        gateway_(std::make_shared<Gateway>(std::move(client), std::move(table),
                                           StoreBackend::ambient().log)),
        options_(options),
        timers_(gateway_) {}

  const Gateway& gateway() const noexcept { return *gateway_; }
  const BackendOptions& options() const noexcept { return options_; }

  std::string describe() const override { return "dynamodb://" + gateway_->table().name; }
  bool starts_safely_unseen() const noexcept override { return !options_.foreign_items; }
  TimerBackend* timers() noexcept override { return &timers_; }
  boost::asio::awaitable<void> prepare() override;
  bool takes(const StoreWrite& write) const noexcept override;
  std::chrono::milliseconds latest_write() const noexcept override;
  boost::asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* cost) override;
  using StoreBackend::load;
  boost::asio::awaitable<CommitResult> commit(CommitRequest request) override;
  boost::asio::awaitable<void> save_watermark(std::string worker, std::string text) override;
  boost::asio::awaitable<std::string> load_watermark(std::string worker) override;
  boost::asio::awaitable<InstancePtr> get_by_id(std::string saga_name,
                                                std::string saga_id) override;
  boost::asio::awaitable<InstancePtr> get_by_correlation_id(std::string saga_name,
                                                            std::string correlation_id) override;
  boost::asio::awaitable<InstancePtr> insert(Instance instance) override;
  boost::asio::awaitable<InstancePtr> update(Instance instance,
                                             std::uint64_t expected_version) override;
  boost::asio::awaitable<void> erase(std::string saga_name, std::string saga_id,
                                     std::optional<std::uint64_t> expected_version) override;
  boost::asio::awaitable<FindPage> find_by_name(FindRequest request) override;
  boost::asio::awaitable<std::uint64_t> count_by_name(std::string saga_name,
                                                      std::optional<bool> completed) override;
  boost::asio::awaitable<std::uint64_t> delete_completed_before(std::string saga_name,
                                                                TimePoint time) override;

 private:
  struct Update;
  enum class Verdict { committed, absent, conflict, again, with_alias };

  const TableRef& table() const noexcept { return gateway_->table(); }
  TimePoint now() const { return ambient().clock->now(); }
  std::string token() const { return new_nonce(*ambient().random); }
  ItemDraft draft(const Instance& instance) const;
  boost::asio::awaitable<void> pause(int tries);

  boost::asio::awaitable<std::optional<StoredItem>> get(const std::string& saga_name,
                                                        const std::string& saga_id,
                                                        Cost* cost = nullptr);
  boost::asio::awaitable<InstancePtr> get_live(const std::string& saga_name,
                                               const std::string& saga_id, Cost* cost = nullptr);
  boost::asio::awaitable<InstancePtr> follow(const std::string& saga_name, const Alias& alias,
                                             const std::string& derived_id, Cost* cost);
  boost::asio::awaitable<InstancePtr> get_derived(const InstanceKey& key, Cost* cost = nullptr);
  boost::asio::awaitable<InstancePtr> find_in_index(const InstanceKey& key, Cost* cost = nullptr);

  using Writes = std::span<const StoreWritePtr>;  // the user's; they outlive the call
  boost::asio::awaitable<CommitResult> create(const Instance& instance, Writes writes, Cost* cost);
  boost::asio::awaitable<WriteAnswer> send_put(const ItemDraft& draft, const CreateGuard& guard,
                                               Writes writes, bool again, Cost* cost);
  boost::asio::awaitable<CommitResult> put(const ItemDraft& draft, Writes writes, Cost* cost);
  boost::asio::awaitable<CommitResult> put_with_alias(const ItemDraft& draft,
                                                      const std::string& derived_id, Writes writes,
                                                      Cost* cost);
  boost::asio::awaitable<CommitResult> meet(const StoredItem& item, const std::string& saga_name,
                                            const std::string& saga_id, std::optional<Alias>& stale,
                                            Cost* cost);

  boost::asio::awaitable<WriteAnswer> send_update(Update& update);
  boost::asio::awaitable<CommitResult> replace(Update& update);
  boost::asio::awaitable<CommitResult> replace_with_alias(Update& update, const StoredItem& found);
  boost::asio::awaitable<InstancePtr> updated(ItemDraft draft);
  Verdict judge(Update& update, const WriteAnswer::Refusal& refusal, CommitResult& result) const;

  boost::asio::awaitable<bool> erase_with_alias(const StoredItem& found, DeleteGuard guard);
  boost::asio::awaitable<bool> erase_old(StoredItem item);
  static boost::asio::awaitable<bool> erase_old(std::shared_ptr<Backend> self, StoredItem item);

  const std::shared_ptr<Gateway> gateway_;
  BackendOptions options_;
  Timers timers_;
};

}  // namespace sagabus::dynamodb
