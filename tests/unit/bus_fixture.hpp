// Buses on one thread, in virtual time, over a store and a transport that can be made to fail.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "order_fixture.hpp"
#include "sagabus/bus.hpp"
#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/testing/virtual_clock.hpp"
#include "testing/decorators.hpp"

namespace fixture {

using namespace sagabus;               // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

// Nothing here waits for a wall clock.
class BusTest : public ::testing::Test {
 protected:
  ~BusTest() override {
    for (auto& bus : buses_) await(bus->stop());
  }

  BusOptions options(std::vector<SagaDefinition> sagas, std::vector<Service> services = {}) {
    BusOptions options;
    options.transport = Transport(
        std::make_shared<sagabus::testing::FaultyTransport>(transport_, transport_faults_));
    options.store =
        SagaStore(std::make_shared<sagabus::testing::FaultyStore>(store_, store_faults_));
    options.sagas = std::move(sagas);
    options.services = std::move(services);
    options.executor = io_.get_executor();
    options.ambient = ambient_;
    options.retry.jitter = false;
    return options;
  }

  Bus& start(BusOptions options) {
    Bus& bus = *buses_.emplace_back(std::make_unique<Bus>(std::move(options)));
    await(bus.start());
    return bus;
  }

  // Runs until nothing is left to do, going through all waits.
  void run() {
    int waits = 0;
    do {
      run_now();
      if (++waits > kMostWaits) return give_up();
    } while (clock_->advance_to_next());
  }
  // Runs what can run now.
  void run_now() {
    io_.restart();
    while (io_.poll() != 0) {
    }
  }

  template <class T>
  T await(boost::asio::awaitable<T> operation) {
    auto result = boost::asio::co_spawn(io_, std::move(operation), boost::asio::use_future);
    while (result.wait_for(0s) != std::future_status::ready) {
      io_.restart();
      if (io_.poll() == 0) clock_->advance_to_next();
    }
    return result.get();
  }

  std::optional<Instance> find(const std::string& correlation_id,
                               const std::string& saga = "Orders") {
    return await(store_.get_by_correlation_id(saga, correlation_id));
  }
  State state(const std::string& correlation_id) {
    return from_value<State>(find(correlation_id).value().state);
  }

  // Takes what is published and nobody else reads.
  Service tap(std::vector<std::string>& ids) {
    return service("tap").on<PaymentRequested>(
        [&ids](const PaymentRequested&, MessageContext& ctx) { ids.push_back(ctx.envelope().id); });
  }

  // Nothing runs any more when it returns, since what the test lends to handlers ends with the
  // test.
  void give_up() {
    ADD_FAILURE() << "it goes on for ever";
    for (auto& bus : buses_) await(bus->stop());
  }

  static constexpr int kMostWaits = 50'000;  // the longest run that ends needs fewer than 20,000

  boost::asio::io_context io_{1};
  std::shared_ptr<sagabus::testing::VirtualClock> clock_ =
      std::make_shared<sagabus::testing::VirtualClock>();
  Ambient ambient_{.clock = clock_, .random = seeded_random(1)};
  memory::Transport transport_{memory::TransportOptions{.ambient = ambient_}};
  memory::SagaStore store_{memory::StoreOptions{.ambient = ambient_}};
  std::shared_ptr<sagabus::testing::StoreFaults> store_faults_ =
      std::make_shared<sagabus::testing::StoreFaults>();
  std::shared_ptr<sagabus::testing::TransportFaults> transport_faults_ =
      std::make_shared<sagabus::testing::TransportFaults>();
  std::vector<std::unique_ptr<Bus>> buses_;
};

}  // namespace fixture
