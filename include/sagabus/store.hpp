// Where instances live. Users hold a SagaStore; who writes a store of his own implements
// StoreBackend and runs the conformance suite in sagabus/conformance/store.hpp.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/cost.hpp"
#include "sagabus/instance.hpp"
#include "sagabus/store_write.hpp"

namespace sagabus {

class JointCommit;
class TimerBackend;
class TransportBackend;

struct FindRequest {
  std::string saga_name;
  std::size_t limit = 100;          // instances a page, 1 to 1,000
  std::string continuation{};       // from the page before; empty for the first
  std::optional<bool> completed{};  // only completed ones, only running ones, or (empty) both
};

// What a page holds of instances and of what is kept with them, in bytes, before it ends early.
inline constexpr std::size_t kPageBytes = std::size_t{4} * 1024 * 1024;

// Full whatever the filter drops: a page is shorter than the limit where it is the last one, or
// where its instances have come to kPageBytes, by the store's own measure. It is never empty where
// there is an instance.
struct FindPage {
  std::vector<Instance> instances;
  std::string continuation;  // empty on the last page
};

// What the bus addresses an instance by. `saga_id` is derive_saga_id(saga_name, correlation_id).
struct InstanceKey {
  std::string saga_name;
  std::string correlation_id;
  std::string saga_id;
};

// What a commit expects to find: this version in this life of the instance.
struct ExpectedInstance {
  std::uint64_t version = 0;
  std::string birth{};
  TimePoint
      created_at{};  // tells lives apart where an item has no birth (another program wrote it)
};

// One conditional write of one instance, bookkeeping included, and what a user wants with it.
struct CommitRequest {
  InstancePtr next{};  // its version is the expected one + 1, or 1, or what an import brings
  std::optional<ExpectedInstance> expected{};  // empty: there must be none, or an expired one
  std::vector<StoreWritePtr> writes{};         // of the user's own; only those that the store takes
  Cost* cost = nullptr;  // where the store adds what the write costs, also where it is refused
};

struct CommitResult {
  bool committed = false;
  InstancePtr current;  // what stands there, where it was not committed; null: nothing
  // Of the request's `writes`, those whose condition did not hold, where the instance's did.
  // `current` is null then.
  std::vector<RefusedWrite> refused{};
  // A request for this very write was sent before, its answer was lost, and the service may get it
  // yet. Said with `refused`, and of a new instance that another one stands in the way of; an
  // instance that was another one will not be again what was expected.
  bool may_still_land = false;
};

// The seam. Every function may be called from several threads and coroutines at once, and may be
// cancelled: a cancelled write may have been carried out. Faults are reported as the exceptions of
// error.hpp: TransientError and Throttled where trying again may help.
//
// An instance whose `expires_at` has passed by the store's clock counts as absent everywhere.
class StoreBackend {
 public:
  explicit StoreBackend(Ambient ambient) : ambient_(std::move(ambient)) {}
  StoreBackend(const StoreBackend&) = delete;
  StoreBackend& operator=(const StoreBackend&) = delete;
  virtual ~StoreBackend() = default;

  const Ambient& ambient() const noexcept { return ambient_; }

  // For people: "dynamodb://sagas", without secrets.
  virtual std::string describe() const = 0;

  // Called by Bus::start. Throws where the store cannot work: TableNotFound, AccessDenied,
  // ValidationError for a table of another schema.
  virtual boost::asio::awaitable<void> prepare() = 0;

  // Whether commit() of a new instance meets every instance that stands in its way. Where it does
  // not, the bus looks before each start.
  virtual bool starts_safely_unseen() const noexcept { return true; }

  // For how long after its call a write may yet be carried out. Zero: not at all. Starts are kept
  // for so long that might begin an instance anew after their message is gone.
  virtual std::chrono::milliseconds latest_write() const noexcept {
    return std::chrono::milliseconds::zero();
  }

  // Whether commit() can carry out this write together with an instance's.
  virtual bool takes(const StoreWrite& /*write*/) const noexcept { return false; }

  // Strongly consistent. Null where there is none. The key outlives the call, except where the call
  // is cancelled: what goes on then needs a copy. Adds what it costs to `cost`, which may be null,
  // also where it fails; touches it no more once the call has ended, as commit() does.
  virtual boost::asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* cost) = 0;
  boost::asio::awaitable<InstancePtr> load(const InstanceKey& key) { return load(key, nullptr); }

  // Writes `next` if what is there is what was expected, and `writes` with it, all or nothing. A
  // lost condition is an ordinary result, with the instance that stood there at that moment. Sets
  // `expires_at` of a completed instance by the store's own setting. May throw StateTooLarge and
  // ValidationError (then nothing was written).
  virtual boost::asio::awaitable<CommitResult> commit(CommitRequest request) = 0;

  // What commits a step in one transaction where that transport is of the same database
  // (sagabus/joint_commit.hpp); null where it is not. Without I/O.
  virtual std::shared_ptr<JointCommit> join(
      const std::shared_ptr<TransportBackend>& /*transport*/) const {
    return nullptr;
  }

