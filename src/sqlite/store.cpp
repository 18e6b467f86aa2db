#include "sagabus/sqlite/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/use_awaitable.hpp>

#include "sagabus/error.hpp"
#include "sagabus/json.hpp"
#include "sagabus/time_text.hpp"
#include "sqlite/commit_job.hpp"
#include "sqlite/database.hpp"
#include "sqlite/factory.hpp"
#include "sqlite/joint_commit.hpp"
#include "sqlite/records.hpp"
#include "sqlite/timers.hpp"
#include "sqlite/watermarks.hpp"
#include "ttl.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;

constexpr std::int64_t kEraseBatch = 500;  // rows, so that other writers wait for little

// What was written last on the page before.
std::string make_continuation(const std::string& saga_name, const std::string& saga_id) {
  const std::string text = to_json(Value(Array{Value(1), Value(saga_name), Value(saga_id)}));
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return encode_base64(Bytes(bytes, bytes + text.size()));
}

std::string read_continuation(const FindRequest& request) {
  if (request.continuation.empty()) return {};
  try {
    const Bytes bytes = decode_base64(request.continuation);
    const Value value = parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    const Array* parts = value.if_array();
    if (parts && parts->size() == 3 && (*parts)[0] == Value(1) &&
        (*parts)[1] == Value(request.saga_name) && (*parts)[2].if_string()) {
      return *(*parts)[2].if_string();
    }
  } catch (const ValidationError&) {  // NOLINT(bugprone-empty-catch): one text for all
  }
  throw ValidationError("continuation: not one that find_by_name returned for this saga");
}

void insert_or_refuse(Connection& connection, const Record& record, std::int64_t now) {
  if (insert_record(connection, record, now)) return;
  const bool same_id = find_by_id(connection, record.saga_name, record.saga_id, now).has_value();
  throw AlreadyExists(fmt::format("saga {} {}: an instance with that {} exists", record.saga_name,
                                  record.saga_id, same_id ? "id" : "correlation id"));
}

// Returns what then stands there.
Record update_or_refuse(Connection& connection, const Record& record, std::uint64_t expected,
                        std::int64_t now) {
  const bool updated = update_record(connection, record, expected, now);
  auto current = find_by_id(connection, record.saga_name, record.saga_id, now);
  if (updated && current) return *std::move(current);
  if (current) throw ConcurrencyError(record.saga_id, expected, current->version);
  throw NotFound(fmt::format("saga {} {}: no such instance", record.saga_name, record.saga_id));
}

class Backend final : public StoreBackend {
 public:
  Backend(std::shared_ptr<Database> database, std::optional<double> ttl_days)
      : StoreBackend(database->ambient()),
        database_(std::move(database)),
        timers_(database_),
        ttl_(detail::read_ttl(ttl_days)) {}

  const Database& database() const noexcept { return *database_; }

  std::string describe() const override { return "sqlite://" + database_->path(); }

  asio::awaitable<void> prepare() override {
    const auto database = database_;
    co_await database->open();
  }

  asio::awaitable<InstancePtr> load(const InstanceKey& key, Cost* /*cost*/) override {
    const auto database = database_;
    auto job = [key, now = now()](Connection& connection) {
      return find_by_key(connection, key, now);
    };
    auto record = co_await database->read(std::move(job));
    co_return to_pointer(std::move(record));
  }

  asio::awaitable<CommitResult> commit(CommitRequest request) override {
    const auto database = database_;
    CommitJob job(request, ttl_, *ambient().clock);
    auto outcome = co_await database->write(std::move(job));
    co_return to_result(std::move(outcome));
  }

  std::shared_ptr<JointCommit> join(
      const std::shared_ptr<TransportBackend>& transport) const override {
    return join_queues(database_, ttl_, transport);
  }

  TimerBackend* timers() noexcept override { return &timers_; }

  asio::awaitable<void> save_watermark(std::string worker, std::string text) override {
    const auto database = database_;
    auto job = [worker = std::move(worker), text = std::move(text),
                now = now()](Connection& connection) {
      sqlite::save_watermark(connection, worker, text, now);
    };
    co_await database->write(std::move(job));
  }

  asio::awaitable<std::string> load_watermark(std::string worker) override {
    const auto database = database_;
    auto job = [worker = std::move(worker)](Connection& connection) {
      return sqlite::load_watermark(connection, worker);
    };
    co_return co_await database->read(std::move(job));
  }

  asio::awaitable<InstancePtr> get_by_id(std::string saga_name, std::string saga_id) override {
    const auto database = database_;
    auto job = [name = std::move(saga_name), id = std::move(saga_id), now = now()](
                   Connection& connection) { return find_by_id(connection, name, id, now); };
    auto record = co_await database->read(std::move(job));
    co_return to_pointer(std::move(record));
  }

