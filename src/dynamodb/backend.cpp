#include "dynamodb/backend.hpp"

#include <fmt/format.h>

#include <utility>

#include "dynamodb/user_write.hpp"
#include "sagabus/error.hpp"
#include "sagabus/time_text.hpp"

namespace sagabus::dynamodb {
namespace {

// AWS takes no signature that is older than 15 minutes. The clock that it was made by may be 5
// minutes ahead before it is corrected, and that of whoever reckons with this as much behind.
constexpr std::chrono::minutes kLatestWrite(25);

constexpr int kMaxTries = 8;  // of a write that is answered with what another try settles
constexpr std::chrono::milliseconds kConflictBase{20};

// Longer than the year that is promised: an instance may wait that long for its next message.
constexpr std::chrono::milliseconds kWatermarksKept = std::chrono::days(400);

[[noreturn]] void give_up(std::string_view operation, const std::string& table,
                          bool maybe_applied) {
  ServiceInfo service;
  service.not_applied = !maybe_applied;
  service.operation = operation;
  service.resource = table;
  throw TransientError(
      fmt::format("{} on {}: the item kept changing, {} times", operation, table, kMaxTries),
      service);
}

[[noreturn]] void taken(const Instance& instance) {
  throw AlreadyExists(fmt::format("{}: an instance with id {} or its correlation id exists",
                                  instance.saga_name, instance.saga_id));
}

// An answer was lost, and what is there does not tell whether the write was carried out: somebody
// has written since.
[[noreturn]] void in_doubt(std::string_view operation, const std::string& table,
                           const std::string& saga_id) {
  ServiceInfo service;
  service.operation = operation;
  service.resource = table;
  throw TransientError(fmt::format("{} on {}: saga {}: an answer was lost, and another writer came "
                                   "after: perhaps it was carried out, perhaps not",
                                   operation, table, saga_id),
                       service);
}

// Whether a try whose answer was lost made this item, as it is or as it was before somebody else
// updated it.
bool is_made_by(const StoredItem& item, const ItemDraft& draft, bool maybe_applied) {
  if (item.token == draft.token) return true;
  const std::string& birth = draft.instance.bookkeeping.birth;
  return maybe_applied && item.instance && !birth.empty() &&
         item.instance->bookkeeping.birth == birth;
}

CommitResult committed() {
  CommitResult result;
  result.committed = true;
  return result;
}

CommitResult lost_to(InstancePtr current) {
  CommitResult result;
  result.current = std::move(current);
  return result;
}

// The instance was as expected. A try whose answer was lost may come yet, and find it so.
CommitResult refused(WriteAnswer answer, bool maybe_applied) {
  CommitResult result;
  result.refused = std::move(answer.refused_writes);
  result.may_still_land = maybe_applied || answer.maybe_applied;
  return result;
}

void check_correlation(const Instance& found, std::string_view correlation_id) {
  if (found.correlation_id == correlation_id) return;
  throw Error(
      fmt::format("saga {}: the instance with id {} has another correlation id than the one "
                  "that the id stands for",
                  found.saga_name, found.saga_id));
}

// Names for what is asked of a key that no instance can have.
constexpr std::string_view kProbeName = "$probe";

// Throws where the table's items would not be found as this store looks for them.
void check_record(const boost::json::object& row, const TableRef& table) {
  const TableRecord record = row.empty() ? TableRecord{} : read_table_record(row, table.name);
  if (record.format_version > kKnownFormat) {
    throw ValidationError(
        fmt::format("table {} has format version {}, this program knows version {}: use a newer "
                    "sagabus",
                    table.name, record.format_version, kKnownFormat));
  }
  if (record.key_shards == table.key_shards) return;
  throw ValidationError(fmt::format(
      "table {} has {} key shard{}{}, the store's option key_shards is {}: set it to {}, or take a "
      "table that create_table made with {}; a table's number cannot be changed",
      table.name, record.key_shards, record.key_shards == 1 ? "" : "s",
      row.empty() ? " (it has no $table record)" : "", table.key_shards, record.key_shards,
      table.key_shards));
}

}  // namespace

// One update on its way, whose guard may be told more exactly from try to try.
struct Backend::Update {
  ItemDraft draft;
  UpdateGuard guard;
  UpdateExtras extras;
  std::optional<TimePoint> created_at;  // what the guard's createdAt means
  Writes writes;
  Cost* cost = nullptr;
  bool maybe_applied = false;  // by a try whose answer was lost
};

bool Backend::takes(const StoreWrite& write) const noexcept {
  return dynamic_cast<const UserWrite*>(&write) != nullptr;
}

std::chrono::milliseconds Backend::latest_write() const noexcept {
  return kLatestWrite;
}

ItemDraft Backend::draft(const Instance& instance) const {
  ItemDraft draft{instance, write_bookkeeping(instance.bookkeeping, instance.saga_id), token(),
                  std::nullopt, false};
  if (const auto expires_at = expiry(instance, options_.ttl)) {
    draft.ttl = epoch_seconds(*expires_at);
  }
  return draft;
}

boost::asio::awaitable<void> Backend::pause(int tries) {
  const Client& client = gateway_->client();
  const auto most = kConflictBase * (1 << std::min(tries, 6));
  const auto wait = uniform(client.random()) *
                    std::chrono::duration<double, std::milli>(static_cast<double>(most.count()));
  auto sleeping =
      client.clock().sleep_for(std::chrono::duration_cast<std::chrono::nanoseconds>(wait));
  co_await std::move(sleeping);
}

// What is there

boost::asio::awaitable<std::optional<StoredItem>> Backend::get(const std::string& saga_name,
                                                               const std::string& saga_id,
                                                               Cost* cost) {
  auto getting = gateway_->get(get_item_request(table(), Key{saga_name, saga_id}), cost);
  co_return co_await std::move(getting);
}

boost::asio::awaitable<InstancePtr> Backend::get_live(const std::string& saga_name,
                                                      const std::string& saga_id, Cost* cost) {
  auto getting = get(saga_name, saga_id, cost);
  const std::optional<StoredItem> item = co_await std::move(getting);
  if (!item || item->alias || is_expired(*item, now())) co_return nullptr;
  co_return item->instance;
}

// The live instance that an alias stands for. An alias that was left behind, while its target's id
// went to another instance, stands for none.
boost::asio::awaitable<InstancePtr> Backend::follow(const std::string& saga_name,
                                                    const Alias& alias,
                                                    const std::string& derived_id, Cost* cost) {
  auto getting = get_live(saga_name, alias.target, cost);
  InstancePtr found = co_await std::move(getting);
  if (found && derive_saga_id(saga_name, found->correlation_id) != derived_id) found.reset();
  co_return found;
}

// The instance at the derived key, or the one whose alias stands there.
boost::asio::awaitable<InstancePtr> Backend::get_derived(const InstanceKey& key, Cost* cost) {
  auto getting = get(key.saga_name, key.saga_id, cost);
  const std::optional<StoredItem> item = co_await std::move(getting);
  if (!item) co_return nullptr;
  InstancePtr found;
  if (item->alias) {
    auto following = follow(key.saga_name, *item->alias, key.saga_id, cost);
    found = co_await std::move(following);
  } else if (!is_expired(*item, now())) {
    found = item->instance;
  }
  if (found) check_correlation(*found, key.correlation_id);
  co_return found;
}

// The index lags behind and keeps expired items: what it names is read at its own key.
boost::asio::awaitable<InstancePtr> Backend::find_in_index(const InstanceKey& key, Cost* cost) {
  std::string start_after;
  do {
    auto querying =
        gateway_->query(index_request(table(), key.saga_name, key.correlation_id, start_after),
                        QueryContent::ids, cost);
    QueryAnswer answer = co_await std::move(querying);
    for (const std::string& saga_id : answer.saga_ids) {
      if (saga_id == key.saga_id) continue;  // the derived key was read already
      auto getting = get_live(key.saga_name, saga_id, cost);
      InstancePtr found = co_await std::move(getting);
      if (found && found->correlation_id == key.correlation_id) co_return found;
    }
    start_after = std::move(answer.last_saga_id);
  } while (!start_after.empty());
  co_return nullptr;
}

boost::asio::awaitable<InstancePtr> Backend::load(const InstanceKey& key, Cost* cost) {
  auto getting = get_derived(key, cost);
  InstancePtr found = co_await std::move(getting);
  if (found || !options_.foreign_items) co_return found;
  auto finding = find_in_index(key, cost);
  co_return co_await std::move(finding);
}

boost::asio::awaitable<InstancePtr> Backend::get_by_id(std::string saga_name, std::string saga_id) {
  auto getting = get_live(saga_name, saga_id);
  co_return co_await std::move(getting);
}

boost::asio::awaitable<InstancePtr> Backend::get_by_correlation_id(std::string saga_name,
                                                                   std::string correlation_id) {
  InstanceKey key;
  key.saga_id = derive_saga_id(saga_name, correlation_id);
  key.saga_name = std::move(saga_name);
  key.correlation_id = std::move(correlation_id);
  auto getting = get_derived(key);
  InstancePtr found = co_await std::move(getting);
  const bool may_be_foreign = options_.index != CorrelationIndex::none && table().key_shards == 1;
  if (found || !may_be_foreign) co_return found;
  auto finding = find_in_index(key);
  co_return co_await std::move(finding);
}

boost::asio::awaitable<void> Backend::save_watermark(std::string worker, std::string text) {
  WatermarkItem item;
  item.worker = worker;
  item.text = text;
  item.updated_at = now();
  item.ttl = epoch_seconds(later(item.updated_at, kWatermarksKept));
  auto writing = gateway_->write("PutItem", put_watermark_request(table(), item));
  co_await std::move(writing);
}

boost::asio::awaitable<std::string> Backend::load_watermark(std::string worker) {
  auto getting = gateway_->get_text(get_watermark_request(table(), worker), kWatermark);
  co_return co_await std::move(getting);
}

// Asks for the table's record, and for what cannot be in the index: the answers also show whether
// table, index and permissions are there.
boost::asio::awaitable<void> Backend::prepare() {
  std::optional<ValidationError> problem;
  boost::json::object record;
  try {
    auto getting = gateway_->get_row(get_record_request(table()));
    record = co_await std::move(getting);
  } catch (const ValidationError& e) {
    problem = ValidationError(
        fmt::format("table {} has another schema: expected partition key sagaName (S) and sort key "
                    "sagaId (S) ({})",
                    table().name, e.what()),
        e.service());
  }
  if (problem) throw *problem;
  check_record(record, table());
  if (options_.index == CorrelationIndex::none) co_return;
  try {
    auto querying =
        gateway_->query(index_request(table(), kProbeName, kProbeName, {}), QueryContent::ids);
    co_await std::move(querying);
  } catch (const ValidationError& e) {
    problem = ValidationError(
        fmt::format("table {} has no index correlationIndex with sagaName (HASH) and correlationId "
                    "(RANGE); a lean table needs the store's option index = none ({})",
                    table().name, e.what()),
        e.service());
  }
  if (problem) throw *problem;
}

// New instances

// A key that was thought free is not. A live instance there is the result; else the next try may
// overwrite what is there: `stale` says so of an alias whose instance is gone.
boost::asio::awaitable<CommitResult> Backend::meet(const StoredItem& item,
                                                   const std::string& saga_name,
                                                   const std::string& saga_id,
                                                   std::optional<Alias>& stale, Cost* cost) {
  stale.reset();
  if (!item.alias) co_return lost_to(is_expired(item, now()) ? nullptr : item.instance);
  auto following = follow(saga_name, *item.alias, saga_id, cost);
  InstancePtr target = co_await std::move(following);
  if (!target) stale = item.alias;
  co_return lost_to(std::move(target));
}

// Not a coroutine, since it is done for every start.
boost::asio::awaitable<WriteAnswer> Backend::send_put(const ItemDraft& draft,
                                                      const CreateGuard& guard, Writes writes,
                                                      bool again, Cost* cost) {
  if (writes.empty()) {
    std::string body = put_item_request(table(), draft, guard);
    check_size(draft, body.size(), table().key_shards);
    return gateway_->write("PutItem", std::move(body), again, cost);
  }
  std::string body =
      put_transaction_request(table(), draft, guard, writes, new_uuid(*ambient().random));
  check_size(draft, body.size(), table().key_shards);
  check_transaction(writes, 1, item_size(draft, table().key_shards));
  return gateway_->transact(std::move(body), {1, writes}, again, cost);
}

boost::asio::awaitable<CommitResult> Backend::put(const ItemDraft& draft, Writes writes,
                                                  Cost* cost) {
  CreateGuard guard;
  bool maybe_applied = false;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    guard.now = epoch_seconds(now());
    auto writing = send_put(draft, guard, writes, maybe_applied, cost);
    WriteAnswer answer = co_await std::move(writing);
    if (answer.done) co_return committed();
    if (!answer.refused_writes.empty()) co_return refused(std::move(answer), maybe_applied);
    const std::optional<StoredItem>& item = answer.refusals.front().item;
    guard.stale.reset();
    maybe_applied = maybe_applied || answer.maybe_applied;
    if (!answer.refusals.front().refused) {
      auto pausing = pause(tries);
      co_await std::move(pausing);
    }
    if (!item) continue;
    if (is_made_by(*item, draft, maybe_applied)) co_return committed();
    auto meeting = meet(*item, draft.instance.saga_name, draft.instance.saga_id, guard.stale, cost);
    CommitResult result = co_await std::move(meeting);
    if (!result.current) continue;
    check_correlation(*result.current, draft.instance.correlation_id);
    result.may_still_land = maybe_applied;
    co_return result;
  }
  give_up(writes.empty() ? "PutItem" : kTransact, table().name, maybe_applied);
}

