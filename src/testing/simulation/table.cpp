#include "testing/simulation/table.hpp"

#include <algorithm>
#include <stdexcept>

namespace sagabus::testing::simulation {
namespace {

namespace asio = boost::asio;

// An item is locked for so long by a transaction.
constexpr std::chrono::milliseconds kTransactionTakes(20);

// What has expired is taken away at once, or up to so much later.
constexpr std::chrono::minutes kLatestDeletion(90);

const TakeOne& take_one(const StoreWritePtr& write) {
  return static_cast<const TakeOne&>(*write);
}

std::vector<std::string> items_of(const CommitRequest& request) {
  std::vector<std::string> items(1, request.next->saga_id);
  for (const StoreWritePtr& write : request.writes) items.push_back(take_one(write).stock());
  return items;
}

bool is_as_expected(const InstancePtr& there, const std::optional<ExpectedInstance>& expected,
                    TimePoint now) {
  const bool lives = there && !has_expired(*there, now);
  if (!expected) return !lives;
  if (!lives || there->version != expected->version) return false;
  return there->bookkeeping.birth == expected->birth;
}

memory::StoreOptions store_options(std::shared_ptr<Clock> clock,
                                   std::shared_ptr<RandomSource> random, std::chrono::minutes ttl) {
  memory::StoreOptions options;
  options.ambient.clock = std::move(clock);
  options.ambient.random = std::move(random);
  using Days = std::chrono::duration<double, std::chrono::days::period>;
  if (ttl > ttl.zero()) options.ttl_days = Days(ttl).count();
  return options;
}

}  // namespace

bool has_expired(const Instance& instance, TimePoint now) {
  return instance.expires_at && *instance.expires_at <= now;
}

// The clock of the store in memory. By it nothing has ever expired; and while something is written,
// it is what it is told, so that what has ended expires by that.
class Table::ToldClock final : public Clock {
 public:
  TimePoint now() const override { return told_; }
  std::chrono::nanoseconds monotonic() const override { return {}; }
  asio::awaitable<void> sleep_for(std::chrono::nanoseconds /*duration*/) override { co_return; }

  class Told {
   public:
    Told(ToldClock& clock, TimePoint at) : clock_(clock) { clock_.told_ = at; }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;
    ~Told() { clock_.told_ = TimePoint::min(); }

   private:
    ToldClock& clock_;
  };

 private:
  TimePoint told_ = TimePoint::min();
};

Table::Table(Ambient ambient, unsigned shards, std::chrono::minutes ttl)
    : ambient_(std::move(ambient)),
      ttl_(ttl),
      told_(std::make_shared<ToldClock>()),
      instances_(store_options(told_, ambient_.random, ttl)) {
  for (unsigned i = 0; i < shards; ++i) {
    timers.push_back(std::make_shared<memory::TimersInMemory>(ambient_.clock));
  }
}

asio::awaitable<InstancePtr> Table::load(InstanceKey key) {
  const auto keep_alive = shared_from_this();
  InstancePtr found = co_await instances_.backend()->load(key, nullptr);
  if (!found) co_return nullptr;
  const auto goes_at = goes_at_.find(found->saga_id);
  if (goes_at == goes_at_.end() || ambient_.clock->now() < goes_at->second) co_return found;
  goes_at_.erase(goes_at);
  co_await instances_.backend()->erase(found->saga_name, found->saga_id, std::nullopt);
  co_return nullptr;
}

asio::awaitable<CommitResult> Table::commit(CommitRequest request, TimePoint now) {
  const auto keep_alive = shared_from_this();
  lock_all(request);
  CommitResult result;
  InstanceKey key{request.next->saga_name, request.next->correlation_id, request.next->saga_id};
  auto loading = load(std::move(key));
  InstancePtr there = co_await std::move(loading);
  if (!is_as_expected(there, request.expected, now)) {
    result.current = std::move(there);
    co_return result;
  }
  result.refused = refused_writes(request);
  if (!result.refused.empty()) co_return result;
  auto putting = put(request);
  co_await std::move(putting);
  for (const StoreWritePtr& write : request.writes) {
    stocks[take_one(write).stock()].takers.insert(take_one(write).taker());
  }
  committed(request);
  result.committed = true;
  co_return result;
}

asio::awaitable<void> Table::plant(Instance instance) {
  const auto keep_alive = shared_from_this();
  co_await instances_.backend()->insert(std::move(instance));
}

// Throws where one of its items is another transaction's. Transactions lock them, also those that
// are refused.
void Table::lock_all(const CommitRequest& request) {
  const std::chrono::nanoseconds now = ambient_.clock->monotonic();
  const std::vector<std::string> items = items_of(request);
  const bool is_locked = std::ranges::any_of(items, [&](const std::string& item) {
    const auto found = locked_.find(item);
    return found != locked_.end() && found->second > now;
  });
  if (is_locked) {
    ++conflicts;
    throw InConflict("a transaction is at work on the item");
  }
  if (request.writes.empty()) return;
  for (const std::string& item : items) locked_[item] = now + kTransactionTakes;
}

std::vector<RefusedWrite> Table::refused_writes(const CommitRequest& request) const {
  std::vector<RefusedWrite> refused;
  for (std::size_t i = 0; i < request.writes.size(); ++i) {
    const TakeOne& take = take_one(request.writes[i]);
    const auto stock = stocks.find(take.stock());
    if (stock == stocks.end() || !stock->second.gives(take.taker())) refused.push_back({i, {}});
  }
  return refused;
}

// What is there is what was expected. What has ended expires by when it was last changed, and the
// store in memory is not to take what it replaces for expired meanwhile.
asio::awaitable<void> Table::put(const CommitRequest& request) {
  const Instance& next = *request.next;
  goes_at_.erase(next.saga_id);
  CommitRequest alone{request.next, request.expected};
  if (!alone.expected || next.completed) {
    alone.expected.reset();
    co_await instances_.backend()->erase(next.saga_name, next.saga_id, std::nullopt);
  }
  const ToldClock::Told told(*told_, next.completed ? next.updated_at : TimePoint::min());
  const CommitResult result = co_await instances_.backend()->commit(std::move(alone));
  if (!result.committed) throw std::logic_error("the table lost an instance");
  note_end(next);
}

void Table::note_end(const Instance& instance) {
  if (!instance.completed || ttl_ == ttl_.zero()) return;
  const TimePoint expires_at = std::chrono::ceil<std::chrono::seconds>(instance.updated_at) + ttl_;
  const bool at_once = ambient_.random->next() % 2 == 0;
  const auto most = static_cast<std::uint64_t>(
      std::chrono::milliseconds(at_once ? std::chrono::minutes(0) : kLatestDeletion).count());
  const std::chrono::milliseconds delay(ambient_.random->next() % (most + 1));
  goes_at_[instance.saga_id] = later(expires_at, delay);
}

}  // namespace sagabus::testing::simulation
