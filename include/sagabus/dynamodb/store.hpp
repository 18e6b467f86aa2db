// Instances in a table of Amazon DynamoDB.
//
//   sagabus::dynamodb::SagaStore store{{.table_name = "sagas", .region = "us-east-1"}};
//
// docs/formats/dynamodb-item.md describes the items. The table is made by create_table of
// sagabus/dynamodb/table.hpp, or by any other tool from the published schema.
//
// At run time the store needs dynamodb:GetItem, PutItem, UpdateItem, DeleteItem and Query on the
// table and its indexes, nothing more: its transactions, which only instances with an id of their
// caller's own choosing need, are made of these too.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/ambient.hpp"
#include "sagabus/aws/credentials.hpp"
#include "sagabus/dynamodb/client.hpp"
#include "sagabus/store.hpp"

namespace sagabus::dynamodb {

// What `correlationIndex` holds.
enum class CorrelationIndex {
  all,        // whole items: the published schema
  keys_only,  // a lean table: the index costs only when an instance is born or dies
  none        // the leanest: instances that other programs wrote are not found by correlation id
};

struct StoreOptions {
  std::string table_name = {};  // 3 to 255 of a-z, A-Z, 0-9, "_", "-" and ".", or a table's ARN
  std::string region = {};      // such as "us-east-1"; empty: as in aws::ClientOptions
  std::string endpoint = {};    // a URL, such as "http://localhost:8000"; empty: AWS's own
  std::shared_ptr<aws::CredentialsProvider> credentials = nullptr;  // null: the default chain
  std::optional<Client> client = {};    // shared; then none of region, endpoint, credentials and
                                        // max_attempts, which it has already
  std::optional<double> ttl_days = {};  // completed instances are removed that many days after
                                        // completion; more than 0; nothing: never. Longer than
                                        // the transport keeps a message, and than messages may
                                        // come late
  int max_attempts = 0;  // requests for one call, the first included; 0: AWS_MAX_ATTEMPTS, else 4
  bool foreign_items = false;  // other programs write instances to this table: asks the index
                               // before an instance is started, and for what is not found by key
  CorrelationIndex index = CorrelationIndex::all;  // what the table has
  // Over how many partition values the instances of a saga are spread, 1 to 1,000. It is the
  // table's, for good: a bus does not start on a table that was made with another number. When it
  // helps, and what it costs, is said in docs/formats/dynamodb-item.md. With more than one,
  // instances that other programs wrote are not found, whatever `index` is.
  unsigned key_shards = 1;
  bool count_units = true;  // asks the service for the capacity units that each request took
  Ambient ambient = {};
};

// Whether StoreOptions takes it for `table_name`.
bool is_table_name(std::string_view name);

// What a store has asked of DynamoDB since it was made.
struct Usage {
  std::map<std::string, std::uint64_t> requests;  // by operation, retries included
  double read_units = 0;
  double write_units = 0;  // of the table and its index
  // Writes whose condition did not hold. The service bills them and does not say how much: they are
  // counted in `write_units` by the size of the item that was there, where units are counted.
  std::uint64_t failed_conditions = 0;

  std::uint64_t total_requests() const;
};

class Backend;

// A store whose instances are items of one table. Functions of sagabus::SagaStore report, besides
// what is said there: TableNotFound, AccessDenied, Throttled and TransientError where the service
// or the way to it fails; StateTooLarge for an item over 400 KB, or over 336 KB without inbox,
// outbox and timers, for which the rest is kept (not in items that another program made, nor by an
// `update` without a birth); and ValidationError for a value that DynamoDB cannot hold, the last
// two before anything is sent. Where the service's answer to `insert`, `update` or `erase` was
// lost, the store asks again and recognises its own write; where another writer came in between and
// hides it, `update` and `erase` throw TransientError instead of ConcurrencyError, since nobody can
// tell whether they were carried out. Lists and counts are consistent reads. An item that another
// program wrote and that is no instance of the schema is a ValidationError where it is asked for; a
// listing leaves it out, with a warning in the log, and `delete_completed_before` leaves it alone.
// `count_by_name` reads no items: it counts it. With key shards, all three go through the shards
// one after the other, at least one request for each.
class SagaStore : public sagabus::SagaStore {
 public:
  // Needs no network. Throws std::invalid_argument naming the option, its value and what is
  // allowed.
  explicit SagaStore(StoreOptions options);

  Usage usage() const;
  const std::string& table_name() const noexcept;
  CorrelationIndex index() const noexcept;
  unsigned key_shards() const noexcept;
  const Client& client() const noexcept;
  const Ambient& ambient() const noexcept;

 private:
  explicit SagaStore(std::shared_ptr<Backend> backend);
  std::shared_ptr<Backend> dynamodb_;
};

}  // namespace sagabus::dynamodb
