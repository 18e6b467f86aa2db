#include "sagabus/saga_tools.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "sagabus/codec.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/random.hpp"
#include "sagabus/time_text.hpp"
#include "side_by_side.hpp"
#include "state_text.hpp"
#include "step.hpp"
#include "timer_rules.hpp"

namespace sagabus {
namespace {

namespace asio = boost::asio;

// A busy bus wins a race now and then, not so many in a row.
constexpr unsigned kMaxConflicts = 64;

// A state lies in the object of its instance; so do inbox and outbox, which are less deep.
constexpr JsonLimits kLimits{.max_depth = 210, .max_bytes = std::size_t{80} * 1024 * 1024};

const Value* element(const Array& array, std::string_view place) {
  std::size_t index = 0;
  const char* const end = place.data() + place.size();
  const auto [stop, error] = std::from_chars(place.data(), end, index);
  if (error != std::errc() || stop != end || index >= array.size()) return nullptr;
  return &array[index];
}

const Value* find_field(const Value& state, std::string_view path) {
  const Value* at = &state;
  while (at) {
    const std::size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    const Array* const array = at->if_array();
    at = array ? element(*array, name) : at->find(name);
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  return at;
}

std::optional<double> number_of(const Value& value) {
  if (const auto* v = value.if_int64()) return static_cast<double>(*v);
  if (const auto* v = value.if_uint64()) return static_cast<double>(*v);
  if (const auto* v = value.if_double()) return *v;
  return std::nullopt;
}

std::optional<Value> parse_scalar(const std::string& text) {
  try {
    return parse_json(text);
  } catch (const ValidationError&) {
    return std::nullopt;
  }
}

void append_member(std::string& out, std::string_view name, std::string_view json) {
  out += out.empty() ? "{\"" : ",\"";
  out.append(name).append("\":").append(json);
}

void append_text(std::string& out, std::string_view name, std::string_view text) {
  std::string json;
  append_json_string(json, text);
  append_member(out, name, json);
}

void append_bookkeeping(std::string& out, const Instance& instance) {
  const BookkeepingText text = write_bookkeeping(instance.bookkeeping, instance.saga_id);
  if (!instance.bookkeeping.birth.empty()) append_text(out, "birth", instance.bookkeeping.birth);
  if (!text.inbox.empty()) append_member(out, "inbox", text.inbox);
  if (!text.outbox.empty()) append_member(out, "outbox", text.outbox);
  if (!text.timers.empty()) append_member(out, "timers", text.timers);
}

// The object of an instance, member by member.
class Reader {
 public:
  explicit Reader(const Value& value) : value_(value) {
    const Object* const object = value.if_object();
    if (!object) throw ValidationError("an instance: expected a JSON object");
    for (const Member& member : *object) {
      if (std::find(std::begin(kNames), std::end(kNames), member.first) != std::end(kNames))
        continue;
      throw ValidationError(fmt::format("an instance: unknown member '{}'", member.first));
    }
  }

  const Value& member(std::string_view name) const {
    const Value* const found = value_.find(name);
    if (!found) throw ValidationError(fmt::format("an instance: {} is missing", name));
    return *found;
  }

  std::string text(std::string_view name) const {
    const std::string* const text = member(name).if_string();
    if (!text || text->empty()) wrong(name, "a text");
    return *text;
  }

  std::uint64_t version() const {
    const std::int64_t* const version = member("version").if_int64();
    // Some of the programs that share the schema begin at 0.
    if (!version || *version < 0) wrong("version", "a whole number from 0");
    return static_cast<std::uint64_t>(*version);
  }

  bool completed() const {
    const bool* const completed = member("isCompleted").if_bool();
    if (!completed) wrong("isCompleted", "true or false");
    return *completed;
  }

  TimePoint time(std::string_view name) const {
    const SplitTime time = parse_iso8601(text(name));
    return time.seconds + std::chrono::floor<std::chrono::milliseconds>(time.fraction);
  }

  std::optional<TimePoint> ttl() const {
    const Value* const found = value_.find("ttl");
    if (!found) return std::nullopt;
    const std::int64_t* const seconds = found->if_int64();
    constexpr std::int64_t kMost = 253'402'300'799;  // the end of the year 9999
    if (!seconds || *seconds < 0 || *seconds > kMost) wrong("ttl", "seconds since 1970");
    return TimePoint(std::chrono::seconds(*seconds));
  }

  // As the stores keep it.
  std::string part(std::string_view name) const {
    const Value* const found = value_.find(name);
    return found ? to_json(*found) : std::string();
  }

 private:
  static constexpr std::string_view kNames[] = {
      "sagaName",  "sagaId", "correlationId", "version", "isCompleted", "state",  "createdAt",
      "updatedAt", "ttl",    "birth",         "inbox",   "outbox",      "timers", "expiresInMs"};

  [[noreturn]] static void wrong(std::string_view name, std::string_view expected) {
    throw ValidationError(fmt::format("an instance: {}: expected {}", name, expected));
  }

  const Value& value_;
};

// What is written of an instance, and on which condition.
CommitRequest next_of(const Instance& current, Instance next) {
  next.version = current.version + 1;
  CommitRequest request;
  request.expected = detail::expect(current);
  request.next = std::make_shared<const Instance>(std::move(next));
  return request;
}

[[noreturn]] void lost(const Instance& current, const InstancePtr& there) {
  if (there) throw ConcurrencyError(current.saga_id, current.version, there->version);
  throw NotFound(
      fmt::format("saga {}: no instance with id {}", current.saga_name, current.saga_id));
}

// What follows takes references: each is awaited where it is called.

asio::awaitable<InstancePtr> load(const SagaStore& store, const Instance& like) {
  std::optional<Instance> found = co_await store.get_by_id(like.saga_name, like.saga_id);
  if (!found) co_return nullptr;
  co_return std::make_shared<const Instance>(std::move(*found));
}

// Returns it as it stands in the store, with the expiry that the store gave it.
asio::awaitable<InstancePtr> write(const SagaStore& store, const Instance& current, Instance next) {
  CommitRequest request = next_of(current, std::move(next));
  const InstancePtr written = request.next;
  const CommitResult result = co_await store.backend()->commit(std::move(request));
  if (!result.committed) lost(current, result.current);
  const InstancePtr now = co_await load(store, *written);
  co_return detail::is_same(now, written) ? now : written;
}

asio::awaitable<void> erase_rows(const SagaStore& store, const Instance& instance) {
  TimerBackend* const timers = store.backend()->timers();
  std::vector<TimerKey> keys;
  for (const Timer& timer : instance.bookkeeping.timers) keys.push_back({timer.due, timer.token});
  if (!timers || keys.empty()) co_return;
  co_await timers->erase(std::move(keys), nullptr);
}

asio::awaitable<void> put_rows(const SagaStore& store, const Instance& instance) {
  TimerBackend* const timers = store.backend()->timers();
  if (!timers || instance.completed) co_return;
  std::vector<TimerRow> rows;
  for (const Timer& timer : instance.bookkeeping.timers) {
    rows.push_back(detail::timeout_row(instance, timer));
  }
  if (!rows.empty()) co_await timers->put(std::move(rows), nullptr);
}

asio::awaitable<bool> delete_one(SagaStore store, InstancePtr instance) {
  try {
    co_await store.erase(instance->saga_name, instance->saga_id, instance->version);
  } catch (const ConcurrencyError&) {
    co_return false;
  }
  co_await erase_rows(store, *instance);
  co_return true;
}

// As a store gives it back: DynamoDB knows 5.0 as 5, and no order of members.
bool is_like(const Value& a, const Value& b) {
  if (a == b) return true;
  if (const Array* array = a.if_array()) {
    const Array* const other = b.if_array();
    return other && std::equal(array->begin(), array->end(), other->begin(), other->end(),
                               [](const Value& x, const Value& y) { return is_like(x, y); });
  }
  if (const Object* object = a.if_object()) {
    const Object* const other = b.if_object();
    return other && object->size() == other->size() &&
           std::all_of(object->begin(), object->end(), [&](const Member& member) {
             const Value* const found = b.find(member.first);
             return found && is_like(member.second, *found);
           });
  }
  const auto number = number_of(a);
  return number && number == number_of(b);
}

// What is there may hold settled entries, which no text does, and is in another life.
bool is_like(Bookkeeping there, const Bookkeeping& kept) {
  there.birth = kept.birth;
  std::erase_if(there.outbox, [&](const OutboxEntry& entry) {
    return std::find(kept.outbox.begin(), kept.outbox.end(), entry) == kept.outbox.end();
  });
  return there == kept;
}

bool is_like(const Instance& there, const Instance& instance) {
  return there.completed == instance.completed && there.created_at == instance.created_at &&
         there.updated_at == instance.updated_at &&
         is_like(there.bookkeeping, instance.bookkeeping) && is_like(there.state, instance.state);
}

// The instance that stands in the way; null where none does.
asio::awaitable<InstancePtr> in_the_way(const SagaStore& store, const Instance& instance) {
  InstancePtr found = co_await load(store, instance);
  if (found) co_return found;
  std::optional<Instance> other =
      co_await store.get_by_correlation_id(instance.saga_name, instance.correlation_id);
  if (!other) co_return nullptr;
  co_return std::make_shared<const Instance>(std::move(*other));
}

// Else a worker that remembers the instance from before it was removed would take the new one, at
// the same version, for what it remembers, and write over it.
Instance another_life(Instance instance) {
  instance.bookkeeping.birth = new_nonce(*system_random());
  return instance;
}

// A bus starts no instance with an id that somebody chose: only insert() knows of such.
asio::awaitable<CommitResult> put_new(const SagaStore& store, const Instance& instance) {
  CommitResult result;
  if (instance.saga_id == derive_saga_id(instance.saga_name, instance.correlation_id)) {
    CommitRequest request;
    request.next = std::make_shared<const Instance>(another_life(instance));
    result = co_await store.backend()->commit(std::move(request));
    co_return result;
  }
  try {
    Instance born = another_life(instance);
    co_await store.backend()->insert(std::move(born));
    result.committed = true;
  } catch (const AlreadyExists&) {
    result.committed = false;
  }
  if (!result.committed) result.current = co_await in_the_way(store, instance);
  co_return result;
}

asio::awaitable<CommitResult> put_in_place(const SagaStore& store, const Instance& there,
                                           const Instance& instance) {
  Instance next = instance;
  next.bookkeeping.birth = there.bookkeeping.birth;
  CommitRequest request = next_of(there, std::move(next));
  co_return co_await store.backend()->commit(std::move(request));
}

// What is to become of an instance, given what stands there.
std::uint64_t ImportCounts::*verdict(const Instance& instance, const InstancePtr& there,
                                     const ImportOptions& options) {
  if (!there) return &ImportCounts::put;
  const bool same_key =
      there->saga_id == instance.saga_id && there->correlation_id == instance.correlation_id;
  if (!same_key) return &ImportCounts::taken;
  if (is_like(*there, instance)) return &ImportCounts::same;
  return options.replace ? &ImportCounts::replaced : &ImportCounts::kept;
}

// The step after the last version that read_instance takes would make what nothing reads again.
void require_later_versions(const Instance& instance) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max();
  if (instance.version < kLast) return;
  throw ValidationError(
      fmt::format("{}: version {}: no version comes after it", instance.saga_id, instance.version));
}

asio::awaitable<void> import_one(const SagaStore& store, const Instance& instance,
                                 const ImportOptions& options, ImportCounts& counts) {
  require_later_versions(instance);
  InstancePtr there;
  if (options.dry_run) there = co_await in_the_way(store, instance);  // else the write tells
  std::uint64_t ImportCounts::*outcome = verdict(instance, there, options);
  const auto is_write = [&] {
    return outcome == &ImportCounts::put || outcome == &ImportCounts::replaced;
  };
  for (unsigned conflicts = 0; is_write() && !options.dry_run; ++conflicts) {
    if (conflicts == kMaxConflicts) {
      throw TransientError(
          fmt::format("{}: was not put: it was written meanwhile, {} times in a row",
                      instance.saga_id, conflicts));
    }
    const InstancePtr before = there;
    auto writing = before ? put_in_place(store, *before, instance) : put_new(store, instance);
    CommitResult result = co_await std::move(writing);
    if (result.committed) break;
    there = std::move(result.current);
    outcome = verdict(instance, there, options);
  }
  // Also where it was there: whoever put it may have ended before it put these.
  const bool is_there = outcome != &ImportCounts::kept && outcome != &ImportCounts::taken;
  if (!options.dry_run && is_there) co_await put_rows(store, instance);
  ++(counts.*outcome);
}

// Owns what it uses: it may outlive its caller.
struct Import {
  SagaStore store;
  std::vector<Instance> instances;
  ImportOptions options;
  // Of each: they run on one executor, perhaps on many threads.
  std::vector<ImportCounts> counts;
  std::vector<std::string> refusals;  // empty: it was not refused
};

asio::awaitable<bool> import_at(std::shared_ptr<Import> import, std::size_t index) {
  std::string& refusal = import->refusals[index];
  try {
    co_await import_one(import->store, import->instances[index], import->options,
                        import->counts[index]);
    co_return true;
  } catch (const ValidationError& error) {
    if (!import->options.on_refused) throw;
    refusal = error.what();
  } catch (const StateTooLarge& error) {
    if (!import->options.on_refused) throw;
    refusal = error.what();
  }
  ++import->counts[index].refused;
  co_return true;
}

void tell_refusals(const Import& import) {
  for (std::size_t i = 0; i < import.refusals.size(); ++i) {
    if (!import.refusals[i].empty()) import.options.on_refused(i, import.refusals[i]);
  }
}

void check_state(const Value& state) {
  if (!state.if_object()) throw ValidationError("the state: expected a JSON object");
  require_unique_members(state);
}

}  // namespace

bool holds(const StateCondition& condition, const Value& state) {
  const Value* const field = find_field(state, condition.path);
  if (!field) return false;
  if (const std::string* const text = field->if_string()) return *text == condition.text;
  const std::optional<Value> wanted = parse_scalar(condition.text);
  if (!wanted) return false;
  if (*wanted == *field) return true;
  const auto number = number_of(*field);
  return number && number == number_of(*wanted);
}

bool matches(const SagaFilter& filter, const Instance& instance) {
  if (filter.created_before && instance.created_at > *filter.created_before) return false;
  if (filter.updated_before && instance.updated_at > *filter.updated_before) return false;
  return std::all_of(filter.where.begin(), filter.where.end(),
                     [&](const StateCondition& it) { return holds(it, instance.state); });
}

std::string write_state(const Value& state) {
  return detail::write_state(state);
}

Value read_state(std::string_view text) {
  Value state = detail::read_state(text);
  check_state(state);
  return state;
}

std::string write_instance(const Instance& instance, InstanceText parts) {
  std::string out;
  append_text(out, "sagaName", instance.saga_name);
  append_text(out, "sagaId", instance.saga_id);
  append_text(out, "correlationId", instance.correlation_id);
  append_member(out, "version", std::to_string(instance.version));
  append_member(out, "isCompleted", instance.completed ? "true" : "false");
  append_member(out, "state", detail::write_state(instance.state));
  append_text(out, "createdAt", to_iso8601(instance.created_at));
  append_text(out, "updatedAt", to_iso8601(instance.updated_at));
  if (instance.expires_at) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(*instance.expires_at);
    append_member(out, "ttl", std::to_string(seconds.time_since_epoch().count()));
  }
  if (parts == InstanceText::whole) append_bookkeeping(out, instance);
  return out + '}';
}

