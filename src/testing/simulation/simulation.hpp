// Workers on one store and one set of queues, in virtual time and on one thread, and everything
// that may go wrong: what happens follows from one seed, and happens again from it.
//
// The buses are real. The store is like DynamoDB's, the queues are like SQS's, both behind a
// network (network.hpp). Workers are killed between any two handlers, stand still for longer than
// their leases last, are deployed, and have clocks that are wrong. After a while the faults end,
// and all must come to rest.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "sagabus/bus.hpp"
#include "testing/mortal_clock.hpp"
#include "testing/simulation/queue.hpp"
#include "testing/simulation/store.hpp"

namespace sagabus::testing::simulation {

// All drawn from the seed, unless a test wants it otherwise.
struct Climate {
  Weather weather{};
  double death = 0;  // of a worker, at each of its handlers
  double stall = 0;  // of a worker, at each of its handlers: it stands still for up to a minute
  std::chrono::minutes deploy_every{0};       // 0: never
  std::chrono::milliseconds clock_offset{0};  // of workers' clocks, at most, both ways
  bool fifo = false;                          // else messages come several times and in any order
  unsigned workers = 1;
  unsigned shards = 1;
  std::chrono::minutes faults_for{30};
};
Climate draw_climate(RandomSource& random);

struct Settings {
  std::uint64_t seed = 0;
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
  std::uint64_t deploys = 0;
};

class Simulation {
 public:
  explicit Simulation(Settings settings);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;
  ~Simulation();

  template <Message M>
  void publish(const M& message, PublishOptions options) {
    await(world_.bus->publish(message, std::move(options)));
  }

  // Until the faults have ended and nothing is left to do.
  void run();

  // What is not as it must be, whatever the sagas are: gaps in versions, second instances, messages
  // taken twice or acknowledged and not taken, timeouts that come early, what is left over.
  const std::vector<std::string>& problems() const noexcept { return problems_; }

  const Climate& climate() const noexcept { return climate_; }
  const Tally& tally() const noexcept { return tally_; }
  const Trace& trace() const noexcept { return network_->trace(); }
  const Network::Mishaps& mishaps() const noexcept { return network_->mishaps(); }
  const memory::Transport& queues() const noexcept { return queues_->messages; }
  const Table& table() const noexcept { return *table_; }

 private:
  struct Party {
    Party() = default;
    Party(const Party&) = delete;
    Party& operator=(const Party&) = delete;
    ~Party();

    boost::asio::io_context context{1};
    std::shared_ptr<MortalClock> clock;
    std::unique_ptr<Bus> bus;
    std::chrono::nanoseconds stalled_until{0};
    bool ended = false;
  };
  struct Life {  // of an instance, as it was written last
    std::uint64_t version = 0;
    std::string birth;
    bool completed = false;
    std::vector<Timer> timers;
    std::set<std::string> inbox;
    std::set<std::string> taken;  // ever
  };

  std::uint64_t draw(std::uint64_t below) { return random_->next() % below; }
  bool happens(double probability) { return probability > 0 && uniform(*random_) < probability; }
  std::chrono::nanoseconds time() const { return clock_->monotonic(); }
  bool is_calm() const { return time() >= faults_until_; }

  memory::TransportOptions queue_options(const Ambient& ambient) const;
  void begin_world();
  void begin_worker();
  void await(boost::asio::awaitable<void> operation);
  bool turn();
  bool let_run(Party& party, bool is_worker);
  void replace();
  void deploy();
  void go_on_to_next();
  bool is_idle();
  void calm_down();
  void note_commit(const CommitRequest& request);
  void note_taken(Life& life, const Instance& next);
  void check_firing(const Life& life, const Instance& next, const std::string& id);
  void note_sent(const SendRequest& request);
  void note_acknowledged(const Delivery& delivery);
  std::vector<SendRequest> copies_of(const SendRequest& request);
  void report(std::string problem);

  const Settings settings_;
  const std::shared_ptr<VirtualClock> clock_ = std::make_shared<VirtualClock>();
  const std::shared_ptr<RandomSource> random_;
  const Climate climate_;
  const std::chrono::nanoseconds faults_until_;
  Party world_;
  std::shared_ptr<Network> network_;
  std::shared_ptr<Table> table_;
  std::shared_ptr<Queues> queues_;
  std::vector<std::unique_ptr<Party>> workers_;
  std::multiset<std::chrono::nanoseconds> births_;  // when the next workers begin
  std::chrono::nanoseconds next_deploy_{0};
  std::chrono::nanoseconds next_look_{0};  // whether all is idle
  bool calm_ = false;
  std::map<std::string, Life> lives_;   // by saga id
  std::set<std::string> buried_;        // ids
  std::map<std::string, Timer> fired_;  // by the id of the message that brings it
  Tally tally_;
  std::vector<std::string> problems_;
};

}  // namespace sagabus::testing::simulation
