#include "sqs/routes.hpp"

#include <algorithm>

#include "sagabus/json.hpp"
#include "sagabus/timer.hpp"

namespace sagabus::sqs {
namespace {

void add_once(std::vector<std::string>& list, const std::string& text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(text);
}

// A text as it is, another value as its JSON; empty where there is none.
std::string member_text(const Envelope& envelope, const std::string& name) {
  const Value* member = envelope.payload.find(name);
  if (!member || member->is_null()) return {};
  const std::string* text = member->if_string();
  return text ? *text : to_json(*member);
}

const std::string& key_without_payload(const Envelope& envelope) {
  return envelope.partition_key.empty() ? envelope.id : envelope.partition_key;
}

// What orders a message that nothing else does.
std::string or_else(std::string key, const Envelope& envelope) {
  return key.empty() ? key_without_payload(envelope) : key;
}

}  // namespace

Routes::Routes(const std::vector<Route>& routes) : routes_(routes) {
  for (const Route& route : routes_) add_once(by_type_[route.type], route.endpoint);
}

void Routes::subscribe(Subscription subscription) {
  const std::lock_guard lock(mutex_);
  const std::string& endpoint = subscription.endpoint;
  Taker& taker = subscribed_[endpoint];
  for (const std::string& type : taker.types) std::erase(by_type_[type], endpoint);
  taker.types = std::move(subscription.types);
  taker.order_by = std::move(subscription.order_by);
  taker.order_members = std::move(subscription.order_members);
  for (const std::string& type : taker.types) add_once(by_type_[type], endpoint);
  for (const Route& route : routes_) add_once(by_type_[route.type], route.endpoint);
}

std::vector<std::string> Routes::takers(const std::string& type) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_type_.find(type);
  return found == by_type_.end() ? std::vector<std::string>() : found->second;
}

// Null where none says what keeps the order.
const Route* Routes::ordered_route(const std::string& endpoint, const std::string& type) const {
  const auto route = std::find_if(routes_.begin(), routes_.end(), [&](const Route& r) {
    return r.endpoint == endpoint && r.type == type && !r.group_by.empty();
  });
  return route == routes_.end() ? nullptr : &*route;
}

// The payload's; empty: the partition key; nothing: whatever a function says, and functions cannot
// be compared.
std::optional<std::string> Routes::order_member(const std::string& endpoint,
                                                const std::string& type) const {
  const auto taker = subscribed_.find(endpoint);
  if (taker != subscribed_.end() && taker->second.order_by) {
    const auto member = taker->second.order_members.find(type);
    if (member == taker->second.order_members.end()) return std::nullopt;
    return member->second;
  }
  const Route* const route = ordered_route(endpoint, type);
  return route ? route->group_by : std::string();
}

bool Routes::keep_one_order(const std::string& type) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_type_.find(type);
  if (found == by_type_.end() || found->second.size() <= 1) return true;
  const std::vector<std::string>& takers = found->second;
  const auto first = order_member(takers.front(), type);
  return first && std::all_of(takers.begin(), takers.end(), [&](const std::string& endpoint) {
           return order_member(endpoint, type) == first;
         });
}

Routes::OrderBy Routes::order_by(const std::string& endpoint, const std::string& type) const {
  const std::lock_guard lock(mutex_);
  const auto taker = subscribed_.find(endpoint);
  if (taker != subscribed_.end() && taker->second.order_by) return taker->second.order_by;
  const Route* const route = ordered_route(endpoint, type);
  if (!route) return {};
  return [name = route->group_by](const Envelope& envelope) { return member_text(envelope, name); };
}

OrderKeys Routes::order_keys(const Envelope& whole) const {
  OrderKeys keys;
  for (const std::string& endpoint : takers(whole.type)) {
    std::string key = order_key(endpoint, whole);
    if (key != key_without_payload(whole)) keys.emplace(endpoint, std::move(key));
  }
  return keys;
}

std::string Routes::order_key(const std::string& endpoint, const Envelope& envelope) const {
  if (has_claim(envelope)) {
    return read_order_key(envelope, endpoint).value_or(key_without_payload(envelope));
  }
  const OrderBy order_by_ = order_by(endpoint, envelope.type);
  std::string key = order_by_ ? order_by_(envelope) : std::string();
  // Timers are sent by whoever looks after them, and that may be no worker of their saga.
  if (key.empty() && envelope.type == message_name<SagaTimeoutExpired>()) {
    key = member_text(envelope, "correlationId");
  }
  return or_else(std::move(key), envelope);
}

std::string order_key_by_member(const Envelope& envelope, const std::string& member) {
  return or_else(member_text(envelope, member), envelope);
}

}  // namespace sagabus::sqs
