// What a load of sagas costs a month: the library's model of one saga, times how many, times
// prices. Pure functions.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cost/prices.hpp"
#include "sagabus/dynamodb/cost_model.hpp"

namespace sagabus::tools {

struct Load {
  dynamodb::SagaShape shape{};  // whatever its index
  double sagas_per_second = 1;  // the mean of a month
  double peak = 1;              // how many times the mean at the busiest time
  std::chrono::milliseconds lasts = std::chrono::hours(1);  // a saga, from its start to its end
  std::optional<double> ttl_days{};  // that a completed instance stays; nothing: for ever
  unsigned workers = 1;              // that share the sagas
  bool provisioned = false;
  bool recovery = false;  // point-in-time recovery
  bool fifo = true;
  bool topics = false;
  unsigned batch = 1;   // messages that share a request to SQS
  unsigned queues = 1;  // that a worker listens to
};

// A position of the bill.
struct Line {
  std::string name;
  double quantity = 0;              // in a month
  std::string price;                // its name in the file of prices
  double per = 1;                   // of the quantity are what the price is for
  std::optional<double> dollars{};  // nothing where there is no such price
};

struct Bill {
  dynamodb::SagaModel model;
  double table_units_per_second = 0;  // write units at the peak, of the busiest saga's partition
  double index_units_per_second = 0;
  double timer_units_per_second = 0;  // of one of the four partitions of timers
  unsigned table_partitions = 1;      // that the table's and the index's write units need
  unsigned index_partitions = 0;
  unsigned key_shards = 1;  // so that no partition value needs more than a partition can take
  double sqs_requests_per_message = 0;
  double stored_gb = 0;  // of the table; 1,073,741,824 bytes
  double index_gb = 0;
  std::vector<Line> lines;
  double dollars = 0;                 // of all lines that have a price
  std::vector<std::string> unpriced;  // names of prices that are missing
};

// Write units a second that one partition takes.
inline constexpr double kPartitionWriteUnits = 1000;
// As AWS counts a month.
inline constexpr double kMonthHours = 730;
// What provisioned capacity is to be used at most: the target that AWS's auto scaling has by
// default.
inline constexpr double kUtilization = 0.7;

// Throws what model_saga throws.
Bill make_bill(const Load& load, dynamodb::CorrelationIndex index, const Prices& prices);

}  // namespace sagabus::tools