boost::asio::awaitable<CommitResult> Backend::put_with_alias(const ItemDraft& draft,
                                                             const std::string& derived_id,
                                                             Writes writes, Cost* cost) {
  CreateGuard instance;
  CreateGuard alias;
  bool maybe_applied = false;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    instance.now = alias.now = epoch_seconds(now());
    std::string body = insert_with_alias_request(table(), draft, derived_id, instance, alias,
                                                 writes, new_uuid(*ambient().random));
    check_size(draft, body.size(), table().key_shards);
    check_transaction(writes, 2, item_size(draft, table().key_shards));
    auto writing = gateway_->transact(std::move(body), {2, writes}, maybe_applied, cost);
    WriteAnswer answer = co_await std::move(writing);
    if (answer.done) co_return committed();
    if (!answer.refused_writes.empty()) co_return refused(std::move(answer), maybe_applied);
    maybe_applied = maybe_applied || answer.maybe_applied;
    for (std::size_t i = 0; i < answer.refusals.size(); ++i) {
      const std::optional<StoredItem>& item = answer.refusals[i].item;
      if (!item) continue;
      if (item->token == draft.token && !item->token.empty()) co_return committed();
      const std::string& key = i == 0 ? draft.instance.saga_id : derived_id;
      auto meeting =
          meet(*item, draft.instance.saga_name, key, (i == 0 ? instance : alias).stale, cost);
      CommitResult result = co_await std::move(meeting);
      if (!result.current) continue;
      result.may_still_land = maybe_applied;
      co_return result;
    }
    if (answer.in_conflict) {
      auto pausing = pause(tries);
      co_await std::move(pausing);
    }
  }
  give_up(kTransact, table().name, maybe_applied);
}

