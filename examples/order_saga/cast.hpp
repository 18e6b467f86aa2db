// Who takes part in an order: the saga and the services it talks to, and how they are set up.
#pragma once

#include <sagabus/bus.hpp>
#include <string>
#include <vector>

#include "books.hpp"

namespace orders {

// All of them on one bus. The books must outlive it.
sagabus::BusOptions cast(sagabus::Transport transport, sagabus::SagaStore store, Books& books,
                         unsigned concurrency);

// The names of their queues.
std::vector<std::string> endpoints();

// Makes their queues known, for a process that has none of them: so that nothing is lost that it
// says before the first of them is there.
void announce(const sagabus::Transport& transport);

}  // namespace orders