Instance without_settled(Instance instance, const Watermarks& watermarks) {
  std::erase_if(instance.bookkeeping.outbox, [&](const OutboxEntry& entry) {
    const auto told = watermarks.find(entry.worker);
    return told != watermarks.end() && told->second.covers(entry.sequence);
  });
  return instance;
}

Instance read_instance(std::string_view text) {
  const Value value = parse_json(text, kLimits);
  require_unique_members(value);
  const Reader in(value);
  Instance out;
  out.saga_name = in.text("sagaName");
  if (out.saga_name.starts_with('$')) {
    throw ValidationError("an instance: sagaName: a leading $ is reserved");
  }
  out.saga_id = in.text("sagaId");
  out.correlation_id = in.text("correlationId");
  out.version = in.version();
  out.completed = in.completed();
  out.state = read_state(to_json(in.member("state")));
  out.created_at = in.time("createdAt");
  out.updated_at = in.time("updatedAt");
  out.expires_at = in.ttl();
  std::string birth = value.find("birth") ? in.text("birth") : std::string();
  const BookkeepingText parts{in.part("inbox"), in.part("outbox"), in.part("timers")};
  out.bookkeeping = read_bookkeeping(std::move(birth), parts, out.saga_id);
  return out;
}

asio::awaitable<InstancePtr> complete_instance(SagaStore store, InstancePtr current) {
  if (current->completed) co_return current;
  Instance next = *current;
  next.completed = true;
  next.updated_at = store.backend()->ambient().clock->now();
  next.bookkeeping.timers.clear();
  InstancePtr completed = co_await write(store, *current, std::move(next));
  co_await erase_rows(store, *current);
  co_return completed;
}

