#include "sagabus/sqlite/transport.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "sagabus/error.hpp"
#include "sqlite/database.hpp"
#include "sqlite/factory.hpp"
#include "sqlite/queue.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kMaxDelay = std::chrono::hours(24 * 3650);

std::int64_t count(TimePoint time) {
  return time.time_since_epoch().count();
}

struct Receipt {
  std::string endpoint;
  std::int64_t seq;
  std::int64_t receipt;
};

Delivery to_delivery(ClaimedRow&& row) {
  Delivery out;
  try {
    out.envelope = std::make_shared<const Envelope>(parse_envelope(row.body));
  } catch (const ValidationError& error) {
    auto malformed = std::make_shared<Malformed>();
    malformed->body = std::move(row.body);
    malformed->problem = error.what();
    out.malformed = std::move(malformed);
  }
  out.failures = static_cast<unsigned>(row.failures);
  out.redelivered = row.redelivered;
  return out;
}

struct SendJob {
  std::vector<OutgoingRow> rows;
  std::int64_t now;
  std::int64_t remember_until;
  Watch* watch;
  std::vector<std::string> reached;

  void operator()(Connection& connection) {
    enqueue(connection, rows, now, remember_until, reached);
  }
  void committed() const {
    for (const std::string& endpoint : reached) watch->changed(endpoint);
  }
};

struct ClaimJob {
  Claim request;
  const Database* database;

  Claimed operator()(Connection& connection) {
    request.owner = database->owner();
    return claim(connection, request);
  }
};

// One message or several go back to the queue.
struct ReturnJob {
  std::vector<Receipt> receipts;  // one or more, of one endpoint
  std::int64_t visible_at = 0;
  bool failed = false;
  bool uncertain = false;
  Watch* watch;

  void operator()(Connection& connection) const {
    for (const Receipt& it : receipts) {
      give_back_message(connection, it.seq, it.receipt, visible_at, failed, uncertain);
    }
  }
  void committed() const { watch->changed(receipts.front().endpoint); }
};

}  // namespace

class Queues final : public TransportBackend {
 public:
  Queues(std::shared_ptr<Database> database, const TransportOptions& options)
      : database_(std::move(database)),
        visibility_timeout_(options.visibility_timeout),
        deduplication_window_(options.deduplication_window) {}

  std::string describe() const override { return "sqlite://" + database_->path(); }
  milliseconds max_delay() const override { return kMaxDelay; }

  asio::awaitable<void> subscribe(Subscription subscription) override {
    const auto database = database_;
    auto job = [it = std::move(subscription)](Connection& connection) {
      set_subscription(connection, it.endpoint, it.types);
    };
    co_await database->write(std::move(job));
  }

  asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    const auto database = database_;
    const TimePoint now = clock().now();
    SendJob job;
    job.rows.reserve(requests.size());
    for (SendRequest& request : requests) job.rows.push_back(to_row(std::move(request), now));
    job.now = count(now);
    job.remember_until = count(now + deduplication_window_);
    job.watch = &database->watch();
    co_await database->write(std::move(job));
  }

  asio::awaitable<std::vector<Delivery>> receive(std::string endpoint, std::size_t most) override {
    const auto database = database_;
    for (;;) {
      const std::uint64_t seen = database->watch().observe(endpoint);
      const TimePoint now = clock().now();
      ClaimJob job;
      job.request.endpoint = endpoint;
      job.request.most = std::max<std::size_t>(most, 1);
      job.request.now = count(now);
      job.request.hidden_until = count(now + visibility_timeout_);
      job.database = database.get();
      Claimed claimed = co_await database->write(std::move(job));

      const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        return_all(*database, endpoint, claimed.rows);
        throw boost::system::system_error(asio::error::operation_aborted);
      }
      if (!claimed.rows.empty()) co_return to_deliveries(std::move(claimed.rows), endpoint);

      std::optional<TimePoint> due;
      if (claimed.next_due) due = TimePoint(milliseconds(*claimed.next_due));
      co_await database->watch().wait(endpoint, seen, due);
    }
  }

  asio::awaitable<void> acknowledge(Delivery delivery) override {
    const auto database = database_;
    if (!delivery.receipt) co_return;
    const Receipt receipt = *std::static_pointer_cast<Receipt>(delivery.receipt);
    const auto job = [receipt](Connection& connection) {
      remove_message(connection, receipt.seq, receipt.receipt);
    };
    co_await database->write(job);
  }

  asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    const auto database = database_;
    if (!delivery.receipt) co_return;
    ReturnJob job;
    job.receipts.push_back(*std::static_pointer_cast<Receipt>(delivery.receipt));
    if (how.delay > milliseconds::zero()) {
      job.visible_at = count(clock().now() + std::min(how.delay, kMaxDelay));
    }
    job.failed = how.failed;
    job.uncertain = how.uncertain;
    job.watch = &database->watch();
    co_await database->write(std::move(job));
  }

  const std::shared_ptr<Database>& database() const noexcept { return database_; }

 private:
  Clock& clock() const { return *database_->ambient().clock; }

  OutgoingRow to_row(SendRequest&& request, TimePoint now) const {
    if (!request.envelope) throw ValidationError("send: a request without an envelope");
    OutgoingRow row;
    row.endpoint = std::move(request.endpoint);
    row.type = request.envelope->type;
    row.body = to_json(*request.envelope);
    if (request.not_before > now) {
      if (request.not_before - now > kMaxDelay) {
        throw ValidationError("send: not_before is more than ten years away");
      }
      row.visible_at = count(request.not_before);
    }
    if (deduplication_window_ > milliseconds::zero()) {
      row.deduplication_key = request.deduplication_key.empty()
                                  ? request.envelope->id
                                  : std::move(request.deduplication_key);
    }
    return row;
  }

  static std::vector<Delivery> to_deliveries(std::vector<ClaimedRow>&& rows,
                                             const std::string& endpoint) {
    std::vector<Delivery> out;
    out.reserve(rows.size());
    for (ClaimedRow& row : rows) {
      auto receipt = std::make_shared<Receipt>(Receipt{endpoint, row.seq, row.receipt});
      out.push_back(to_delivery(std::move(row)));
      out.back().receipt = std::move(receipt);
    }
    return out;
  }

  static void return_all(Database& database, const std::string& endpoint,
                         const std::vector<ClaimedRow>& rows) {
    if (rows.empty()) return;
    ReturnJob job;
    for (const ClaimedRow& row : rows) job.receipts.push_back({endpoint, row.seq, row.receipt});
    job.watch = &database.watch();
    database.write_later(std::move(job));
  }

  const std::shared_ptr<Database> database_;
  const milliseconds visibility_timeout_;
  const milliseconds deduplication_window_;
};