boost::asio::awaitable<CommitResult> Backend::create(const Instance& instance, Writes writes,
                                                     Cost* cost) {
  check_keys(instance, table().key_shards);
  InstanceKey key;
  key.saga_name = instance.saga_name;
  key.correlation_id = instance.correlation_id;
  key.saga_id = derive_saga_id(instance.saga_name, instance.correlation_id);
  if (options_.foreign_items) {
    auto finding = find_in_index(key, cost);
    InstancePtr foreign = co_await std::move(finding);
    if (foreign) co_return lost_to(std::move(foreign));
  }
  ItemDraft item = draft(instance);
  item.reserved = key.saga_id != instance.saga_id;
  auto putting =
      item.reserved ? put_with_alias(item, key.saga_id, writes, cost) : put(item, writes, cost);
  co_return co_await std::move(putting);
}

// Instances that are there

// What a lost condition means, and what the guard of the next try must say.
Backend::Verdict Backend::judge(Update& update, const WriteAnswer::Refusal& refusal,
                                CommitResult& result) const {
  using Life = UpdateGuard::Life;
  if (!refusal.item || refusal.item->alias) return Verdict::absent;
  const StoredItem& item = *refusal.item;
  UpdateGuard& guard = update.guard;
  if (item.token == update.draft.token) return Verdict::committed;  // by a try that seemed lost
  if (is_expired(item, now())) return Verdict::absent;
  const std::string& birth = item.instance->bookkeeping.birth;
  const bool same_life =
      guard.life == Life::any ||
      (guard.life == Life::birth ? birth == guard.mark
                                 : birth.empty() && item.instance->created_at == update.created_at);
  if (item.instance->version != guard.version || !same_life) {
    result.current = item.instance;
    return Verdict::conflict;
  }
  if (guard.life == Life::created_at || guard.life == Life::unknown) {
    guard.life = item.created_at ? Life::created_at : Life::unknown;
    guard.mark = item.created_at.value_or("");  // the same moment in other words
  }
  return item.reserved && !guard.with_alias ? Verdict::with_alias : Verdict::again;
}

