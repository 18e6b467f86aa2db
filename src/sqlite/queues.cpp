#include "sqlite/queues.hpp"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "sagabus/error.hpp"

namespace sagabus::sqlite {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kMaxDelay = std::chrono::hours(24 * 3650);

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

std::vector<Delivery> to_deliveries(std::vector<ClaimedRow>&& rows, const std::string& endpoint) {
  std::vector<Delivery> out;
  out.reserve(rows.size());
  for (ClaimedRow& row : rows) {
    auto receipt = std::make_shared<Receipt>(Receipt{endpoint, row.seq, row.receipt});
    out.push_back(to_delivery(std::move(row)));
    out.back().receipt = std::move(receipt);
  }
  return out;
}

void return_all(Database& database, const std::string& endpoint,
                const std::vector<ClaimedRow>& rows) {
  if (rows.empty()) return;
  ReturnJob job;
  for (const ClaimedRow& row : rows) job.receipts.push_back({endpoint, row.seq, row.receipt});
  job.watch = &database.watch();
  database.write_later(std::move(job));
}

}  // namespace

std::optional<Receipt> receipt_of(const std::shared_ptr<void>& receipt) {
  if (!receipt) return std::nullopt;
  return *std::static_pointer_cast<Receipt>(receipt);
}

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

Queues::Queues(std::shared_ptr<Database> database, const TransportOptions& options)
    : database_(std::move(database)),
      visibility_timeout_(options.visibility_timeout),
      deduplication_window_(options.deduplication_window) {}

std::string Queues::describe() const {
  return "sqlite://" + database_->path();
}

milliseconds Queues::max_delay() const {
  return kMaxDelay;
}

asio::awaitable<void> Queues::subscribe(Subscription subscription) {
  const auto database = database_;
  auto job = [it = std::move(subscription)](Connection& connection) {
    set_subscription(connection, it.endpoint, it.types);
  };
  co_await database->write(std::move(job));
}

asio::awaitable<void> Queues::send(std::vector<SendRequest> requests) {
  const auto database = database_;
  SendJob job = prepare(std::move(requests));
  co_await database->write(std::move(job));
}

SendJob Queues::prepare(std::vector<SendRequest> requests) const {
  const TimePoint now = clock().now();
  SendJob job;
  job.rows.reserve(requests.size());
  for (SendRequest& request : requests) job.rows.push_back(to_row(std::move(request), now));
  job.now = count(now);
  job.remember_until = count(now + deduplication_window_);
  job.watch = &database_->watch();
  return job;
}

OutgoingRow Queues::to_row(SendRequest&& request, TimePoint now) const {
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

asio::awaitable<std::vector<Delivery>> Queues::receive(std::string endpoint, std::size_t most) {
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

asio::awaitable<void> Queues::acknowledge(Delivery delivery) {
  const auto database = database_;
  const auto receipt = receipt_of(delivery.receipt);
  if (!receipt) co_return;
  const auto job = [receipt = *receipt](Connection& connection) {
    remove_message(connection, receipt.seq, receipt.receipt);
  };
  co_await database->write(job);
}

asio::awaitable<void> Queues::acknowledge_all(std::vector<Delivery> deliveries) {
  const auto database = database_;
  std::vector<Receipt> receipts;
  for (const Delivery& delivery : deliveries) {
    if (const auto receipt = receipt_of(delivery.receipt)) receipts.push_back(*receipt);
  }
  if (receipts.empty()) co_return;
  const auto job = [receipts = std::move(receipts)](Connection& connection) {
    for (const Receipt& it : receipts) remove_message(connection, it.seq, it.receipt);
  };
  co_await database->write(job);
}

asio::awaitable<void> Queues::give_back(Delivery delivery, GiveBack how) {
  const auto database = database_;
  const auto receipt = receipt_of(delivery.receipt);
  if (!receipt) co_return;
  ReturnJob job;
  job.receipts.push_back(*receipt);
  if (how.delay > milliseconds::zero()) {
    job.visible_at = count(clock().now() + std::min(how.delay, kMaxDelay));
  }
  job.failed = how.failed;
  job.uncertain = how.uncertain;
  job.watch = &database->watch();
  co_await database->write(std::move(job));
}

}  // namespace sagabus::sqlite
