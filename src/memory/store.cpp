#include "sagabus/memory/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstring>
#include <mutex>
#include <stdexcept>

#include "ambient_rules.hpp"
#include "memory/timers.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "ttl.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sagabus::memory {
namespace {

// Two texts that together name an instance: saga name and saga id, or saga name and correlation id.
struct Key {
  std::string_view saga_name;
  std::string_view id;
  friend bool operator==(const Key&, const Key&) = default;
};

// Two sagas seldom share an id, so the name's length stands for the name.
std::uint64_t hash_of(const Key& key) {
  return XXH3_64bits_withSeed(key.id.data(), key.id.size(), key.saga_name.size());
}

// An instance in a set that finds it by one of its keys. The key lies in the instance itself, so a
// new version takes the place of the old one and the key with it.
struct Slot {
  mutable InstancePtr instance;
};

Key id_of(const Instance& instance) {
  return {instance.saga_name, instance.saga_id};
}

struct SlotHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(const Key& key) const { return hash_of(key); }
  std::size_t operator()(const Slot& slot) const { return hash_of(id_of(*slot.instance)); }
};

struct SlotEqual {
  using is_transparent = void;
  bool operator()(const Slot& a, const Slot& b) const {
    return id_of(*a.instance) == id_of(*b.instance);
  }
  bool operator()(const Key& a, const Slot& b) const { return a == id_of(*b.instance); }
  bool operator()(const Slot& a, const Key& b) const { return id_of(*a.instance) == b; }
};

struct TextKey {
  std::string saga_name;
  std::string id;
};

struct TextKeyHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(const Key& key) const { return hash_of(key); }
  std::size_t operator()(const TextKey& key) const { return hash_of({key.saga_name, key.id}); }
};

struct TextKeyEqual {
  using is_transparent = void;
  static Key view(const TextKey& key) { return {key.saga_name, key.id}; }
  static Key view(const Key& key) { return key; }
  bool operator()(const auto& a, const auto& b) const { return view(a) == view(b); }
};

// Roughly: for how many make a page.
std::size_t bytes_of(const Value& value) {
  std::size_t bytes = sizeof value;
  if (const std::string* text = value.if_string()) bytes += text->size();
  if (const Bytes* binary = value.if_bytes()) bytes += binary->size();
  if (const Array* array = value.if_array()) {
    for (const Value& element : *array) bytes += bytes_of(element);
  }
  if (const Object* object = value.if_object()) {
    for (const auto& [name, member] : *object) bytes += name.size() + bytes_of(member);
  }
  return bytes;
}

std::size_t bytes_of(const Instance& instance) {
  std::size_t bytes = bytes_of(instance.state);
  for (const OutboxEntry& entry : instance.bookkeeping.outbox) {
    for (const OutgoingMessage& message : entry.messages) {
      bytes += bytes_of(message.envelope->payload);
    }
  }
  return bytes;
}

std::uint64_t check_of(std::string_view saga_name, std::string_view last_id) {
  return XXH3_64bits_withSeed(last_id.data(), last_id.size(),
                              XXH3_64bits(saga_name.data(), saga_name.size()));
}

// The place in a listing: a check that names the saga, then the last id that was seen.
std::string write_continuation(std::string_view saga_name, std::string_view last_id) {
  const std::uint64_t check = check_of(saga_name, last_id);
  Bytes bytes(sizeof check + last_id.size());
  std::memcpy(bytes.data(), &check, sizeof check);
  std::memcpy(bytes.data() + sizeof check, last_id.data(), last_id.size());
  return encode_base64(bytes);
}

std::string read_continuation(std::string_view saga_name, std::string_view token) {
  const auto refuse = [] { return ValidationError("continuation: not one of this listing's"); };
  Bytes bytes;
  try {
    bytes = decode_base64(token);
  } catch (const ValidationError&) {
    throw refuse();
  }
  std::uint64_t check = 0;
  if (bytes.size() <= sizeof check) throw refuse();
  std::memcpy(&check, bytes.data(), sizeof check);
  std::string id(reinterpret_cast<const char*>(bytes.data()) + sizeof check,
                 bytes.size() - sizeof check);
  if (check != check_of(saga_name, id)) throw refuse();
  return id;
}