// Not a coroutine, since it is done for every step.
boost::asio::awaitable<WriteAnswer> Backend::send_update(Update& update) {
  const bool again = update.maybe_applied;
  if (update.writes.empty()) {
    std::string body = update_item_request(table(), update.draft, update.guard, update.extras);
    check_size(update.draft, body.size(), table().key_shards);
    return gateway_->write("UpdateItem", std::move(body), again, update.cost);
  }
  std::string body = update_transaction_request(table(), update.draft, update.guard, update.extras,
                                                update.writes, new_uuid(*ambient().random));
  check_size(update.draft, body.size(), table().key_shards);
  check_transaction(update.writes, 1, item_size(update.draft, table().key_shards));
  return gateway_->transact(std::move(body), {1, update.writes}, again, update.cost);
}

// One write, and no more unless the guard left a doubt.
boost::asio::awaitable<CommitResult> Backend::replace(Update& update) {
  for (int tries = 0; tries < kMaxTries; ++tries) {
    update.guard.now = epoch_seconds(now());
    auto writing = send_update(update);
    WriteAnswer answer = co_await std::move(writing);
    if (answer.done) co_return committed();
    if (!answer.refused_writes.empty()) co_return refused(std::move(answer), update.maybe_applied);
    update.maybe_applied = update.maybe_applied || answer.maybe_applied;
    if (!answer.refusals.front().refused) {
      auto pausing = pause(tries);
      co_await std::move(pausing);
      continue;
    }
    CommitResult result;
    const Verdict verdict = judge(update, answer.refusals.front(), result);
    if (verdict == Verdict::committed) co_return committed();
    if (verdict == Verdict::absent || verdict == Verdict::conflict) co_return result;
    if (verdict == Verdict::with_alias) {
      auto replacing = replace_with_alias(update, *answer.refusals.front().item);
      co_return co_await std::move(replacing);
    }
  }
  give_up(update.writes.empty() ? "UpdateItem" : kTransact, table().name, update.maybe_applied);
}

