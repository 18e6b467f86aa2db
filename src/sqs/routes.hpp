// Who takes which message, and which of them must keep their order.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/sqs/transport.hpp"
#include "sqs/claim.hpp"

namespace sagabus::sqs {

// By a member of the payload; where it has none, as Routes::order_key.
std::string order_key_by_member(const Envelope& envelope, const std::string& member);

// Safe from any thread.
class Routes {
 public:
  explicit Routes(const std::vector<Route>& routes);

  // Replaces what the endpoint took before, but for routes from the options.
  void subscribe(Subscription subscription);

  // The endpoints that take messages of a type, each once.
  std::vector<std::string> takers(const std::string& type) const;

  // Whether all that take a type surely keep its order by one thing: a single taker does, and those
  // that are known to have one member of the payload for it, or the partition key.
  bool keep_one_order(const std::string& type) const;

  // For those that take it: what keeps its order there, where only its payload tells.
  OrderKeys order_keys(const Envelope& whole) const;

  // Never empty: what has no order with others is ordered by its own id. Of one whose payload
  // travels beside it, its headers tell.
  std::string order_key(const std::string& endpoint, const Envelope& envelope) const;

 private:
  using OrderBy = std::function<std::string(const Envelope&)>;
  struct Taker {
    std::vector<std::string> types;
    OrderBy order_by;
    std::map<std::string, std::string> order_members;
  };
  OrderBy order_by(const std::string& endpoint, const std::string& type) const;
  const Route* ordered_route(const std::string& endpoint, const std::string& type) const;
  std::optional<std::string> order_member(const std::string& endpoint,
                                          const std::string& type) const;

  mutable std::mutex mutex_;
  const std::vector<Route> routes_;
  boost::unordered_flat_map<std::string, Taker> subscribed_;  // by endpoint
  boost::unordered_flat_map<std::string, std::vector<std::string>> by_type_;
};

}  // namespace sagabus::sqs
