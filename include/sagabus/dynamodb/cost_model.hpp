// What a saga will ask of DynamoDB before there is one: the store's own arithmetic of sizes and
// units, on an instance that is made up. For whoever plans capacity, and for `sagabus cost`.
//
//   const auto cost = sagabus::dynamodb::model_saga({.steps = 6, .state_bytes = 900});
//   cost.write_units();  // of all its steps, on a table with the published schema
//
// Needs no network. docs/guide/exactly-once.md says what a step asks for; Bus::ledger() and
// SagaStore::usage() say what sagas that run really take.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sagabus/dynamodb/store.hpp"

namespace sagabus::dynamodb {

// Sizes are in bytes. Defaults: a small order.
struct SagaShape {
  CorrelationIndex index = CorrelationIndex::all;
  unsigned key_shards = 1;             // 1 to 1,000
  unsigned steps = 4;                  // messages that an instance takes in, timeouts that come
                                       // among them; the last completes it. 1 to 10,000
  std::size_t state_bytes = 400;       // of the state as DynamoDB counts it: names and values, and
                                       // for each map or list 3 and one for each element
  unsigned published = 1;              // messages that each step publishes, up to 1,000
  std::size_t payload_bytes = 100;     // of the payload of each, as JSON; 2 or more
  std::size_t type_bytes = 16;         // of the name of its type
  unsigned timers = 0;                 // timeouts that the first step sets, and the completion
                                       // clears; 0 to 64
  std::size_t timer_name_bytes = 8;    // of the name of each; 2 to 128
  bool expires = true;                 // the store has `ttl_days`
  std::size_t saga_name_bytes = 9;     // 1 or more
  std::size_t correlation_bytes = 36;  // 1 to 1,024
  unsigned carried = 0;                // outbox entries of earlier steps that are still there when
                                       // a step comes; 1 where messages come at once
  std::uint64_t first_step = 1;        // the worker's running number of the first step
  std::size_t inbox_bytes = 1024;      // as BusOptions has it
};

// Of one step. Each step is one write of the instance: PutItem for the first, else UpdateItem.
struct StepModel {
  std::size_t item_bytes = 0;     // of the instance once it is written
  double table_units = 0;         // write units of the table for the instance
  double index_units = 0;         // write units of the index
  double unknown_read_units = 0;  // what reading it takes a worker that did not see it last; the
                                  // first step reads nothing
};

struct SagaModel {
  std::vector<StepModel> steps;
  std::size_t index_bytes = 0;        // of the index's item at the end; 0 without an index
  std::size_t message_bytes = 0;      // of a published message in its JSON form
  std::size_t timer_bytes = 0;        // of a timeout's row; 0 where there are no timers
  double timer_units = 0;             // write units of putting such a row, and of erasing it again
  double stale_timer_units = 0;       // read units of the instance by a timeout that comes too late
  double table_units() const;         // of all steps, without rows of timers
  double index_units() const;         // of all steps
  double write_units() const;         // both
  double unknown_read_units() const;  // where every step after the first is by another worker
};

// Throws std::invalid_argument naming the field that is out of bounds, and StateTooLarge for an
// instance that the store would refuse. Refused writes, retries, conflicts and writes of your own
// (ctx.transact) are not in it.
SagaModel model_saga(const SagaShape& shape);

// What workers ask for beside the steps, a second: the leases of timers and looks for them, whether
// or not anything comes, and the watermarks.
struct StandingLoad {
  unsigned workers = 1;         // share the sagas, and all of them fire timers
  double steps_per_second = 0;  // of all workers: a watermark is written only where there is news
  double later_steps_per_second = 0;  // those of them that may meet an entry of another worker
};
struct StandingModel {
  double requests = 0;
  double read_units = 0;
  double write_units = 0;  // of the table
};
StandingModel model_standing(const StandingLoad& load);

}  // namespace sagabus::dynamodb
