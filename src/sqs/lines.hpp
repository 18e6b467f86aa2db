// The queues and topics of a transport, as they come to be used.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <exception>
#include <memory>
#include <string>

#include "sqs/endpoint.hpp"
#include "sqs/fan_out.hpp"
#include "sqs/surroundings.hpp"
#include "sqs/topic_line.hpp"
#include "sqs/topic_rules.hpp"

namespace sagabus::sqs {

// Only the engine's thread uses it, but for its making, drop() and its destruction.
class Lines {
 public:
  // Both outlive it.
  Lines(Surroundings& surroundings, const TopicRules& topic_rules);
  Lines(const Lines&) = delete;
  Lines& operator=(const Lines&) = delete;

  Endpoint& endpoint(const std::string& name);
  TopicLine& topic(const std::string& type);
  FanOut& fan_out() noexcept { return fan_out_; }
  Surroundings& surroundings() noexcept { return surroundings_; }

  // Takes nothing more, and waits a little for what is on its way.
  boost::asio::awaitable<void> shut_down();

  // Fails all that waits. The engine has stopped.
  void drop(const std::exception_ptr& error);

 private:
  static boost::asio::awaitable<void> keep_hidden(Surroundings& surroundings);
  bool is_idle() const;

  Surroundings& surroundings_;
  FanOut fan_out_;
  boost::unordered_flat_map<std::string, std::shared_ptr<Endpoint>> endpoints_;
  boost::unordered_flat_map<std::string, std::shared_ptr<TopicLine>> topics_;  // by type
};

}  // namespace sagabus::sqs
