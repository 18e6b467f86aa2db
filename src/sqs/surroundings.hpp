// What the parts of a transport share.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sqs/engine.hpp"
#include "sqs/gateway.hpp"
#include "sqs/in_hand.hpp"
#include "sqs/recollection.hpp"

namespace sagabus::sqs {

// Outlives the engine's work. All but `options` and `gateway` belongs to the engine's thread.
struct Surroundings {
  Surroundings(TransportOptions given, Clients clients, Engine::Executor on)
      : options(std::move(given)), gateway(std::move(clients)), executor(on) {}

  const TransportOptions options;
  Gateway gateway;
  Engine::Executor executor;
  InHand in_hand;
  Recollection recollection;
  std::string known_arn;  // of any queue or topic: says partition, region and account
  // By endpoint, the ARNs of the topics that its queue hears of.
  std::map<std::string, std::vector<std::string>> heard_topics;
  bool stopping = false;

  // Of a topic by its name, or by its ARN itself. Throws NotFound where nothing tells the account.
  std::string topic_arn(const std::string& topic) const;

  Clock& clock() const noexcept { return *options.ambient.clock; }
  void log(LogLevel level, std::string_view line) const { options.ambient.log(level, line); }
};

// A queue that is there.
struct Queue {
  std::string name;
  std::string url;
  bool fifo = true;
};

}  // namespace sagabus::sqs