bool is_expected(const Instance& current, const ExpectedInstance& expected) {
  if (current.version != expected.version) return false;
  if (current.bookkeeping.birth != expected.birth) return false;
  return !current.bookkeeping.birth.empty() || current.created_at == expected.created_at;
}

class StoreInMemory final : public StoreBackend {
 public:
  explicit StoreInMemory(StoreOptions options)
      : StoreBackend(std::move(options.ambient)),
        time_to_live_(detail::read_ttl(options.ttl_days)),
        timers_(ambient().clock) {
    detail::check(ambient());
  }

  std::string describe() const override { return "memory:"; }
  boost::asio::awaitable<void> prepare() override { co_return; }

  boost::asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* /*cost*/) override {
    const std::lock_guard lock(mutex_);
    co_return holder_of(key.saga_name, key.correlation_id, key.saga_id);
  }

  boost::asio::awaitable<CommitResult> commit(CommitRequest request) override {
    co_return commit_now(with_expiry(std::move(request.next)), request.expected);
  }

  TimerBackend* timers() noexcept override { return &timers_; }

  boost::asio::awaitable<void> save_watermark(std::string worker, std::string text) override {
    const std::lock_guard lock(mutex_);
    watermarks_.insert_or_assign(std::move(worker), std::move(text));
    co_return;
  }

  boost::asio::awaitable<std::string> load_watermark(std::string worker) override {
    const std::lock_guard lock(mutex_);
    const auto found = watermarks_.find(worker);
    co_return found == watermarks_.end() ? std::string() : found->second;
  }

  boost::asio::awaitable<InstancePtr> get_by_id(std::string saga_name,
                                                std::string saga_id) override {
    const std::lock_guard lock(mutex_);
    co_return find({saga_name, saga_id});
  }

  boost::asio::awaitable<InstancePtr> get_by_correlation_id(std::string saga_name,
                                                            std::string correlation_id) override {
    const std::string derived = derive_saga_id(saga_name, correlation_id);
    const std::lock_guard lock(mutex_);
    co_return holder_of(saga_name, correlation_id, derived);
  }

  boost::asio::awaitable<InstancePtr> insert(Instance instance) override {
    const std::string derived = derive_saga_id(instance.saga_name, instance.correlation_id);
    const auto next = with_expiry(std::make_shared<const Instance>(std::move(instance)));
    const std::lock_guard lock(mutex_);
    refuse_taken(id_of(*next));
    if (holder_of(next->saga_name, next->correlation_id, derived)) {
      throw AlreadyExists(fmt::format("correlation id {} is taken", next->correlation_id));
    }
    put(next);
    if (next->saga_id != derived) {
      chosen_ids_.insert_or_assign({next->saga_name, next->correlation_id}, next->saga_id);
    }
    co_return next;
  }

  boost::asio::awaitable<InstancePtr> update(Instance instance,
                                             std::uint64_t expected_version) override {
    auto next = std::make_shared<Instance>(std::move(instance));
    const std::lock_guard lock(mutex_);
    const InstancePtr current = find({next->saga_name, next->saga_id});
    if (!current) throw NotFound(fmt::format("saga {} does not exist", next->saga_id));
    const std::string& birth = next->bookkeeping.birth;
    const bool same_life = birth.empty() || birth == current->bookkeeping.birth;
    if (current->version != expected_version || !same_life) {
      throw ConcurrencyError(next->saga_id, expected_version, current->version);
    }
    next->correlation_id = current->correlation_id;
    next->created_at = current->created_at;
    next->bookkeeping.birth = current->bookkeeping.birth;
    const InstancePtr stored = with_expiry(std::move(next));
    put(stored);
    co_return stored;
  }

  boost::asio::awaitable<void> erase(std::string saga_name, std::string saga_id,
                                     std::optional<std::uint64_t> expected_version) override {
    const std::lock_guard lock(mutex_);
    const auto slot = instances_.find(Key{saga_name, saga_id});
    if (slot == instances_.end() || is_expired(*slot->instance)) co_return;
    const Instance& current = *slot->instance;
    if (expected_version && current.version != *expected_version) {
      throw ConcurrencyError(saga_id, *expected_version, current.version);
    }
    forget_chosen_id(current);
    instances_.erase(slot);
  }

  boost::asio::awaitable<FindPage> find_by_name(FindRequest request) override {
    std::string after;
    if (!request.continuation.empty()) {
      after = read_continuation(request.saga_name, request.continuation);
    }
    FindPage page;
    std::size_t bytes = 0;
    for (const InstancePtr& instance : matching(request, after)) {
      if (page.instances.size() == request.limit || bytes >= kPageBytes) {
        page.continuation = write_continuation(request.saga_name, page.instances.back().saga_id);
        break;
      }
      bytes += bytes_of(*instance);
      page.instances.push_back(*instance);
    }
    co_return page;
  }

  boost::asio::awaitable<std::uint64_t> count_by_name(std::string saga_name,
                                                      std::optional<bool> completed) override {
    const std::lock_guard lock(mutex_);
    co_return static_cast<std::uint64_t>(std::count_if(
        instances_.begin(), instances_.end(),
        [&](const Slot& slot) { return is_listed(*slot.instance, saga_name, completed); }));
  }

  boost::asio::awaitable<std::uint64_t> delete_completed_before(std::string saga_name,
                                                                TimePoint time) override {
    const std::lock_guard lock(mutex_);
    co_return erase_instances([&](const Instance& instance) {
      return is_listed(instance, saga_name, true) && instance.updated_at < time;
    });
  }

 private:
  CommitResult commit_now(InstancePtr next, const std::optional<ExpectedInstance>& expected) {
    InstancePtr replaced;  // outlives the lock: taking a large state apart takes its time
    const std::lock_guard lock(mutex_);
    const Key id = id_of(*next);
    InstancePtr current =
        expected ? find(id) : holder_of(next->saga_name, next->correlation_id, next->saga_id);
    if (expected ? !current || !is_expected(*current, *expected) : current != nullptr) {
      return {false, std::move(current)};
    }
    if (!expected) refuse_taken(id);
    replaced = put(std::move(next));
    return {true, nullptr};
  }

  bool is_expired(const Instance& instance) const {
    return instance.expires_at && *instance.expires_at <= ambient().clock->now();
  }

  bool is_listed(const Instance& instance, std::string_view saga_name,
                 std::optional<bool> completed) const {
    return instance.saga_name == saga_name && (!completed || instance.completed == *completed) &&
           !is_expired(instance);
  }

  // The instance as it is to be stored: the store alone says when it expires.
  InstancePtr with_expiry(InstancePtr instance) const {
    const auto expires_at = detail::expiry(instance->completed, time_to_live_, *ambient().clock);
    if (instance->expires_at == expires_at) return instance;
    auto stored = std::make_shared<Instance>(*instance);
    stored->expires_at = expires_at;
    return stored;
  }

  // The functions below are called with the mutex held.

  InstancePtr find(const Key& key) const {
    const auto slot = instances_.find(key);
    return slot == instances_.end() || is_expired(*slot->instance) ? nullptr : slot->instance;
  }

  void refuse_taken(const Key& id) const {
    if (find(id)) throw AlreadyExists(fmt::format("saga id {} is taken", id.id));
  }

  // The instance that has the correlation id: at the derived saga id, or at a chosen one. Throws
  // Error where the derived id belongs to another correlation id.
  InstancePtr holder_of(std::string_view saga_name, std::string_view correlation_id,
                        std::string_view derived_id) const {
    InstancePtr found = find({saga_name, derived_id});
    if (found && found->correlation_id != correlation_id) {
      throw Error(fmt::format("saga {}: the id {} belongs to another correlation id", saga_name,
                              derived_id));
    }
    if (found) return found;
    if (chosen_ids_.empty()) return nullptr;
    const auto chosen = chosen_ids_.find(Key{saga_name, correlation_id});
    return chosen == chosen_ids_.end() ? nullptr : find({saga_name, chosen->second});
  }

  // Returns what stood there before.
  InstancePtr put(InstancePtr next) {
    const auto slot = instances_.find(id_of(*next));
    if (slot != instances_.end()) {
      if (slot->instance->correlation_id != next->correlation_id) forget_chosen_id(*slot->instance);
      return std::exchange(slot->instance, std::move(next));
    }
    if (instances_.size() >= sweep_at_) sweep();
    instances_.insert(Slot{std::move(next)});
    return nullptr;
  }

  void forget_chosen_id(const Instance& instance) {
    if (chosen_ids_.empty()) return;
    const auto chosen = chosen_ids_.find(Key{instance.saga_name, instance.correlation_id});
    if (chosen != chosen_ids_.end() && chosen->second == instance.saga_id) {
      chosen_ids_.erase(chosen);
    }
  }

  // Takes expired instances out each time the store has doubled, so that they do not pile up.
  void sweep() {
    erase_instances([&](const Instance& instance) { return is_expired(instance); });
    sweep_at_ = std::max(kFirstSweep, 2 * instances_.size());
  }

  template <class Predicate>
  std::uint64_t erase_instances(Predicate predicate) {
    return boost::unordered::erase_if(instances_, [&](const Slot& slot) {
      if (!predicate(*slot.instance)) return false;
      forget_chosen_id(*slot.instance);
      return true;
    });
  }

  // The first of those after `after`, by saga id: one more than the limit, to see if there are
  // more.
  std::vector<InstancePtr> matching(const FindRequest& request, const std::string& after) const {
    const auto by_id = [](const InstancePtr& a, const InstancePtr& b) {
      return a->saga_id < b->saga_id;
    };
    std::vector<InstancePtr> found;
    const std::lock_guard lock(mutex_);
    for (const Slot& slot : instances_) {
      const Instance& instance = *slot.instance;
      if (!is_listed(instance, request.saga_name, request.completed)) continue;
      if (!request.continuation.empty() && instance.saga_id <= after) continue;
      if (found.size() > request.limit) {
        if (instance.saga_id >= found.front()->saga_id) continue;
        std::pop_heap(found.begin(), found.end(), by_id);
        found.pop_back();
      }
      found.push_back(slot.instance);
      std::push_heap(found.begin(), found.end(), by_id);
    }
    std::sort_heap(found.begin(), found.end(), by_id);
    return found;
  }

  static constexpr std::size_t kFirstSweep = 1024;

  const std::optional<std::chrono::seconds> time_to_live_;  // empty: for ever
  TimersInMemory timers_;
  mutable std::mutex mutex_;
  boost::unordered_flat_set<Slot, SlotHash, SlotEqual> instances_;
  // Only of instances whose id is not the derived one: (saga name, correlation id) to saga id.
  boost::unordered_flat_map<TextKey, std::string, TextKeyHash, TextKeyEqual> chosen_ids_;
  std::size_t sweep_at_ = kFirstSweep;
  boost::unordered_flat_map<std::string, std::string>
      watermarks_;  // by worker; some 100 bytes each
};

}  // namespace

SagaStore::SagaStore() : SagaStore(StoreOptions{}) {}

SagaStore::SagaStore(StoreOptions options)
    : sagabus::SagaStore(std::make_shared<StoreInMemory>(std::move(options))) {}

}  // namespace sagabus::memory