asio::awaitable<InstancePtr> replace_state(SagaStore store, InstancePtr current, Value state) {
  Instance next = *current;
  next.state = std::move(state);
  next.updated_at = store.backend()->ambient().clock->now();
  co_return co_await write(store, *current, std::move(next));
}

asio::awaitable<void> delete_instance(SagaStore store, InstancePtr current) {
  const InstancePtr there = co_await load(store, *current);
  if (!detail::is_same(there, current)) lost(*current, there);
  co_await store.erase(current->saga_name, current->saga_id, current->version);
  co_await erase_rows(store, *current);
}

asio::awaitable<std::uint64_t> delete_instances(SagaStore store,
                                                std::vector<InstancePtr> instances) {
  std::vector<asio::awaitable<bool>> deletions;
  deletions.reserve(instances.size());
  for (InstancePtr& instance : instances)
    deletions.push_back(delete_one(store, std::move(instance)));
  auto running = detail::run_side_by_side(std::move(deletions));
  const detail::Outcomes ends = co_await std::move(running);
  if (ends.failure) std::rethrow_exception(ends.failure);
  co_return ends.count;
}

ImportCounts& ImportCounts::operator+=(const ImportCounts& other) {
  put += other.put;
  replaced += other.replaced;
  same += other.same;
  kept += other.kept;
  taken += other.taken;
  refused += other.refused;
  return *this;
}

asio::awaitable<ImportCounts> import_instances(SagaStore store, std::vector<Instance> instances,
                                               ImportOptions options) {
  const auto import = std::make_shared<Import>();
  import->store = std::move(store);
  import->instances = std::move(instances);
  import->options = std::move(options);
  import->counts.resize(import->instances.size());
  import->refusals.resize(import->instances.size());
  std::vector<asio::awaitable<bool>> puts;
  puts.reserve(import->instances.size());
  for (std::size_t i = 0; i < import->instances.size(); ++i) puts.push_back(import_at(import, i));
  auto running = detail::run_side_by_side(std::move(puts));
  const detail::Outcomes ends = co_await std::move(running);
  tell_refusals(*import);
  if (ends.failure) std::rethrow_exception(ends.failure);
  ImportCounts total;
  for (const ImportCounts& one : import->counts) total += one;
  co_return total;
}

}  // namespace sagabus
