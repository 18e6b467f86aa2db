// How many messages a second the simulation takes through a bus on one thread, where nothing goes
// wrong.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

#include "sagabus/saga.hpp"
#include "sagabus/service.hpp"
#include "testing/simulation/simulation.hpp"

namespace sagabus::testing::simulation {
namespace {

constexpr int kAccounts = 2000;
constexpr int kDeposits = 10;

struct Deposit {
  std::string account;
  int amount = 0;
};
SAGABUS_MESSAGE(Deposit, account, amount)

struct Receipt {
  std::string account;
  int balance = 0;
};
SAGABUS_MESSAGE(Receipt, account, balance)

struct Account {
  int balance = 0;
};
SAGABUS_DESCRIBE(Account, balance)

SagaDefinition account() {
  return saga<Account>("Account")
      .correlate<Deposit>(&Deposit::account, can_start)
      .initial([](const Deposit&) { return Account{}; })
      .on<Deposit>()
      .handle([](const Deposit& m, Account& s, SagaContext& ctx) {
        s.balance += m.amount;
        ctx.publish(Receipt{m.account, s.balance});
      })
      .build();
}

Settings settings(unsigned steps_a_write) {
  Climate calm;
  calm.faults_for = std::chrono::minutes(0);
  calm.fifo = true;
  Settings settings;
  settings.climate = calm;
  settings.sagas = {account()};
  settings.services = {Service("world").on<Receipt>([](const Receipt&, MessageContext&) {})};
  settings.configure = [steps_a_write](BusOptions& options) {
    options.concurrency = 64;
    options.max_coalesced_steps = steps_a_write;
  };
  return settings;
}

// Items: the messages that the saga handles. What the service hears comes on top of them.
void messages(benchmark::State& state) {
  std::uint64_t handled = 0;
  std::uint64_t requests = 0;
  for (auto _ : state) {
    Simulation simulation(settings(static_cast<unsigned>(state.range(0))));
    for (int i = 0; i < kAccounts * kDeposits; ++i) {
      const std::string name = fmt::format("account-{}", i / kDeposits);
      simulation.publish(Deposit{name, 1}, {.id = fmt::format("deposit-{}", i)});
    }
    simulation.run();
    if (!simulation.problems().empty()) state.SkipWithError(simulation.problems().front().c_str());
    handled += simulation.tally().messages;
    requests += simulation.trace().events();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(handled));
  state.counters["requests_a_message"] =
      static_cast<double>(requests) / static_cast<double>(handled);
}
BENCHMARK(messages)->ArgName("steps_a_write")->Arg(1)->Arg(10)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sagabus::testing::simulation
