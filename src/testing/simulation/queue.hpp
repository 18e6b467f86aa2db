// A transport like SQS, as one worker sees it over the network.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sagabus/memory/transport.hpp"
#include "testing/simulation/network.hpp"

namespace sagabus::testing::simulation {

// What all workers share.
struct Queues {
  memory::Transport messages;
  bool in_order = false;  // of those of one key
  // Told of each of these when it is carried out.
  std::function<void(const SendRequest&)> sent = [](const SendRequest&) {};
  std::function<void(const Delivery&)> acknowledged = [](const Delivery&) {};
  // What is sent instead of a request: it, and copies of it.
  std::function<std::vector<SendRequest>(const SendRequest&)> copies{};
  std::uint64_t holds = 0;  // how often a message could stay in hand that could not be committed
};

// `holds`: what is in hand is kept hidden for as long as its worker lives and says so, and so it
// may stay in hand.
Transport over_network(std::shared_ptr<Queues> queues, std::shared_ptr<Network> network,
                       bool holds = false);

}  // namespace sagabus::testing::simulation