// An alias must expire with its instance, so what changes the one's `ttl` changes the other's.
boost::asio::awaitable<CommitResult> Backend::replace_with_alias(Update& update,
                                                                 const StoredItem& found) {
  const Instance& instance = *found.instance;
  const std::string derived_id = derive_saga_id(instance.saga_name, instance.correlation_id);
  update.guard.with_alias = true;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    update.guard.now = epoch_seconds(now());
    std::string body = update_with_alias_request(table(), update.draft, update.guard, update.extras,
                                                 derived_id, instance.bookkeeping.birth,
                                                 update.writes, new_uuid(*ambient().random));
    check_transaction(update.writes, 2, item_size(update.draft, table().key_shards));
    auto writing =
        gateway_->transact(std::move(body), {2, update.writes}, update.maybe_applied, update.cost);
    WriteAnswer answer = co_await std::move(writing);
    if (answer.done) co_return committed();
    if (!answer.refused_writes.empty()) co_return refused(std::move(answer), update.maybe_applied);
    update.maybe_applied = update.maybe_applied || answer.maybe_applied;
    if (answer.refusals.front().refused) {
      CommitResult result;
      const Verdict verdict = judge(update, answer.refusals.front(), result);
      if (verdict == Verdict::committed) co_return committed();
      if (verdict != Verdict::again) co_return result;
    } else if (answer.refusals.back().refused) {  // something else stands at the derived key
      auto replacing = replace(update);
      co_return co_await std::move(replacing);
    }
    auto pausing = pause(tries);
    co_await std::move(pausing);
  }
  give_up(kTransact, table().name, update.maybe_applied);
}

