#include "dynamodb/gateway.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <numeric>

#include "aws/error_answer.hpp"
#include "aws/json_member.hpp"
#include "dynamodb/attribute_value.hpp"
#include "dynamodb/item_size.hpp"
#include "dynamodb/user_write.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {
namespace {

namespace json = boost::json;
using aws::find_member;
using aws::find_text;

constexpr std::size_t kMaxDepth = 128;  // two for each of 32 levels, and some around them

// Codes of cancellation reasons.
constexpr std::string_view kConditionFailed = "ConditionalCheckFailed";
constexpr std::string_view kInConflict = "TransactionConflict";

const json::object* object_member(const json::value& value, std::string_view name) {
  const json::value* found = find_member(value, {name});
  return found ? found->if_object() : nullptr;
}

const json::array* array_member(const json::value& value, std::string_view name) {
  const json::value* found = find_member(value, {name});
  return found ? found->if_array() : nullptr;
}

double units_of(const json::value& consumed) {
  const json::value* units = find_member(consumed, {"CapacityUnits"});
  return units && units->is_number() ? units->to_number<double>() : 0;
}

// One table's, or a transaction's list of them.
double consumed_units(const json::value& answer) {
  const json::value* consumed = find_member(answer, {"ConsumedCapacity"});
  if (!consumed) return 0;
  const json::array* tables = consumed->if_array();
  if (!tables) return units_of(*consumed);
  return std::accumulate(tables->begin(), tables->end(), 0.0,
                         [](double sum, const json::value& v) { return sum + units_of(v); });
}

// Reasons bear other names than the exceptions of the same meaning.
std::string exception_name(std::string_view reason) {
  if (reason == "ThrottlingError") return "ThrottlingException";
  if (reason == "ValidationError") return "ValidationException";
  return std::string(reason) + "Exception";
}

// What is not an error: the action met nothing, or what its caller decides about.
bool is_ordinary(std::string_view code) {
  return code.empty() || code == "None" || code == kConditionFailed || code == kInConflict;
}

bool is_in_conflict(const json::value& reason) {
  return find_text(reason, {"Code"}) == kInConflict;
}

// One action's failure as that of the whole call.
[[noreturn]] void fail_for(const json::value& reason, const aws::ServiceError& error,
                           std::string_view table) {
  aws::ServiceError cause = error;
  cause.code = exception_name(find_text(reason, {"Code"}));
  cause.kind = aws::classify(aws::kDynamoDb, cause.code, error.http_status);
  const std::string_view message = find_text(reason, {"Message"});
  if (!message.empty()) cause.message = aws::safe_message(message, aws::Credentials{});
  aws::throw_service_error(cause, table);
}

// What cannot be read is an error of the whole write, and no refusal: an earlier attempt may have
// been carried out.
[[noreturn]] void fail_to_read(const ValidationError& problem, const aws::ServiceError& error,
                               const std::string& table) {
  ServiceInfo service;
  service.operation = error.operation;
  service.resource = table;
  service.attempts = error.attempts;
  service.not_applied = !error.maybe_applied;
  throw ValidationError(problem.what(), std::move(service));
}

Value read_found(const json::value& reason, const aws::ServiceError& error,
                 const std::string& table) {
  const json::object* item = object_member(reason, "Item");
  if (!item) return {};
  Object found;
  const FieldPath path(MissingField::keep_default);
  try {
    for (const json::key_value_pair& attribute : *item) {
      const std::string_view name(attribute.key().data(), attribute.key().size());
      found.emplace_back(name, read_attribute_value(attribute.value(), FieldPath(path, name)));
    }
  } catch (const ValidationError& e) {
    fail_to_read(e, error, table);
  }
  return Value(std::move(found));
}

// For error texts: which of them an error is about, the service does not always say.
std::string tables_of(std::string_view own, const Actions& actions) {
  std::vector<std::string_view> tables{own};
  for (const StoreWritePtr& write : actions.writes) {
    const std::string_view table = content_of(*write).table_name;
    if (std::find(tables.begin(), tables.end(), table) == tables.end()) tables.push_back(table);
  }
  return fmt::format("{}", fmt::join(tables, ", "));
}

WriteAnswer done() {
  WriteAnswer out;
  out.done = true;
  return out;
}

[[noreturn]] void malformed(std::string_view operation, std::string_view problem) {
  ServiceInfo service;
  service.operation = operation;
  throw TransientError(fmt::format("{}: the answer is malformed: {}", operation, problem), service);
}

}  // namespace

void Meter::add(std::string_view operation, const Cost& cost) {
  const std::lock_guard lock(mutex_);
  if (cost.requests) usage_.requests[std::string(operation)] += cost.requests;
  usage_.read_units += cost.read_units;
  usage_.write_units += cost.write_units;
  usage_.failed_conditions += cost.failed_conditions;
}

Usage Meter::read() const {
  const std::lock_guard lock(mutex_);
  return usage_;
}

