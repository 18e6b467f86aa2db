// What a bus makes of a store, over every store: workers in virtual time, each with a transport of
// its own, so that a test says who takes what.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/bus.hpp"
#include "sagabus/conformance/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/saga.hpp"
#include "support/busy_store.hpp"
#include "testing/decorators.hpp"

namespace sagabus::test {

// An account: what comes in adds up, so that what was lost, done twice or done to another life
// shows in the sum.
struct Opened {
  std::string id;
  int amount = 0;
};
SAGABUS_MESSAGE(Opened, id, amount)

struct Added {
  std::string id;
  int amount = 0;
};
SAGABUS_MESSAGE(Added, id, amount)

struct Counted {
  std::string id;
  int amount = 0;
};
SAGABUS_MESSAGE(Counted, id, amount)

struct Ended {
  std::string id;
};
SAGABUS_MESSAGE(Ended, id)

// Says the sum, which depends on who came before: what was said too early, by a plan that was given
// up, would say another one.
struct Said {
  std::string id;
  int sum = 0;
};
SAGABUS_MESSAGE(Said, id, sum)

struct Account {
  int sum = 0;
  int steps = 0;
  friend bool operator==(const Account&, const Account&) = default;
};
SAGABUS_DESCRIBE(Account, sum, steps)

class BusOnStore : public ::testing::TestWithParam<sagabus::testing::StoreFactory> {
 protected:
  struct Worker {
    memory::Transport transport{};
    std::shared_ptr<sagabus::testing::StoreFaults> store_faults =
        std::make_shared<sagabus::testing::StoreFaults>();
    std::shared_ptr<sagabus::testing::TransportFaults> transport_faults =
        std::make_shared<sagabus::testing::TransportFaults>();
    std::unique_ptr<Bus> bus{};
  };

  explicit BusOnStore(std::optional<double> ttl_days = 1.0);  // of completed instances
  ~BusOnStore() override;

  auto account() const {
    return saga<Account>(name_)
        .correlate<Opened>(&Opened::id, can_start)
        .correlate<Added>(&Added::id)
        .correlate<Counted>(&Counted::id)
        .correlate<Ended>(&Ended::id)
        .initial([] { return Account{}; })
        .on<Opened>()
        .handle([](const Opened& m, Account& s, SagaContext& ctx) {
          add(m.amount, s);
          ctx.publish(Said{m.id, s.sum});
        })
        .on<Added>()
        .handle([](const Added& m, Account& s) { add(m.amount, s); })
        .on<Counted>()
        .handle([](const Counted& m, Account& s, SagaContext& ctx) {
          add(m.amount, s);
          ctx.publish(Said{m.id, s.sum});
        })
        .on<Ended>()
        .handle([](const Ended&, Account& s, SagaContext& ctx) {
          ++s.steps;
          ctx.complete();
        });
  }

  // A worker with a transport of its own, or on the one that is given.
  Worker& worker(const SagaDefinition& saga,
                 std::chrono::milliseconds visibility_timeout = std::chrono::seconds(30));
  Worker& worker(const SagaDefinition& saga, memory::Transport transport);

  // Puts the message on the worker's transport. One id is one message, sent once, whoever gets it
  // and how late.
  template <class M>
  void put(Worker& to, const M& message, const std::string& id) {
    const auto [sent, is_new] = messages_.try_emplace(id);
    if (is_new) {
      sent->second.id = id;
      sent->second.type = message_name<M>();
      sent->second.payload = to_value(message);
      sent->second.timestamp = clock_->now();
    }
    await(to.bus->publish(sent->second));
  }
  // And has it dealt with, as far as that takes no time.
  template <class M>
  void give(Worker& to, const M& message, const std::string& id) {
    put(to, message, id);
    run_now();
  }

  void run_now();  // what can be done now
  void run();      // until nothing is left to do, going through all waits
  void pass(std::chrono::nanoseconds time);
  void await(boost::asio::awaitable<void> operation);

  std::optional<Instance> find(const std::string& id = "o") const;
  Account state(const std::string& id = "o") const;
  void erase(const std::string& id = "o") const;
  // The error types of the letters there, in the order of their burial.
  std::vector<std::string> letters(const Worker& of) const;
  // Sends the letters there back, as an operator does.
  void send_back(
      Worker& to, const std::function<void(Envelope&)>& change = [](Envelope&) {});
  // Whether all that the worker was given is dealt with.
  bool is_done(const Worker& worker) const { return worker.transport.pending(name_) == 0; }

  // What was said, by message id: receivers drop a repeat, but not another text under the same id.
  std::map<std::string, int> said_;
  std::vector<int> sums() const;  // of all that was said, in rising order

  boost::asio::io_context io_{1};
  std::shared_ptr<sagabus::testing::VirtualClock> clock_;
  Ambient
      ambient_;  // truly random: no worker bears the name of one that left a watermark in the table
  const std::string name_;  // of the saga: nobody else's
  SagaStore store_;
  unsigned max_coalesced_steps_ = 1;  // of workers that are made from now on
  bool fire_timers_ = false;          // likewise: with it, run() would not end

 private:
  static void add(int amount, Account& state) {
    state.sum += amount;
    ++state.steps;
  }
  void stop();
  void wait_for_store();
  Service ear();

  std::map<std::string, Envelope> messages_;
  std::shared_ptr<int> waiting_ = std::make_shared<int>(0);
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace sagabus::test

// Names the tests BusOnStore.*, with `name`, an identifier, before them.
#define SAGABUS_BUS_ON_STORE(name, factory) \
  using ::sagabus::test::BusOnStore;        \
  INSTANTIATE_TEST_SUITE_P(name, BusOnStore, ::testing::Values(factory))