boost::asio::awaitable<CommitResult> Backend::commit(CommitRequest request) {
  const Instance& next = *request.next;
  if (!request.expected) {
    auto creating = create(next, request.writes, request.cost);
    co_return co_await std::move(creating);
  }
  using Life = UpdateGuard::Life;
  const ExpectedInstance& expected = *request.expected;
  Update update{draft(next), {}, {}, expected.created_at, request.writes, request.cost};
  update.guard.version = expected.version;
  if (!expected.birth.empty()) {
    update.guard.life = Life::birth;
    update.guard.mark = expected.birth;
  } else if (expected.created_at == TimePoint{}) {
    update.guard.life = Life::unknown;
  } else {
    update.guard.life = Life::created_at;
    update.guard.mark = to_iso8601(expected.created_at);
  }
  if (next.bookkeeping.birth != expected.birth) update.extras.birth = next.bookkeeping.birth;
  if (next.created_at != expected.created_at && expected.created_at != TimePoint{}) {
    update.extras.created_at = to_iso8601(next.created_at);
  }
  auto replacing = replace(update);
  co_return co_await std::move(replacing);
}

// The functions of SagaStore

boost::asio::awaitable<InstancePtr> Backend::insert(Instance instance) {
  auto creating = create(instance, {}, nullptr);
  const CommitResult result = co_await std::move(creating);
  if (!result.committed) taken(instance);
  auto stored = std::make_shared<Instance>(std::move(instance));
  stored->expires_at = expiry(*stored, options_.ttl);
  co_return stored;
}

// The instance that the draft was written to: as it stands there, unless another write was faster.
boost::asio::awaitable<InstancePtr> Backend::updated(ItemDraft draft) {
  auto getting = get(draft.instance.saga_name, draft.instance.saga_id);
  const std::optional<StoredItem> item = co_await std::move(getting);
  if (item && item->token == draft.token) co_return item->instance;
  auto stored = std::make_shared<Instance>(draft.instance);
  stored->expires_at = expiry(*stored, options_.ttl);
  const std::string& birth = stored->bookkeeping.birth;
  if (item && item->instance && (birth.empty() || birth == item->instance->bookkeeping.birth)) {
    stored->correlation_id = item->instance->correlation_id;
    stored->created_at = item->instance->created_at;
    stored->bookkeeping.birth = item->instance->bookkeeping.birth;
  }
  co_return stored;
}