json::value parse_answer(std::string_view operation, std::string_view body) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code ec;
  json::value answer = json::parse({body.data(), body.size()}, ec,
                                   json::make_shared_resource<json::monotonic_resource>(), options);
  if (ec || !answer.is_object()) malformed(operation, "it is not a JSON object");
  return answer;
}

void Gateway::fail(const aws::ServiceError& error) const {
  aws::throw_service_error(error, table_.name);
}

void Gateway::bill(std::string_view operation, const Cost& part, Cost* cost) {
  meter_.add(operation, part);
  if (cost) *cost += part;
}

boost::asio::awaitable<aws::Outcome> Gateway::send(std::string_view operation, std::string body,
                                                   Cost* cost) {
  auto calling = client_.aws().call(operation, std::move(body));
  aws::Outcome outcome = co_await std::move(calling);
  Cost sent;
  sent.requests =
      static_cast<std::uint64_t>(outcome ? outcome->attempts : outcome.error().attempts);
  bill(operation, sent, cost);
  co_return outcome;
}

boost::asio::awaitable<json::value> Gateway::read(std::string_view operation, std::string body,
                                                  Cost* cost) {
  auto sending = send(operation, std::move(body), cost);
  const aws::Outcome outcome = co_await std::move(sending);
  if (!outcome) fail(outcome.error());
  json::value answer = parse_answer(operation, outcome->body);
  Cost taken;
  taken.read_units = consumed_units(answer);
  bill(operation, taken, cost);
  co_return answer;
}

boost::asio::awaitable<std::optional<StoredItem>> Gateway::get(std::string body, Cost* cost) {
  auto reading = read("GetItem", std::move(body), cost);
  const json::value answer = co_await std::move(reading);
  const json::object* item = object_member(answer, "Item");
  if (!item) co_return std::nullopt;
  co_return read_item(*item, table_.key_shards);
}

boost::asio::awaitable<json::object> Gateway::get_row(std::string body) {
  auto reading = read("GetItem", std::move(body), nullptr);
  const json::value answer = co_await std::move(reading);
  const json::object* item = object_member(answer, "Item");
  co_return item ? *item : json::object();
}

boost::asio::awaitable<std::string> Gateway::get_text(std::string body,
                                                      std::string_view attribute) {
  auto reading = read("GetItem", std::move(body), nullptr);
  const json::value answer = co_await std::move(reading);
  co_return std::string(find_text(answer, {"Item", attribute, "S"}));
}

// One item that some other program got wrong must not hide all others.
void Gateway::add_item(QueryAnswer& out, const json::object& item) const {
  try {
    out.items.push_back(read_item(item, table_.key_shards));
  } catch (const ValidationError& e) {
    warn_left_out(e);
  }
}

void Gateway::warn_left_out(const ValidationError& error) const {
  log_(LogLevel::warning, fmt::format("dynamodb: {}: left out: {}", table_.name, error.what()));
}

boost::asio::awaitable<QueryAnswer> Gateway::query(std::string body, QueryContent content,
                                                   Cost* cost) {
  auto reading = read("Query", std::move(body), cost);
  const json::value answer = co_await std::move(reading);
  QueryAnswer out;
  if (const json::array* items = array_member(answer, "Items")) {
    for (const json::value& item : *items) {
      if (!item.is_object()) continue;
      if (content == QueryContent::ids) {
        out.saga_ids.emplace_back(find_text(item, {kSagaId, "S"}));
      } else {
        add_item(out, item.get_object());
      }
    }
  }
  if (find_member(answer, {"Count"})) {
    const std::optional<std::uint64_t> count = aws::find_count(answer, {"Count"});
    if (!count) malformed("Query", "Count is not a count");
    out.count = *count;
  }
  out.last_saga_id = find_text(answer, {"LastEvaluatedKey", kSagaId, "S"});
  co_return out;
}

// What cannot be read may be what this very write has made of it, or others after it.
StoredItem Gateway::read_refusal(const json::object& item, const aws::ServiceError& error) const {
  try {
    return read_item(item, table_.key_shards);
  } catch (const ValidationError& e) {
    fail_to_read(e, error, table_.name);
  }
}

void Gateway::bill_refusal(std::string_view operation, const json::object* item, Cost* cost) {
  Cost refused;
  refused.failed_conditions = 1;
  if (table_.count_units) refused.write_units = write_units(item ? item_size(*item) : 0);
  bill(operation, refused, cost);
}

WriteAnswer Gateway::lost_condition(const aws::ServiceError& error, Cost* cost) {
  const json::value answer = parse_answer(error.operation, error.body);
  WriteAnswer out;
  out.maybe_applied = error.maybe_applied;
  WriteAnswer::Refusal& refusal = out.refusals.emplace_back();
  refusal.refused = true;
  const json::object* item = object_member(answer, "Item");
  bill_refusal(error.operation, item, cost);
  if (item) refusal.item = read_refusal(*item, error);
  return out;
}

// A transaction bills every write twice.
Cost Gateway::cost_of_refusal(const json::array& reasons) const {
  Cost cost;
  cost.failed_conditions = 1;
  if (!table_.count_units) return cost;
  for (const json::value& reason : reasons) {
    const json::object* item = object_member(reason, "Item");
    cost.write_units += 2 * write_units(item ? item_size(*item) : 0);
  }
  return cost;
}

