#include "cost/bill.hpp"

#include <algorithm>
#include <cmath>

#include "sagabus/sqs/transport.hpp"

namespace sagabus::tools {
namespace {

using dynamodb::CorrelationIndex;
using dynamodb::SagaModel;

constexpr double kMillion = 1e6;
constexpr double kGb = 1024.0 * 1024 * 1024;
constexpr double kItemOverhead = 100;  // bytes that the service adds to what it stores of an item
constexpr double kChunk = 64 * 1024;   // SQS and SNS bill each as a request
constexpr double kMonthSeconds = kMonthHours * 3600;
constexpr double kDaySeconds = 86'400;
constexpr double kYearDays = 365;    // what stays for ever is counted after a year
constexpr double kPollSeconds = 20;  // of a queue to which nothing comes

double count(unsigned number) {
  return number;
}

// Of one saga, without what stands.
struct SagaUnits {
  double table = 0;
  double index = 0;
  double timer_rows = 0;  // of the table too, in partitions of their own
  double reads = 0;
};

SagaUnits units_of(const Load& load, const SagaModel& model) {
  const double timers = count(load.shape.timers);
  SagaUnits units;
  units.table = model.table_units();
  units.index = model.index_units();
  units.timer_rows = 2 * timers * model.timer_units;  // put, and erased
  if (load.workers > 1) units.reads = model.unknown_read_units();
  units.reads += timers * model.stale_timer_units;
  return units;
}

unsigned partitions(double units_per_second) {
  return static_cast<unsigned>(std::max(1.0, std::ceil(units_per_second / kPartitionWriteUnits)));
}

void spread(const Load& load, const SagaUnits& units, CorrelationIndex index, Bill& bill) {
  const double peak = load.sagas_per_second * load.peak;
  bill.table_units_per_second = peak * units.table;
  bill.index_units_per_second = peak * units.index;
  bill.timer_units_per_second = peak * units.timer_rows / 4;
  bill.table_partitions = partitions(bill.table_units_per_second);
  if (index != CorrelationIndex::none) {
    bill.index_partitions = partitions(bill.index_units_per_second);
  }
  bill.key_shards = std::max(bill.table_partitions, bill.index_partitions);
}

void add(Bill& bill, const Prices& prices, Line line) {
  const auto price = prices.dollars.find(line.price);
  if (price != prices.dollars.end()) {
    line.dollars = line.quantity / line.per * price->second;
    bill.dollars += *line.dollars;
  } else if (line.quantity > 0) {
    bill.unpriced.push_back(line.price);
  }
  bill.lines.push_back(std::move(line));
}

dynamodb::StandingModel standing_of(const Load& load) {
  const double steps = load.sagas_per_second * count(load.shape.steps);
  dynamodb::StandingLoad standing;
  standing.workers = load.workers;
  standing.steps_per_second = steps;
  standing.later_steps_per_second = steps - load.sagas_per_second;
  return dynamodb::model_standing(standing);
}

void bill_requests(const Load& load, const SagaUnits& units, const Prices& prices, Bill& bill) {
  const dynamodb::StandingModel standing = standing_of(load);
  const double sagas = load.sagas_per_second;
  const double writes = sagas * (units.table + units.index + units.timer_rows);
  const double reads = sagas * units.reads;
  add(bill, prices,
      {"DynamoDB write units", (writes + standing.write_units) * kMonthSeconds,
       "dynamodb_write_request_million", kMillion});
  add(bill, prices,
      {"DynamoDB read units", (reads + standing.read_units) * kMonthSeconds,
       "dynamodb_read_request_million", kMillion});
}

// Table and index have each a capacity of their own, in whole units.
void bill_capacity(const Load& load, const SagaUnits& units, const Prices& prices, Bill& bill) {
  const dynamodb::StandingModel standing = standing_of(load);
  const double peak = load.sagas_per_second * load.peak;
  const auto needed = [](double units_per_second) {
    return std::ceil(units_per_second / kUtilization);
  };
  double writes = needed(peak * (units.table + units.timer_rows) + standing.write_units);
  double reads = needed(peak * units.reads + standing.read_units);
  if (bill.index_partitions > 0) {
    writes += std::max(1.0, needed(peak * units.index));
    reads += 1;  // nobody reads it, and 1 is the least
  }
  add(bill, prices,
      {"DynamoDB write capacity", writes * kMonthHours, "dynamodb_write_capacity_hour"});
  add(bill, prices, {"DynamoDB read capacity", reads * kMonthHours, "dynamodb_read_capacity_hour"});
}

void bill_storage(const Load& load, const Prices& prices, Bill& bill) {
  const double lasts = std::chrono::duration<double>(load.lasts).count();
  const double stays = load.ttl_days.value_or(kYearDays) * kDaySeconds;
  const double instances = load.sagas_per_second * (lasts + stays);
  const double rows = load.sagas_per_second * lasts * count(load.shape.timers);
  const auto stored = [](double items, std::size_t bytes) {
    return bytes == 0 ? 0 : items * (static_cast<double>(bytes) + kItemOverhead) / kGb;
  };
  bill.stored_gb =
      stored(instances, bill.model.steps.back().item_bytes) + stored(rows, bill.model.timer_bytes);
  bill.index_gb = stored(instances, bill.model.index_bytes);
  add(bill, prices,
      {"DynamoDB storage, GB", bill.stored_gb + bill.index_gb, "dynamodb_storage_gb_month"});
  if (!load.recovery) return;  // of the table alone
  add(bill, prices, {"DynamoDB recovery, GB", bill.stored_gb, "dynamodb_recovery_gb_month"});
}

// Sent, received and deleted; what is handed over by a topic is not sent. Large messages do not
// leave together where their sum would be too large, but may come and be deleted so.
double requests_a_message(const Load& load, double bytes, bool sent) {
  const auto billed = [bytes](double messages) {
    return std::max(1.0, std::ceil(messages * bytes / kChunk)) / messages;
  };
  const double batch = count(load.batch);
  const double fit = std::floor(static_cast<double>(sqs::kMaxRequestBytes) / bytes);
  return (sent ? billed(std::clamp(fit, 1.0, batch)) : 0) + billed(batch) + 1 / batch;
}

void bill_messages(const Load& load, const Prices& prices, Bill& bill) {
  const auto bytes = static_cast<double>(bill.model.message_bytes);
  const double a_saga = count(load.shape.steps) * (1 + count(load.shape.published));
  const double messages = load.sagas_per_second * kMonthSeconds * a_saga;
  const double timeouts = load.sagas_per_second * kMonthSeconds * count(load.shape.timers);
  const double polls = count(load.workers) * count(load.queues) * kMonthSeconds / kPollSeconds;
  bill.sqs_requests_per_message = requests_a_message(load, bytes, !load.topics);
  add(bill, prices,
      {"SQS requests",
       messages * bill.sqs_requests_per_message + timeouts * requests_a_message(load, bytes, true) +
           polls,
       load.fifo ? "sqs_fifo_request_million" : "sqs_standard_request_million", kMillion});
  if (!load.topics) return;
  const double published = messages * std::max(1.0, std::ceil(bytes / kChunk));
  const std::string kind = load.fifo ? "sns_fifo_" : "sns_standard_";
  add(bill, prices, {"SNS messages published", published, kind + "publish_million", kMillion});
  if (!load.fifo) return;  // then nothing else is billed
  add(bill, prices, {"SNS messages delivered", published, kind + "delivery_million", kMillion});
  add(bill, prices, {"SNS published, GB", messages * bytes / kGb, "sns_fifo_published_gb"});
  add(bill, prices, {"SNS delivered, GB", messages * bytes / kGb, "sns_fifo_delivered_gb"});
}

}  // namespace

Bill make_bill(const Load& load, CorrelationIndex index, const Prices& prices) {
  Bill bill;
  dynamodb::SagaShape shape = load.shape;
  shape.index = index;
  shape.expires = load.ttl_days.has_value();
  bill.model = dynamodb::model_saga(shape);
  const SagaUnits units = units_of(load, bill.model);
  spread(load, units, index, bill);
  if (load.provisioned) {
    bill_capacity(load, units, prices, bill);
  } else {
    bill_requests(load, units, prices, bill);
  }
  bill_storage(load, prices, bill);
  bill_messages(load, prices, bill);
  return bill;
}

}  // namespace sagabus::tools
