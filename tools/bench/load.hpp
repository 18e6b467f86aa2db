// Runs orders through a bus on the in-memory transport and a store, and measures.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "sagabus/ambient.hpp"
#include "sagabus/ledger.hpp"
#include "sagabus/store.hpp"

namespace sagabus::tools {

struct LoadOptions {
  SagaStore store;
  std::string saga_name;      // not in the store yet
  unsigned sagas = 1;         // orders, each of four messages
  unsigned concurrency = 64;  // orders under way at once, and steps that the bus runs at once
  Ambient ambient;
  std::function<void()> on_started{};  // called when the bus has started, before the first order
};

struct LoadResult {
  std::chrono::nanoseconds elapsed{0};  // from the first start to the last end
  std::chrono::microseconds cpu{0};     // of the whole process in that time, system time included
  std::uint64_t messages = 0;           // handled by the saga and acknowledged
  std::uint64_t errors = 0;             // deliveries that had to be tried again, and dead letters
  // Of an order, from before its start is published until its last message is acknowledged, so the
  // last state is in the store.
  std::chrono::nanoseconds p50{0};
  std::chrono::nanoseconds p99{0};
  Ledger ledger{};  // the saga's
};

// A closed loop: as an order ends, another one starts. An order ends with its last message, or with
// a dead letter. The bus runs where the coroutine does. Throws what the store reports when the bus
// starts. When cancelled, stops the bus and throws operation_aborted.
boost::asio::awaitable<LoadResult> run_load(LoadOptions options,
                                            boost::asio::any_io_executor executor);

}  // namespace sagabus::tools
