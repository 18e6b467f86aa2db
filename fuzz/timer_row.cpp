// The rows of timers and leases, as DynamoDB's items.
#include "dynamodb/timer_rows.hpp"

#include <boost/json/parse.hpp>
#include <limits>
#include <optional>

#include "sagabus/error.hpp"
#include "targets.hpp"

namespace sagabus::fuzz {
namespace {

const dynamodb::TableRef kTable{"sagas"};

void check_timer(const TimerRow& row) {
  const auto request = boost::json::parse(dynamodb::put_timer_request(kTable, row));
  const TimerRow again = dynamodb::read_timer_row(request.at("Item").as_object());
  require(
      again.key == row.key && again.endpoint == row.endpoint && *again.envelope == *row.envelope,
      "a timer comes back from its item");
}

void check_lease(const dynamodb::LeaseRow& row) {
  if (row.shard == dynamodb::kTimerShards) return;
  require(row.lease.counter > 0, "a lease has been taken");
  if (row.lease.counter == std::numeric_limits<std::int64_t>::max()) return;  // 10^10 years on
  const auto request = boost::json::parse(
      dynamodb::take_lease_request(kTable, row.shard, row.lease, row.lease.holder));
  const auto next = dynamodb::read_lease_row(request.at("Item").as_object());
  require(next.shard == row.shard && next.lease.holder == row.lease.holder &&
              next.lease.counter == row.lease.counter + 1,
          "a lease that is taken counts on");
}

}  // namespace

void timer_row(std::string_view input) {
  boost::system::error_code error;
  const auto value = boost::json::parse({input.data(), input.size()}, error);
  const auto* const item = value.if_object();
  if (error || !item) return;
  const auto timer = unless_refused<ValidationError>(
      [&] { return std::optional(dynamodb::read_timer_row(*item)); });
  if (timer) check_timer(*timer);
  const auto lease = unless_refused<ValidationError>(
      [&] { return std::optional(dynamodb::read_lease_row(*item)); });
  if (lease) check_lease(*lease);
}

}  // namespace sagabus::fuzz
