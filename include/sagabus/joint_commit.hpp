// Where a store and a transport are one database: a step's whole effect as one transaction.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <vector>

#include "sagabus/store.hpp"
#include "sagabus/timer_store.hpp"
#include "sagabus/transport.hpp"

namespace sagabus {

// What a step does, or several that are committed together: it writes its instance, sends messages
// now and later, and is done with the one it took in.
struct StepTransaction {
  CommitRequest write{};
  std::vector<SendRequest> sends{};
  std::vector<TimerRow> timers{};                 // rows to put
  std::vector<TimerKey> cancelled{};              // and then to erase
  std::vector<std::shared_ptr<void>> receipts{};  // of the deliveries, acknowledged with it
};

struct StepResult {
  CommitResult write{};
  // All messages were still in their queue, in whoever's hands. Where one was not, another receiver
  // is done with it: nothing was done here, and `write` says nothing.
  bool found = true;
};

// The seam. A store that shares a database with a transport gives one of these from
// StoreBackend::join; the bus then keeps no outbox. commit() carries out all of the step, or, where
// `write` did not find what it expected, nothing of it. Else it is as StoreBackend::commit and
// TransportBackend::send are: used from several threads at once, cancelled, with their errors.
class JointCommit {
 public:
  virtual ~JointCommit() = default;
  virtual boost::asio::awaitable<StepResult> commit(StepTransaction step) = 0;

  // Sends the messages of those rows that are still there, and erases these.
  virtual boost::asio::awaitable<void> fire(std::vector<TimerRow> rows) = 0;
};

}  // namespace sagabus