namespace {

std::shared_ptr<Database> database_of(const Transport& transport) {
  return static_cast<const Queues&>(*transport.backend()).database();
}

std::vector<Delivery> without_receipts(std::vector<ClaimedRow>&& rows) {
  std::vector<Delivery> out;
  out.reserve(rows.size());
  for (ClaimedRow& row : rows) out.push_back(to_delivery(std::move(row)));
  return out;
}

std::shared_ptr<Database> make_database(const TransportOptions& options) {
  check_transport("Transport", options);
  return std::make_shared<Database>(
      Database::Options{options.path, options.busy_timeout, options.poll_interval, options.ambient},
      "Transport");
}

}  // namespace

std::size_t waiting_receivers(const Transport& transport) {
  return database_of(transport)->watch().waiting();
}

void check_transport(std::string_view what, const TransportOptions& options) {
  check_range(what, "visibility_timeout", options.visibility_timeout, milliseconds(1),
              std::chrono::hours(12));
  check_range(what, "deduplication_window", options.deduplication_window, milliseconds(0),
              std::chrono::hours(24 * 30));
}

Transport::Transport(TransportOptions options) : Transport(make_database(options), options) {}

Transport::Transport(std::shared_ptr<Database> database, const TransportOptions& options)
    : sagabus::Transport(std::make_shared<Queues>(std::move(database), options)) {}

asio::awaitable<QueueDepth> Transport::depth(std::string endpoint) const {
  const auto database = database_of(*this);
  auto job = [endpoint, now = count(database->ambient().clock->now())](Connection& connection) {
    return measure(connection, endpoint, now);
  };
  const Depth depth = co_await database->search(std::move(job));
  QueueDepth out;
  out.ready = depth.ready;
  out.delayed = depth.delayed;
  out.claimed = depth.claimed;
  co_return out;
}

asio::awaitable<std::uint64_t> Transport::pending(std::string endpoint) const {
  const QueueDepth it = co_await depth(std::move(endpoint));
  co_return it.ready + it.delayed + it.claimed;
}

asio::awaitable<std::vector<Delivery>> Transport::list(std::string endpoint,
                                                       std::size_t most) const {
  const auto database = database_of(*this);
  auto job = [endpoint, most](Connection& connection) {
    return list_messages(connection, endpoint, static_cast<std::int64_t>(most));
  };
  auto rows = co_await database->search(std::move(job));
  co_return without_receipts(std::move(rows));
}

asio::awaitable<std::vector<Delivery>> Transport::drain(std::string endpoint,
                                                        std::size_t most) const {
  const auto database = database_of(*this);
  auto job = [endpoint, most,
              now = count(database->ambient().clock->now())](Connection& connection) {
    return take_messages(connection, endpoint, now, static_cast<std::int64_t>(most));
  };
  auto rows = co_await database->write(std::move(job));
  co_return without_receipts(std::move(rows));
}

}  // namespace sagabus::sqlite
