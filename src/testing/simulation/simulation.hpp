// Workers on one store and one set of queues, in virtual time and on one thread, and everything
// that may go wrong: what happens follows from one seed, and happens again from it.
//
// The buses are real. The store is like DynamoDB's, the queues are like SQS's, both behind a
// network (network.hpp). Workers are killed between any two handlers, stand still for longer than
// their leases last, are deployed, and have clocks that are wrong and jump. After a while the
// faults end, and all must come to rest. What must hold is in witness.hpp.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sagabus/bus.hpp"
#include "testing/mortal_clock.hpp"
#include "testing/simulation/loop.hpp"
#include "testing/simulation/queue.hpp"
#include "testing/simulation/store.hpp"
#include "testing/simulation/witness.hpp"

namespace sagabus::testing::simulation {

// All drawn from the seed, unless a test wants it otherwise.
struct Climate {
  Weather weather{};
  double death = 0;  // of a worker, at each of its handlers
  double stall = 0;  // of a worker, at each of its handlers: it stands still for up to a minute
  double jump = 0;   // of a worker's clock, at each of its handlers
  std::chrono::minutes deploy_every{0};       // 0: never
  std::chrono::milliseconds clock_offset{0};  // of workers' clocks, at most, both ways
  bool fifo = false;                          // else messages come several times and in any order
  bool holds = false;  // workers keep in hand what they cannot commit, as with SQS
  // Instances expire so long after they have ended; zero: they stay.
  std::chrono::minutes ttl{0};
  unsigned workers = 1;
  unsigned shards = 1;
  std::chrono::minutes faults_for{30};
};
Climate draw_climate(RandomSource& random);

struct Settings {
  std::uint64_t seed = 0;
  std::optional<Climate> climate{};  // empty: drawn from the seed
  std::vector<SagaDefinition> sagas{};
  std::vector<Service> services{};                // the outside world, which nothing happens to
  std::function<void(BusOptions&)> configure{};   // of workers
  std::function<bool(const Envelope&)> copied{};  // which messages come several times, if any
  std::function<void(const Instance&, const std::string& id)> taken{};  // a message was taken in
  // Whether what acknowledges such a message must have taken it in.
  std::function<bool(const Envelope&)> never_ignored{};
};

struct Tally {
  std::uint64_t messages = 0;  // that were acknowledged
  std::uint64_t commits = 0;
  std::uint64_t handlers = 0;  // of coroutines, that ran
  std::uint64_t deaths = 0;
  std::uint64_t stalls = 0;
  std::uint64_t jumps = 0;
  std::uint64_t deploys = 0;
};

class Simulation {
 public:
  explicit Simulation(Settings settings);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  // By the world, at that time since the beginning; all is at rest after it only. Where a queue
  // keeps no order, perhaps once more, under the same id.
  template <Message M>
  void publish(const M& message, PublishOptions options, std::chrono::nanoseconds at = {}) {
    const auto act = [this, message, options] { say(publication(*world_.bus, message, options)); };
    planned_.emplace(at, act);
    if (!climate_.fifo && draw(2) == 0) planned_.emplace(at + draw_lateness(), act);
  }

  // An instance that another program has made, under an id of its own; of a saga that does not end.
  void plant(const std::string& saga_name, const std::string& correlation_id, Value state);

  // From that time since the beginning.
  void set_stock(const std::string& name, std::size_t size, std::chrono::nanoseconds at) {
    planned_.emplace(at, [this, name, size] { table_->stocks[name].size = size; });
  }
  Stock stock(const std::string& name) const;

  // Until the faults have ended and nothing is left to do; then the workers are stopped.
  void run();

  // What is not as it must be, whatever the sagas are.
  const std::vector<std::string>& problems() const noexcept { return witness_.problems(); }

  const Climate& climate() const noexcept { return climate_; }
  const Tally& tally() const noexcept { return tally_; }
  std::uint64_t second_lives() const noexcept { return witness_.second_lives(); }
  const Trace& trace() const noexcept { return network_->trace(); }
  const Network::Mishaps& mishaps() const noexcept { return network_->mishaps(); }
  const Queues& queues() const noexcept { return *queues_; }
  const Table& table() const noexcept { return *table_; }

 private:
  struct Party {
    Party() = default;
    Party(const Party&) = delete;
    Party& operator=(const Party&) = delete;
    ~Party();

    Loop loop;
    std::shared_ptr<MortalClock> clock;
    std::unique_ptr<Bus> bus;
    const Asked asked = std::make_shared<Cost>();
    std::chrono::nanoseconds stalled_until{0};
    bool ended = false;
    bool stopped = false;  // in an orderly way
  };
  std::uint64_t draw(std::uint64_t below) { return random_->next() % below; }
  bool happens(double probability) { return probability > 0 && uniform(*random_) < probability; }
  std::chrono::nanoseconds time() const { return clock_->monotonic(); }
  bool is_calm() const { return time() >= faults_until_; }

  memory::TransportOptions queue_options(const Ambient& ambient) const;
  WitnessOptions witness_options() const;
  void begin_world();
  void begin_worker();
  void await(boost::asio::awaitable<void> operation);
  void go_on();
  bool turn();
  bool let_run(Party& party, bool is_worker);
  std::chrono::milliseconds draw_offset();
  void befall(Party& worker);
  void replace();
  void deploy();
  void go_on_to_next();
  bool is_idle();
  void calm_down();
  template <Message M>
  static boost::asio::awaitable<void> publication(Bus& bus, M message, PublishOptions options) {
    co_await bus.publish(message, options);
  }
  void say(boost::asio::awaitable<void> publication);
  void act();
  void rest();
  void run_until(const std::function<bool()>& done);
  void check_ledger(const Party& worker);
  std::chrono::milliseconds draw_lateness() { return std::chrono::milliseconds(draw(240'000)); }
  std::vector<SendRequest> copies_of(const SendRequest& request);

  const Settings settings_;
  const std::shared_ptr<VirtualClock> clock_ = std::make_shared<VirtualClock>();
  const std::shared_ptr<RandomSource> random_;
  const Climate climate_;
  const std::chrono::nanoseconds faults_until_;
  Witness witness_;
  Party world_;
  std::shared_ptr<Network> network_;
  std::shared_ptr<Table> table_;
  std::shared_ptr<Queues> queues_;
  std::vector<std::unique_ptr<Party>> workers_;
  std::multiset<std::chrono::nanoseconds> births_;  // when the next workers begin
  std::chrono::nanoseconds next_deploy_{0};
  std::chrono::nanoseconds next_look_{0};  // whether all is idle
  bool calm_ = false;
  std::multimap<std::chrono::nanoseconds, std::function<void()>> planned_;
  Tally tally_;
};

}  // namespace sagabus::testing::simulation
