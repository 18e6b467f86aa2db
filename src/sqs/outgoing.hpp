// What becomes of a message that is to be sent: the entries that leave for queues and topics.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "sqs/batch_line.hpp"
#include "sqs/topic_rules.hpp"

namespace sagabus::sqs {

struct Outgoing {
  bool by_topic = false;
  std::string name{};  // of the endpoint, or of the type
  BatchEntry entry{};
};

// Safe from any thread.
class OutgoingRules {
 public:
  // All outlive it.
  OutgoingRules(const TransportOptions& options, const Routes& routes,
                const TopicRules& topic_rules)
      : options_(options), routes_(routes), topic_rules_(topic_rules) {}

  // One for its topic, or for each queue of those who take it; none where nobody does. Throws
  // ValidationError for one that is too large, Unsupported for one that is to wait for too long.
  void add(const SendRequest& request, std::vector<Outgoing>& out) const;

  std::chrono::milliseconds max_delay() const;

 private:
  void add_topic_entry(const SendRequest& request, std::vector<Outgoing>& out) const;
  std::string group_of(const std::string& endpoint, const SendRequest& request) const;
  BatchEntry entry_for(const std::string& endpoint, const SendRequest& request,
                       const std::string& body) const;
  std::chrono::seconds delay_of(const SendRequest& request) const;

  const TransportOptions& options_;
  const Routes& routes_;
  const TopicRules& topic_rules_;
};

}  // namespace sagabus::sqs
