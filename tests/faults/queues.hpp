// The messages of a run: how they travel, and what is there, as another program sees it.
#pragma once

#include <memory>
#include <string>

#include "faults/plan.hpp"
#include "sagabus/sqlite/embedded.hpp"

namespace sagabus::faults {

class Queues {
 public:
  virtual ~Queues() = default;

  virtual Transport transport() const = 0;

  // But for dead letters. Where queues are looked at one after another, a message that goes to and
  // fro meanwhile may be overlooked.
  virtual bool are_empty() = 0;

  // How many messages are where, dead letters included. Empty: none.
  virtual std::string left_over() = 0;

  // Whether anybody can write to them now.
  virtual bool can_write() = 0;
};

// In SQS where the plan says so, in its database elsewhere: `file` is the transport that it has.
std::unique_ptr<Queues> make_queues(const Plan& plan, sqlite::Transport file);

}  // namespace sagabus::faults
