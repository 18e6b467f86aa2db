// Which types go by a topic, and which of their messages keep an order there. It follows from the
// options and from who takes a type, never from a message: a topic is slower than a queue, so that
// a type that went now by the one and now by the other would lose its order.
#pragma once

#include <string>

#include "sqs/routes.hpp"

namespace sagabus::sqs {

// Safe from any thread.
class TopicRules {
 public:
  // Both outlive it.
  TopicRules(const TransportOptions& options, const Routes& routes)
      : options_(options), routes_(routes) {}

  bool has_topic(const std::string& type) const;  // to subscribe to
  bool goes_by_topic(const std::string& type) const;

  // The order key of a message that goes by a topic; never empty.
  std::string order_key(const Envelope& envelope) const;

  // What keeps a message's order wherever it may go, where only its payload tells.
  OrderKeys order_keys(const Envelope& whole) const;

  // Its name, or its ARN where the options have one.
  std::string topic(const std::string& type) const;

  // Why a type that has a topic does not go by it, for the log; empty where it does.
  std::string objection(const std::string& type) const;

 private:
  const Topic* particulars(const std::string& type) const;

  const TransportOptions& options_;
  const Routes& routes_;
};

}  // namespace sagabus::sqs
