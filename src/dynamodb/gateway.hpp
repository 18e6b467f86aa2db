// One table's requests on their way: sent, their answers parsed, what they cost written down.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/item.hpp"
#include "dynamodb/requests.hpp"
#include "sagabus/ambient.hpp"
#include "sagabus/cost.hpp"
#include "sagabus/dynamodb/client.hpp"
#include "sagabus/dynamodb/store.hpp"
#include "sagabus/error.hpp"

namespace sagabus::dynamodb {

// Requests and units of all calls, added up. Safe to use from any thread.
class Meter {
 public:
  void add(std::string_view operation, const Cost& cost);
  Usage read() const;

 private:
  mutable std::mutex mutex_;
  Usage usage_;
};

// What the service said to a write.
struct WriteAnswer {
  // Of one action of a transaction, or of the one write.
  struct Refusal {
    bool refused = false;            // its condition did not hold
    std::optional<StoredItem> item;  // what was there
  };
  bool done = false;
  bool maybe_applied = false;     // by an attempt before the one that was refused
  bool in_conflict = false;       // another transaction was at work: worth another try
  std::vector<Refusal> refusals;  // one an action of the store's own, where not done
  // The user's whose condition did not hold, where no action of the store's own was refused.
  std::vector<RefusedWrite> refused_writes;
};

// What stands in the body of a TransactWriteItems.
struct Actions {
  std::size_t own = 0;                      // of the store's, which come first
  std::span<const StoreWritePtr> writes{};  // the user's; they outlive the call
};

inline constexpr std::string_view kTransact = "TransactWriteItems";

enum class QueryContent { items, ids };

struct QueryAnswer {
  std::vector<StoredItem> items;      // QueryContent::items
  std::vector<std::string> saga_ids;  // QueryContent::ids
  std::uint64_t count = 0;
  std::string last_saga_id;  // where the next page starts after; empty on the last one
};

// What the service said to a write of a row.
struct RowAnswer {
  bool done = false;
  bool maybe_applied = false;    // by an attempt before the one that was refused
  boost::json::object before{};  // what was there, where the request asks for it
};

struct RowsAnswer {
  boost::json::array rows{};
  std::string last_saga_id{};  // where the next page starts after; empty on the last one
};

class Gateway {
 public:
  Gateway(Client client, TableRef table, Logger log)
      : client_(std::move(client)), table_(std::move(table)), log_(std::move(log)) {}

  const Client& client() const noexcept { return client_; }
  const TableRef& table() const noexcept { return table_; }
  Usage usage() const { return meter_.read(); }

  // `operation` must be a literal. All throw the errors of sagabus/error.hpp with the table's name
  // in them, but for a lost condition, which is an ordinary answer. An item that cannot be read is
  // an error, but for a query: it warns of it in the log and leaves it out. What a call costs is
  // added to `cost`, which may be null, also where it throws; but not where it is cancelled, or the
  // client throws before there is an answer.
  boost::asio::awaitable<std::optional<StoredItem>> get(std::string body, Cost* cost = nullptr);
  // An item that is no instance; empty where there is none.
  boost::asio::awaitable<boost::json::object> get_row(std::string body);
  // A text attribute of such an item; empty where there is none.
  boost::asio::awaitable<std::string> get_text(std::string body, std::string_view attribute);
  // `again`: an earlier try of the same write may have been carried out.
  boost::asio::awaitable<WriteAnswer> write(std::string_view operation, std::string body,
                                            bool again = false, Cost* cost = nullptr);
  // The same for rows that are no instances. What cannot be read is the caller's to leave out.
  boost::asio::awaitable<RowAnswer> write_row(std::string_view operation, std::string body,
                                              Cost* cost = nullptr);
  boost::asio::awaitable<RowsAnswer> query_rows(std::string body);
  void warn_left_out(const ValidationError& error) const;
  // A TransactWriteItems.
  boost::asio::awaitable<WriteAnswer> transact(std::string body, Actions actions,
                                               bool again = false, Cost* cost = nullptr);
  boost::asio::awaitable<QueryAnswer> query(std::string body, QueryContent content,
                                            Cost* cost = nullptr);

 private:
  boost::asio::awaitable<aws::Outcome> send(std::string_view operation, std::string body,
                                            Cost* cost);
  boost::asio::awaitable<boost::json::value> read(std::string_view operation, std::string body,
                                                  Cost* cost);
  StoredItem read_refusal(const boost::json::object& item, const aws::ServiceError& error) const;
  void bill(std::string_view operation, const Cost& part, Cost* cost);
  void bill_refusal(std::string_view operation, const boost::json::object* item, Cost* cost);
  Cost cost_of_refusal(const boost::json::array& reasons) const;
  WriteAnswer lost_condition(const aws::ServiceError& error, Cost* cost);
  void bill_write(std::string_view operation, const std::string& body, Cost* cost);
  void bill_units(std::string_view operation, const boost::json::value& answer, Cost* cost);
  WriteAnswer cancelled(const aws::ServiceError& error, const Actions& actions, Cost* cost);
  WriteAnswer::Refusal read_own_reason(const boost::json::value& reason,
                                       const aws::ServiceError& error) const;
  void add_item(QueryAnswer& out, const boost::json::object& item) const;
  [[noreturn]] void fail(const aws::ServiceError& error) const;

  Client client_;
  TableRef table_;
  Logger log_;
  Meter meter_;
};

// Parses an answer of the service. Throws TransientError where it is no JSON object.
boost::json::value parse_answer(std::string_view operation, std::string_view body);

}  // namespace sagabus::dynamodb