  // Where it keeps what is to be sent later (sagabus/timer_store.hpp); null where it cannot: then
  // its sagas have no timeouts. Always the same, and without I/O.
  virtual TimerBackend* timers() noexcept { return nullptr; }

  // What a worker tells others, a short text under the worker's name, in place of what it told
  // before. Kept for a year at the least, and shown in no listing or count. Reading gives what was
  // saved last or, for a while, what was saved before it; an empty text where there is nothing.
  virtual boost::asio::awaitable<void> save_watermark(std::string worker, std::string text) = 0;
  virtual boost::asio::awaitable<std::string> load_watermark(std::string worker) = 0;

  // The functions of SagaStore, which documents them, checks names and ids, and fills in what may
  // be left out: `insert` gets the instance as it is to be stored, but for `expires_at`; `update`
  // gets it with its new version, and keeps the `created_at`, `correlation_id` and `birth` that are
  // there. Both return the instance as it then stands in the store.
  virtual boost::asio::awaitable<InstancePtr> get_by_id(std::string saga_name,
                                                        std::string saga_id) = 0;
  virtual boost::asio::awaitable<InstancePtr> get_by_correlation_id(std::string saga_name,
                                                                    std::string correlation_id) = 0;
  virtual boost::asio::awaitable<InstancePtr> insert(Instance instance) = 0;
  virtual boost::asio::awaitable<InstancePtr> update(Instance instance,
                                                     std::uint64_t expected_version) = 0;
  virtual boost::asio::awaitable<void> erase(std::string saga_name, std::string saga_id,
                                             std::optional<std::uint64_t> expected_version) = 0;
  virtual boost::asio::awaitable<FindPage> find_by_name(FindRequest request) = 0;
  virtual boost::asio::awaitable<std::uint64_t> count_by_name(std::string saga_name,
                                                              std::optional<bool> completed) = 0;
  virtual boost::asio::awaitable<std::uint64_t> delete_completed_before(std::string saga_name,
                                                                        TimePoint time) = 0;

 private:
  Ambient ambient_;
};

// A cheap handle to a shared store, copied freely, used from any thread. Made by an adapter:
// memory::SagaStore, sqlite::SagaStore, dynamodb::SagaStore.
//
// Names, ids and correlation ids are UTF-8 of 1 to 1,024 bytes (what DynamoDB takes as a sort key),
// a name does not begin with `$`: else ValidationError.
class SagaStore {
 public:
  SagaStore() = default;  // holds no store: only good for being assigned to
  explicit SagaStore(std::shared_ptr<StoreBackend> backend) : backend_(std::move(backend)) {}

  // Empty where there is none. Strongly consistent.
  boost::asio::awaitable<std::optional<Instance>> get_by_id(std::string saga_name,
                                                            std::string saga_id) const;

  // Empty where there is none. Strongly consistent for instances that sagabus wrote.
  boost::asio::awaitable<std::optional<Instance>> get_by_correlation_id(
      std::string saga_name, std::string correlation_id) const;

  // Stores a new instance at version 1 and returns it as stored. An empty `saga_id` is derived, an
  // empty `birth` drawn. The given `created_at` and `updated_at` are kept; where zero, they are
  // now. The store alone sets `expires_at`. Throws AlreadyExists where that id or that correlation
  // id is taken.
  boost::asio::awaitable<Instance> insert(Instance instance) const;

  // Replaces state, completion and bookkeeping of the instance with that name and id, and returns
  // it as stored: at version `expected_version` + 1, updated now, with the `correlation_id`,
  // `created_at` and `birth` that were there. Throws ConcurrencyError where another version is
  // there, or another life than that of the given `birth` (where it is empty, any will do), and
  // NotFound where nothing is.
  boost::asio::awaitable<Instance> update(Instance instance, std::uint64_t expected_version) const;

  // Removes the instance; nothing happens where there is none. With an expected version, throws
  // ConcurrencyError where another one is there.
  boost::asio::awaitable<void> erase(
      std::string saga_name, std::string saga_id,
      std::optional<std::uint64_t> expected_version = std::nullopt) const;

  // Pages through a saga's instances in a fixed order. Instances that come or go meanwhile may or
  // may not be seen; others are seen exactly once. Throws ValidationError for a bad continuation.
  // Where it is awaited, give the request a name first, as in Bus::publish.
  boost::asio::awaitable<FindPage> find_by_name(FindRequest request) const;

  boost::asio::awaitable<std::uint64_t> count_by_name(
      std::string saga_name, std::optional<bool> completed = std::nullopt) const;

  // Removes completed instances last updated before `time`, and returns how many. One that is
  // written meanwhile stays.
  boost::asio::awaitable<std::uint64_t> delete_completed_before(std::string saga_name,
                                                                TimePoint time) const;

  const std::shared_ptr<StoreBackend>& backend() const noexcept { return backend_; }

 private:
  std::shared_ptr<StoreBackend> backend_;
};

}  // namespace sagabus
