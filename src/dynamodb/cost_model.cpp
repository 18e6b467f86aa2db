#include "sagabus/dynamodb/cost_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <stdexcept>

#include "dynamodb/item.hpp"
#include "dynamodb/item_size.hpp"
#include "dynamodb/requests.hpp"
#include "dynamodb/timer_rows.hpp"
#include "sagabus/json.hpp"
#include "sagabus/timer_store.hpp"

namespace sagabus::dynamodb {
namespace {

constexpr std::size_t kNonceBytes = 11;     // of births, tokens and the incarnations of workers
constexpr std::size_t kIdBytes = 36;        // of a UUID
constexpr std::size_t kInboxOverhead = 19;  // of an id in the inbox: quotes, brackets, a time
// A time whose seconds have as many digits as most: DynamoDB stores no zeros at the end.
constexpr TimePoint kNow{std::chrono::milliseconds(1'799'999'999'123)};

void check(std::string_view field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return;
  throw std::invalid_argument(fmt::format("{}: {}, expected {} to {}", field, value, least, most));
}

void check(const SagaShape& shape) {
  constexpr std::uint64_t kAny = kMaxItemBytes;
  check("key_shards", shape.key_shards, 1, 1000);
  check("steps", shape.steps, 1, 10'000);
  check("state_bytes", shape.state_bytes, 1, kAny);
  check("published", shape.published, 0, 1000);
  check("payload_bytes", shape.payload_bytes, 2, kAny);
  check("type_bytes", shape.type_bytes, 1, 1024);
  check("timers", shape.timers, 0, kMaxTimers);
  check("timer_name_bytes", shape.timer_name_bytes, 2, kMaxTimerName);
  check("saga_name_bytes", shape.saga_name_bytes, 1, 1024);
  check("correlation_bytes", shape.correlation_bytes, 1, 1024);
  check("carried", shape.carried, 0, 100);
  check("inbox_bytes", shape.inbox_bytes, 0, 64 * 1024);
}

std::string text(std::size_t bytes) {
  std::string out(bytes, 'x');
  return out;
}

// No two have the same id.
std::string message_id(unsigned step) {
  return fmt::format("{:0{}}", step, kIdBytes);
}

std::string timer_name(const SagaShape& shape, unsigned number) {
  return fmt::format("{:0{}}", number, shape.timer_name_bytes);
}

OutboxEntry outbox_entry(const SagaShape& shape, const Instance& instance, unsigned step) {
  OutboxEntry entry{message_id(step), text(kNonceBytes), shape.first_step + step, {}};
  for (unsigned i = 0; i < shape.published; ++i) {
    auto message = std::make_shared<Envelope>();
    message->id = derive_message_id(entry.message_id, instance.saga_id, i);
    message->type = text(shape.type_bytes);
    message->payload = Value(text(shape.payload_bytes - 2));
    message->timestamp = kNow;
    entry.messages.push_back({std::move(message)});
  }
  if (step > 0) return entry;
  for (unsigned i = 0; i < shape.timers; ++i) entry.timers.push_back(timer_name(shape, i));
  return entry;
}

// As the bus does it: what is known to have left goes, then the oldest ids, as far as room is
// needed and nothing still points to them.
void take_in(const SagaShape& shape, unsigned step, Instance& instance) {
  Bookkeeping& books = instance.bookkeeping;
  const auto settled = std::max<std::ptrdiff_t>(
      0, static_cast<std::ptrdiff_t>(books.outbox.size()) - std::ptrdiff_t{shape.carried});
  books.outbox.erase(books.outbox.begin(), books.outbox.begin() + settled);
  const std::size_t room = shape.inbox_bytes / (kIdBytes + kInboxOverhead);
  const std::size_t kept = std::max<std::size_t>(room == 0 ? 0 : room - 1, books.outbox.size());
  if (books.inbox.size() > kept) {
    books.inbox.erase(books.inbox.begin(), books.inbox.end() - static_cast<std::ptrdiff_t>(kept));
    books.horizon = kNow;
  }
  books.inbox.push_back({message_id(step), kNow});
  OutboxEntry entry = outbox_entry(shape, instance, step);
  if (!entry.messages.empty() || !entry.timers.empty()) books.outbox.push_back(std::move(entry));
}

Instance begin(const SagaShape& shape) {
  Instance instance;
  instance.saga_name = text(shape.saga_name_bytes);
  instance.saga_id = text(kIdBytes);
  instance.correlation_id = text(shape.correlation_bytes);
  instance.state = Value(text(shape.state_bytes));
  instance.created_at = instance.updated_at = kNow;
  instance.bookkeeping.birth = text(kNonceBytes);
  for (unsigned i = 0; i < shape.timers; ++i) {
    instance.bookkeeping.timers.push_back({timer_name(shape, i), text(kNonceBytes), kNow, kNow});
  }
  return instance;
}

std::size_t bytes_of(const SagaShape& shape, const Instance& instance) {
  ItemDraft draft{instance, write_bookkeeping(instance.bookkeeping, instance.saga_id),
                  text(kNonceBytes), std::nullopt};
  if (instance.completed && shape.expires) draft.ttl = epoch_seconds(kNow);
  check_size(draft, kMaxItemBytes, shape.key_shards);
  return item_size(draft, shape.key_shards);
}

// Index items hold the keys of both, and all else where they are whole.
std::size_t index_bytes(const SagaShape& shape, std::size_t item_bytes) {
  if (shape.index == CorrelationIndex::none) return 0;
  if (shape.index == CorrelationIndex::all) return item_bytes;
  return kSagaName.size() + shape.saga_name_bytes + kSagaId.size() + kIdBytes +
         kCorrelationId.size() + shape.correlation_bytes;
}

// Of a strongly consistent read.
double read_units(std::size_t bytes) {
  return static_cast<double>(std::max<std::size_t>(1, (bytes + 4095) / 4096));
}

// A write is billed by what is larger, what was there or what is there now. An index item that
// stays as it is costs nothing.
StepModel step_model(const SagaShape& shape, std::size_t before, std::size_t after) {
  StepModel step;
  step.item_bytes = after;
  const std::size_t billed = std::max(before, after);
  step.table_units = write_units(billed);
  const bool written = shape.index == CorrelationIndex::all || before == 0;
  if (shape.index != CorrelationIndex::none && written) {
    step.index_units = write_units(index_bytes(shape, billed));
  }
  if (before > 0) step.unknown_read_units = read_units(before);
  return step;
}

// The row that brings a timeout to its instance, as the bus makes it.
TimerRow timer_row(const SagaShape& shape, const Instance& instance) {
  SagaTimeoutExpired expired;
  expired.sagaId = instance.saga_id;
  expired.sagaName = instance.saga_name;
  expired.correlationId = instance.correlation_id;
  expired.timeoutMs = 1'800'000;
  expired.timeoutSetAt = kNow;
  expired.timeoutName = timer_name(shape, 0);
  auto envelope = std::make_shared<Envelope>();
  envelope->id = text(kIdBytes);
  envelope->type = message_name<SagaTimeoutExpired>();
  envelope->payload = to_value(expired);
  envelope->headers = {
      {std::string(headers::kTimeoutToken), text(kNonceBytes)},
      {std::string(headers::kTimeoutDue), std::to_string(kNow.time_since_epoch().count())}};
  envelope->timestamp = kNow;
  return {{kNow, text(kNonceBytes)}, instance.saga_name, std::move(envelope)};
}

// By the request that the store sends.
std::size_t row_bytes(const TimerRow& row) {
  const boost::json::value request = boost::json::parse(put_timer_request(TableRef{}, row));
  return item_size(request.at("Item").as_object());
}

std::size_t message_bytes(const SagaShape& shape) {
  Envelope message;
  message.id = text(kIdBytes);
  message.type = text(shape.type_bytes);
  message.payload = Value(text(shape.payload_bytes - 2));
  message.timestamp = kNow;
  return to_json(message).size();
}

template <class Part>
double sum(const std::vector<StepModel>& steps, Part part) {
  double units = 0;
  for (const StepModel& step : steps) units += step.*part;
  return units;
}

}  // namespace

double SagaModel::table_units() const {
  return sum(steps, &StepModel::table_units);
}
double SagaModel::index_units() const {
  return sum(steps, &StepModel::index_units);
}
double SagaModel::write_units() const {
  return table_units() + index_units();
}
double SagaModel::unknown_read_units() const {
  return sum(steps, &StepModel::unknown_read_units);
}

SagaModel model_saga(const SagaShape& shape) {
  check(shape);
  SagaModel model;
  Instance instance = begin(shape);
  if (shape.timers > 0) {
    model.timer_bytes = row_bytes(timer_row(shape, instance));
    model.timer_units = write_units(model.timer_bytes);
  }
  std::size_t before = 0;
  for (unsigned step = 0; step < shape.steps; ++step) {
    take_in(shape, step, instance);
    instance.version = step + 1;
    if (step + 1 == shape.steps) {
      instance.completed = true;
      instance.bookkeeping.timers.clear();
    }
    const std::size_t after = bytes_of(shape, instance);
    model.steps.push_back(step_model(shape, before, after));
    before = after;
  }
  model.index_bytes = index_bytes(shape, before);
  model.message_bytes = message_bytes(shape);
  if (shape.timers > 0) model.stale_timer_units = read_units(before);
  return model;
}

// For each shard of timers a look in 8 s and a renewed lease in 4 s, by whichever worker holds it;
// by each worker a look at the leases in 4 s, and at the most a watermark in 5 s, and as often one
// of each other worker whose entries it meets.
StandingModel model_standing(const StandingLoad& load) {
  const double n = load.workers;
  const double looks = kTimerShards / 8.0;
  const double renewals = kTimerShards / 4.0;
  const double leases = n / 4;
  const double told = std::min(n / 5, load.steps_per_second);
  const double asked = std::min(n * (n - 1) / 5, load.later_steps_per_second);
  StandingModel standing;
  standing.requests = looks + renewals + leases + told + asked;
  standing.read_units = looks + (leases + asked) / 2;  // not consistent: half a unit
  standing.write_units = renewals + told;
  return standing;
}

}  // namespace sagabus::dynamodb
