// How an example's messages travel, from a URI on its command line.
#pragma once

#include <cstdint>
#include <functional>
#include <sagabus/sqlite/transport.hpp>
#include <sagabus/transport.hpp>
#include <string>
#include <vector>

namespace examples {

struct Messages {
  sagabus::Transport transport;
  // The messages in a queue that nobody receives from, such as dead letters.
  std::function<std::vector<sagabus::EnvelopePtr>(const std::string& endpoint)> waiting;
  // How many are in a queue: ready, to be delivered later, or in a receiver's hands.
  std::function<std::uint64_t(const std::string& endpoint)> pending;
  // What this process has asked of the service so far. Zero where nobody counts.
  std::function<std::uint64_t()> requests = [] { return std::uint64_t{0}; };
};

// memory:, sqlite:///PATH or sqs://PREFIX?region=REGION&endpoint=URL, whose queues are made where
// there are none; with &topics=true, what is published goes by topics of SNS. Throws
// std::invalid_argument for another URI.
Messages open_transport(const std::string& uri);

// Those of a transport that shares its file with a store.
Messages messages_of(const sagabus::sqlite::Transport& transport);

}  // namespace examples
