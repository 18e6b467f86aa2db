// The topics of a transport: found or made, and its queues subscribed to them.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <map>
#include <string>
#include <vector>

#include "sqs/surroundings.hpp"
#include "sqs/topic_rules.hpp"

namespace sagabus::sqs {

// Only the engine's thread uses it.
class FanOut {
 public:
  // Both outlive it.
  FanOut(Surroundings& surroundings, const TopicRules& rules)
      : surroundings_(surroundings), rules_(rules) {}

  // The ARN of a type's topic. Where topics may be made it is made, and heard of by the queues that
  // have joined it; one that is there but differs is used, with a warning for each difference.
  boost::asio::awaitable<std::string> find(std::string type);

  // The service knows no such topic any more.
  void forget(const std::string& type) { arns_.erase(type); }

  // Has the endpoint's queue hear of the topics of these types, and no longer of those that it
  // joined before. Where nothing may be made it only says what can be seen to be missing. Repeating
  // it is harmless.
  boost::asio::awaitable<void> join(std::string endpoint, std::vector<std::string> types);

 private:
  struct Member {
    std::string queue_arn{};
    std::map<std::string, std::string> subscriptions{};  // their ARNs, by type
  };

  boost::asio::awaitable<std::string> make(std::string name);
  boost::asio::awaitable<void> warn_of_differences(std::string arn);
  boost::asio::awaitable<void> subscribe(std::string endpoint, std::string type, std::string arn);
  boost::asio::awaitable<std::string> look_up(std::string topic_arn, std::string queue_arn);
  boost::asio::awaitable<void> leave(std::string endpoint, std::vector<std::string> but);
  boost::asio::awaitable<aws::Element> call(std::string_view operation, std::string form,
                                            std::string topic) {
    return surroundings_.gateway.call_topics(operation, std::move(form), std::move(topic));
  }

  Surroundings& surroundings_;
  const TopicRules& rules_;
  std::map<std::string, std::string> arns_;  // by type
  std::map<std::string, Member> members_;    // by endpoint
};

}  // namespace sagabus::sqs