boost::asio::awaitable<InstancePtr> Backend::update(Instance instance,
                                                    std::uint64_t expected_version) {
  Update update{draft(instance), {}, {}, std::nullopt, {}};
  update.guard.version = expected_version;
  if (!instance.bookkeeping.birth.empty()) {
    update.guard.life = UpdateGuard::Life::birth;
    update.guard.mark = instance.bookkeeping.birth;
  }
  auto replacing = replace(update);
  const CommitResult result = co_await std::move(replacing);
  if (result.committed) {
    auto reading = updated(std::move(update.draft));
    co_return co_await std::move(reading);
  }
  if (!result.current) {
    throw NotFound(
        fmt::format("saga {}: no instance with id {}", instance.saga_name, instance.saga_id));
  }
  // Had ours been carried out, a writer after it would have gone past its version.
  const Instance& current = *result.current;
  const bool same_life =
      !current.bookkeeping.birth.empty() && current.bookkeeping.birth == instance.bookkeeping.birth;
  if (update.maybe_applied && (!same_life || current.version > instance.version)) {
    in_doubt("UpdateItem", table().name, instance.saga_id);
  }
  throw ConcurrencyError(instance.saga_id, expected_version, current.version);
}

// Whether the alias's instance is gone; false: it is another one by now.
boost::asio::awaitable<bool> Backend::erase_with_alias(const StoredItem& found, DeleteGuard guard) {
  const Instance& instance = *found.instance;
  const std::string derived_id = derive_saga_id(instance.saga_name, instance.correlation_id);
  guard.version = instance.version;
  guard.with_alias = true;
  const Key key{instance.saga_name, instance.saga_id};
  for (int tries = 0; tries < kMaxTries; ++tries) {
    auto writing = gateway_->transact(
        delete_with_alias_request(table(), key, guard, derived_id, new_uuid(*ambient().random)),
        {2, {}});
    const WriteAnswer answer = co_await std::move(writing);
    if (answer.done) co_return true;
    if (answer.refusals.front().refused) co_return false;
    if (answer.refusals.back().refused) {  // the alias is another instance's
      auto deleting = gateway_->write("DeleteItem", delete_item_request(table(), key, guard));
      const WriteAnswer deleted = co_await std::move(deleting);
      co_return deleted.done;
    }
    auto pausing = pause(tries);
    co_await std::move(pausing);
  }
  give_up(kTransact, table().name, true);
}

boost::asio::awaitable<void> Backend::erase(std::string saga_name, std::string saga_id,
                                            std::optional<std::uint64_t> expected_version) {
  DeleteGuard guard;
  guard.version = expected_version;
  bool maybe_applied = false;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    auto writing =
        gateway_->write("DeleteItem", delete_item_request(table(), Key{saga_name, saga_id}, guard));
    const WriteAnswer answer = co_await std::move(writing);
    if (answer.done) co_return;
    maybe_applied = maybe_applied || answer.maybe_applied;
    const std::optional<StoredItem>& item = answer.refusals.front().item;
    if (!item || item->alias) co_return;
    const std::uint64_t version = item->instance->version;
    if (expected_version && version != *expected_version) {
      if (is_expired(*item, now())) co_return;
      if (maybe_applied) in_doubt("DeleteItem", table().name, saga_id);
      throw ConcurrencyError(saga_id, *expected_version, version);
    }
    if (!item->reserved) continue;
    auto erasing = erase_with_alias(*item, guard);
    const bool erased = co_await std::move(erasing);
    if (erased) co_return;
  }
  give_up("DeleteItem", table().name, true);
}

}  // namespace sagabus::dynamodb
