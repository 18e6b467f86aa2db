// A transport in this process's memory, for tests and benchmarks. Nothing survives the process.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/transport.hpp"

namespace sagabus::memory {

struct TransportOptions {
  // A received message that is neither acknowledged nor given back is delivered again after this
  // time. Positive.
  std::chrono::milliseconds visibility_timeout = std::chrono::seconds(30);

  // How long a deduplication key is remembered. Zero: not at all.
  std::chrono::milliseconds deduplication_window = std::chrono::minutes(5);

  // How many keys an endpoint remembers at most; the oldest leave first. Zero: none.
  std::size_t deduplication_limit = 30'000;

  // Messages that must keep their order (Subscription::order_by, else Envelope::partition_key) are
  // handed out as a FIFO queue of SQS does: several of one key may go to one receiver at a time,
  // and none to another until all of these are acknowledged or given back. What is given back keeps
  // its place, and with a delay holds up its key. What is sent with a delay takes its place when
  // that is over.
  bool ordered_by_key = false;

  // The clock of the three times above and of delays. Where it is a virtual one, so are they.
  Ambient ambient{};
};

// A handle to a transport of its own; copies share it. Messages keep their order within an
// endpoint, as long as none is given back or runs out of time; those of one key even then, where
// the options say so. Has no thread of its own.
class Transport : public sagabus::Transport {
 public:
  Transport();

  // Throws std::invalid_argument for an option out of its range.
  explicit Transport(TransportOptions options);

  // A message that was received, and neither acknowledged nor given back, is hidden from other
  // receivers for this long from now on, as if it had been received now with that visibility
  // timeout. False, and nothing happens, where its time has run out already. From any thread.
  bool hide(const Delivery& delivery, std::chrono::milliseconds time);

  // For tests, from any thread. An endpoint that nobody knows is empty.

  // Messages that are not acknowledged: ready, delayed, behind one of their key, or out with a
  // receiver.
  std::size_t pending(std::string_view endpoint) const;

  // Those that are ready or delayed, in the order in which they would be delivered, then those
  // behind others of their key; not those that are out with a receiver.
  std::vector<EnvelopePtr> peek(std::string_view endpoint) const;

  // The same, and takes them away for good.
  std::vector<EnvelopePtr> drain(std::string_view endpoint);
};

}  // namespace sagabus::memory