  asio::awaitable<InstancePtr> get_by_correlation_id(std::string saga_name,
                                                     std::string correlation_id) override {
    const auto database = database_;
    auto job = [name = std::move(saga_name), id = std::move(correlation_id),
                now = now()](Connection& connection) {
      return find_by_correlation_id(connection, name, id, now);
    };
    auto record = co_await database->read(std::move(job));
    co_return to_pointer(std::move(record));
  }

  asio::awaitable<InstancePtr> insert(Instance instance) override {
    const auto database = database_;
    Record record = stored(instance);
    auto result = std::make_shared<Instance>(std::move(instance));
    result->expires_at = to_time(record.expires_at);
    auto job = [record = std::move(record), now = now()](Connection& connection) {
      insert_or_refuse(connection, record, now);
    };
    co_await database->write(std::move(job));
    co_return result;
  }

  asio::awaitable<InstancePtr> update(Instance instance, std::uint64_t expected_version) override {
    const auto database = database_;
    auto job = [record = stored(instance), expected_version, now = now()](Connection& connection) {
      return update_or_refuse(connection, record, expected_version, now);
    };
    auto record = co_await database->write(std::move(job));
    co_return to_pointer(std::move(record));
  }

  asio::awaitable<void> erase(std::string saga_name, std::string saga_id,
                              std::optional<std::uint64_t> expected_version) override {
    const auto database = database_;
    auto job = [name = std::move(saga_name), id = std::move(saga_id), expected_version,
                now = now()](Connection& connection) {
      if (erase_record(connection, name, id, expected_version) || !expected_version) return;
      const auto current = find_by_id(connection, name, id, now);
      if (current) throw ConcurrencyError(id, *expected_version, current->version);
    };
    co_await database->write(std::move(job));
  }

  asio::awaitable<FindPage> find_by_name(FindRequest request) override {
    const auto database = database_;
    std::string after = read_continuation(request);
    auto job = [request = std::move(request), after = std::move(after),
                now = now()](Connection& connection) {
      return list_records(connection, request, after, now);
    };
    RecordPage found = co_await database->search(std::move(job));
    FindPage page;
    if (found.more) {
      const Record& last = found.records.back();
      page.continuation = make_continuation(last.saga_name, last.saga_id);
    }
    page.instances.reserve(found.records.size());
    for (Record& record : found.records) page.instances.push_back(to_instance(std::move(record)));
    co_return page;
  }

  asio::awaitable<std::uint64_t> count_by_name(std::string saga_name,
                                               std::optional<bool> completed) override {
    const auto database = database_;
    auto job = [name = std::move(saga_name), completed, now = now()](Connection& connection) {
      return count_records(connection, name, completed, now);
    };
    co_return co_await database->search(std::move(job));
  }

  asio::awaitable<std::uint64_t> delete_completed_before(std::string saga_name,
                                                         TimePoint time) override {
    const auto database = database_;
    const std::string before = to_iso8601(std::clamp(time, kEarliestText, kLatestText));
    std::uint64_t total = 0;
    for (;;) {
      auto job = [saga_name, before, now = now()](Connection& connection) {
        return erase_completed(connection, saga_name, before, now, kEraseBatch);
      };
      const std::uint64_t erased = co_await database->write(std::move(job));
      total += erased;
      if (erased < static_cast<std::uint64_t>(kEraseBatch)) co_return total;
    }
  }

 private:
  std::int64_t now() const { return count_seconds(ambient().clock->now()); }

  Record stored(const Instance& instance) const {
    return to_stored_record(instance, ttl_, *ambient().clock);
  }

  const std::shared_ptr<Database> database_;
  Timers timers_;
  const std::optional<std::chrono::seconds> ttl_;
};

std::shared_ptr<Database> make_database(const StoreOptions& options) {
  check_store("SagaStore", options.ttl_days);
  return std::make_shared<Database>(
      Database::Options{options.path, options.busy_timeout, std::chrono::milliseconds(50),
                        options.ambient},
      "SagaStore");
}

}  // namespace

void check_store(std::string_view what, std::optional<double> ttl_days) {
  detail::read_ttl(ttl_days, fmt::format("sqlite::{}: ", what));
}

LaneCounters counters_of(const SagaStore& store) {
  return static_cast<const Backend&>(*store.backend()).database().counters();
}

SagaStore::SagaStore(StoreOptions options) : SagaStore(make_database(options), options.ttl_days) {}

SagaStore::SagaStore(std::shared_ptr<Database> database, std::optional<double> ttl_days)
    : sagabus::SagaStore(std::make_shared<Backend>(std::move(database), ttl_days)) {}

}  // namespace sagabus::sqlite
