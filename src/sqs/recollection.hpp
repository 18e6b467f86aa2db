// What this process knows of messages that it has given back: SQS itself counts deliveries, and
// nothing else.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <string>

namespace sagabus::sqs {

// By the service's message id. Holds the latest few thousand; of one that it has forgotten, nothing
// has failed here.
class Recollection {
 public:
  struct Memory {
    unsigned failures = 0;      // of its handler
    std::uint64_t returns = 0;  // of deliveries that had surely taken no effect
    bool uncertain = false;     // a delivery may have
  };

  explicit Recollection(std::size_t most = 20'000) : most_(most) {}

  Memory recall(const std::string& message_id) const;
  void given_back(const std::string& message_id, bool failed, bool uncertain);
  void forget(const std::string& message_id) { memories_.erase(message_id); }

 private:
  const std::size_t most_;
  boost::unordered_flat_map<std::string, Memory> memories_;
  std::deque<std::string> order_;  // oldest first; may name some that are forgotten
};

}  // namespace sagabus::sqs
