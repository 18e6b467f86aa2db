// Code around every step: for logs, metrics, tracing, tenancy.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "sagabus/context.hpp"

namespace sagabus {

enum class StepOutcome {
  pending,    // `next` was not awaited, or threw before anything was decided
  committed,  // the state was written, and its messages sent, unless `next` threw
  unchanged,  // a handler ran, but there was nothing to write and nothing to send
  repeated,   // the message had been committed before; what was still unsent was sent, unless it
              // threw
  ignored,    // no handler's guard held, or the instance is completed
  not_found,  // no instance, and the message starts none
  too_late,   // it may have been committed before, and its inbox no longer tells: a dead letter
  outrun,     // others wrote the instance each time: the message is tried again
  postponed   // it comes again: it could not be committed together with those before it, or its
              // instance has ended, and a late request might start it anew once it has expired
};

// A step, as middleware sees it. The states are empty until `next` has returned, and where there is
// none.
struct StepView {
  std::string saga_name;
  std::string saga_id;
  std::string correlation_id;
  EnvelopePtr envelope;
  unsigned attempt = 1;
  Metadata metadata;
  InstancePtr loaded;     // as it was found, or as the steps before it in the same write leave it
  InstancePtr resulting;  // as it was committed, by all steps of the same write
  StepOutcome outcome = StepOutcome::pending;
};

// Runs the rest of the chain. To be awaited at most once; throws what the step threw.
using Next = std::function<boost::asio::awaitable<void>()>;

// The outermost comes first in BusOptions::middleware. Not awaiting `next` skips the step, and the
// message is acknowledged without effect: where it is delivered again, what its earlier commit has
// not sent yet is never sent. That holds also where `next` was awaited and what it threw, of
// middleware further in, is swallowed. Throwing fails it as a handler would. A step that failed
// stays failed, also where middleware catches what `next` threw: what becomes of it is for the
// ErrorHandler to say. Where a step is one transaction with its message (sqlite::embedded), what
// middleware throws after the commit is only logged: there is no message left to try again. It runs
// for every attempt; a step that lost a race is planned again inside one `next`.
//
// Where steps share a write (BusOptions::max_coalesced_steps), the middleware of the second runs
// inside the first one's `next`, and so on: who holds something while `next` runs that the next
// message of the same instance needs too, a lock say, waits for itself.
using Middleware = std::function<boost::asio::awaitable<void>(StepView&, Next)>;

}  // namespace sagabus