// What one of our own actions met.
WriteAnswer::Refusal Gateway::read_own_reason(const json::value& reason,
                                              const aws::ServiceError& error) const {
  WriteAnswer::Refusal refusal;
  const std::string_view code = find_text(reason, {"Code"});
  const json::object* item = object_member(reason, "Item");
  refusal.refused = code == kConditionFailed;
  if (refusal.refused && item) refusal.item = read_refusal(*item, error);
  if (!is_ordinary(code)) fail_for(reason, error, table_.name);
  return refusal;
}

// The reasons stand in the order of the actions.
WriteAnswer Gateway::cancelled(const aws::ServiceError& error, const Actions& actions, Cost* cost) {
  const json::value answer = parse_answer(error.operation, error.body);
  const json::array* reasons = array_member(answer, "CancellationReasons");
  if (!reasons || reasons->size() != actions.own + actions.writes.size()) fail(error);
  bill(error.operation, cost_of_refusal(*reasons), cost);
  WriteAnswer out;
  out.maybe_applied = error.maybe_applied;
  bool ours_held = true;
  for (std::size_t i = 0; i < actions.own; ++i) {
    out.refusals.push_back(read_own_reason((*reasons)[i], error));
    ours_held = ours_held && !out.refusals.back().refused && !is_in_conflict((*reasons)[i]);
  }
  out.in_conflict = std::any_of(reasons->begin(), reasons->end(), is_in_conflict);
  if (!ours_held) return out;  // it is tried again: what the user's writes met does not matter
  for (std::size_t i = 0; i < actions.writes.size(); ++i) {
    const json::value& reason = (*reasons)[actions.own + i];
    const std::string_view code = find_text(reason, {"Code"});
    const std::string& table = content_of(*actions.writes[i]).table_name;
    if (code == kConditionFailed)
      out.refused_writes.push_back({i, read_found(reason, error, table)});
    if (!is_ordinary(code)) fail_for(reason, error, table);
  }
  return out;
}

void Gateway::bill_write(std::string_view operation, const std::string& body, Cost* cost) {
  if (table_.count_units) bill_units(operation, parse_answer(operation, body), cost);
}

void Gateway::bill_units(std::string_view operation, const json::value& answer, Cost* cost) {
  Cost taken;
  taken.write_units = consumed_units(answer);
  bill(operation, taken, cost);
}

boost::asio::awaitable<WriteAnswer> Gateway::write(std::string_view operation, std::string body,
                                                   bool again, Cost* cost) {
  auto sending = send(operation, std::move(body), cost);
  const aws::Outcome outcome = co_await std::move(sending);
  if (outcome) {
    bill_write(operation, outcome->body, cost);
    co_return done();
  }
  aws::ServiceError error = outcome.error();
  error.maybe_applied = error.maybe_applied || again;
  if (error.kind == aws::ErrorKind::conditional_check_failed) co_return lost_condition(error, cost);
  fail(error);
}

boost::asio::awaitable<RowAnswer> Gateway::write_row(std::string_view operation, std::string body,
                                                     Cost* cost) {
  auto sending = send(operation, std::move(body), cost);
  const aws::Outcome outcome = co_await std::move(sending);
  RowAnswer out;
  out.done = outcome.has_value();
  const bool refused =
      !out.done && outcome.error().kind == aws::ErrorKind::conditional_check_failed;
  if (!out.done && !refused) fail(outcome.error());
  const json::value answer =
      parse_answer(operation, out.done ? outcome->body : outcome.error().body);
  const json::object* before = object_member(answer, out.done ? "Attributes" : "Item");
  if (before) out.before = *before;
  if (out.done) {
    bill_units(operation, answer, cost);
  } else {
    out.maybe_applied = outcome.error().maybe_applied;
    bill_refusal(operation, before, cost);
  }
  co_return out;
}

boost::asio::awaitable<RowsAnswer> Gateway::query_rows(std::string body) {
  auto reading = read("Query", std::move(body), nullptr);
  const json::value answer = co_await std::move(reading);
  RowsAnswer out;
  if (const json::array* items = array_member(answer, "Items")) out.rows = *items;
  out.last_saga_id = find_text(answer, {"LastEvaluatedKey", kSagaId, "S"});
  co_return out;
}

boost::asio::awaitable<WriteAnswer> Gateway::transact(std::string body, Actions actions, bool again,
                                                      Cost* cost) {
  auto sending = send(kTransact, std::move(body), cost);
  const aws::Outcome outcome = co_await std::move(sending);
  if (outcome) {
    bill_write(kTransact, outcome->body, cost);
    co_return done();
  }
  aws::ServiceError error = outcome.error();
  error.maybe_applied = error.maybe_applied || again;
  if (error.kind == aws::ErrorKind::transaction_canceled) {
    co_return cancelled(error, actions, cost);
  }
  aws::throw_service_error(error, tables_of(table_.name, actions));
}

}  // namespace sagabus::dynamodb
