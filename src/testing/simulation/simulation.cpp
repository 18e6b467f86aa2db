#include "testing/simulation/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <stdexcept>

#include "saga_messages.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/timer_tools.hpp"

namespace sagabus::testing::simulation {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)

namespace {

constexpr nanoseconds kLongest = 96h;  // of a whole simulation
constexpr nanoseconds kLookEvery = 5s;

// Nothing that a worker has asked for, and no copy of a message, comes later than that.
constexpr std::chrono::minutes kLatest(15);

// By so much a clock may be wrong where instances expire. The services refuse requests of others.
constexpr std::chrono::milliseconds kMostWrong = 5min;

}  // namespace

// As a process that is killed: nothing of it runs any more, and then it is taken apart.
Simulation::Party::~Party() {
  if (clock) clock->die();
  bus.reset();
}

Climate draw_climate(RandomSource& random) {
  const auto draw = [&](std::uint64_t below) { return random.next() % below; };
  const auto often = [&](double most) { return draw(3) == 0 ? 0 : uniform(random) * most; };
  Climate climate;
  climate.weather.lost_request = often(0.05);
  climate.weather.lost_answer = often(0.05);
  climate.weather.straggler = often(0.01);
  climate.weather.throttled = often(0.1);
  climate.weather.cut_batch = often(0.1);
  climate.weather.slow = often(0.01);
  climate.weather.typical = std::chrono::microseconds(50 + draw(20'000));
  climate.death = often(0.002);
  climate.stall = often(0.0005);
  climate.jump = often(0.0005);
  climate.deploy_every = std::chrono::minutes(draw(2) * (1 + draw(10)));
  climate.clock_offset = std::chrono::minutes(draw(2) * draw(10));
  climate.fifo = draw(2) == 0;
  climate.holds = draw(2) == 0;
  climate.workers = static_cast<unsigned>(1 + draw(4));
  climate.shards = static_cast<unsigned>(1 + draw(4));
  climate.faults_for = std::chrono::minutes(1 + draw(8));
  if (draw(8) == 0) {
    climate.ttl = 2 * kLatest;
    climate.clock_offset = std::min(climate.clock_offset, kMostWrong);
    climate.faults_for += 2 * climate.ttl;
  }
  return climate;
}

Simulation::Simulation(Settings settings)
    : settings_(std::move(settings)),
      random_(seeded_random(settings_.seed)),
      climate_(settings_.climate ? *settings_.climate : draw_climate(*random_)),
      faults_until_(climate_.faults_for),
      witness_(witness_options()) {
  const Ambient ambient{.clock = clock_, .random = random_};
  network_ = std::make_shared<Network>(clock_, random_, world_.loop.get_executor());
  table_ = std::make_shared<Table>(ambient, climate_.shards, climate_.ttl);
  queues_ = std::make_shared<Queues>();
  queues_->messages = memory::Transport(queue_options(ambient));
  if (!climate_.fifo && settings_.copied) {
    queues_->copies = [this](const SendRequest& request) { return copies_of(request); };
  }
  queues_->in_order = climate_.fifo;
  table_->committed = [this](const CommitRequest& request) {
    ++tally_.commits;
    witness_.committed(request);
  };
  queues_->sent = [this](const SendRequest& request) { witness_.sent(request); };
  queues_->acknowledged = [this](const Delivery& delivery) {
    ++tally_.messages;
    witness_.acknowledged(delivery);
  };
  begin_world();
  // Before the first message, whoever begins first.
  for (const SagaDefinition& saga : settings_.sagas) {
    Subscription subscription{saga.name(), saga.message_types(),
                              sagabus::detail::order_by_correlation_id(saga.data())};
    sync_wait(queues_->messages.backend()->subscribe(std::move(subscription)));
  }
  network_->set_weather(climate_.weather);
  for (unsigned i = 0; i < climate_.workers; ++i) begin_worker();
  next_deploy_ = climate_.deploy_every;
}

// A standard queue takes nothing for a repeat.
memory::TransportOptions Simulation::queue_options(const Ambient& ambient) const {
  memory::TransportOptions options{.ordered_by_key = climate_.fifo, .ambient = ambient};
  if (!climate_.fifo) options.deduplication_window = milliseconds::zero();
  return options;
}

WitnessOptions Simulation::witness_options() const {
  WitnessOptions options;
  options.clock = clock_;
  if (climate_.ttl > 0min) options.ttl = climate_.ttl - climate_.clock_offset;
  options.taken = settings_.taken;
  options.never_ignored = settings_.never_ignored;
  return options;
}

Simulation::~Simulation() {
  workers_.clear();
  try {
    await(world_.bus->stop());
  } catch (...) {  // NOLINT(bugprone-empty-catch): it is taken apart all the same
  }
}

void Simulation::begin_world() {
  world_.clock = std::make_shared<MortalClock>(clock_, milliseconds::zero());
  BusOptions options;
  options.transport = queues_->messages;
  options.services = settings_.services;
  options.executor = world_.loop.get_executor();
  options.ambient = {.clock = world_.clock, .random = random_};
  world_.bus = std::make_unique<Bus>(std::move(options));
  await(world_.bus->start());
}

milliseconds Simulation::draw_offset() {
  const auto most = static_cast<std::uint64_t>(climate_.clock_offset.count());
  return milliseconds(static_cast<std::int64_t>(draw(2 * most + 1)) -
                      static_cast<std::int64_t>(most));
}

void Simulation::begin_worker() {
  Party& party = *workers_.emplace_back(std::make_unique<Party>());
  const milliseconds offset = draw_offset();
  party.clock = std::make_shared<MortalClock>(clock_, is_calm() ? milliseconds::zero() : offset);
  BusOptions options;
  options.concurrency = 4;
  if (settings_.configure) settings_.configure(options);
  options.transport = over_network(queues_, network_, climate_.holds);
  options.store = over_network(table_, network_, party.clock, party.asked);
  options.sagas = settings_.sagas;
  options.executor = party.loop.get_executor();
  options.ambient = {.clock = party.clock, .random = random_};
  party.bus = std::make_unique<Bus>(std::move(options));
  asio::co_spawn(party.loop.get_executor(), party.bus->start(),
                 [&party](const std::exception_ptr& error) {
                   if (error) party.ended = true;  // it is begun anew
                 });
}

void Simulation::await(asio::awaitable<void> operation) {
  struct End {
    bool came = false;
    std::exception_ptr error;
  };
  const auto end = std::make_shared<End>();
  asio::co_spawn(world_.loop.get_executor(), std::move(operation), [end](std::exception_ptr error) {
    end->came = true;
    end->error = std::move(error);
  });
  while (!end->came) {
    if (!world_.loop.run_one() && !clock_->advance_to_next()) {
      throw std::runtime_error("the world waits for ever");
    }
  }
  if (end->error) std::rethrow_exception(end->error);
}

// One after the other, as the seed has it. False where nobody had anything to do.
bool Simulation::turn() {
  bool any = let_run(world_, false);
  const std::size_t first = workers_.empty() ? 0 : draw(workers_.size());
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (let_run(*workers_[(first + i) % workers_.size()], true)) any = true;
  }
  return any;
}

bool Simulation::let_run(Party& party, bool is_worker) {
  if (party.stalled_until > time()) return false;
  const std::uint64_t most = 1 + draw(8);
  for (std::uint64_t i = 0; i < most; ++i) {
    if (party.ended || !party.loop.run_one()) return i > 0;
    ++tally_.handlers;
    if (!is_worker || calm_) continue;
    befall(party);
    if (party.stalled_until > time()) return true;
  }
  return true;
}

void Simulation::befall(Party& worker) {
  if (happens(climate_.death)) {
    worker.ended = true;
    ++tally_.deaths;
  } else if (happens(climate_.stall)) {
    worker.stalled_until = time() + milliseconds(draw(60'000));
    ++tally_.stalls;
  } else if (happens(climate_.jump)) {
    worker.clock->jump(draw_offset());
    ++tally_.jumps;
  }
}

// Those who have ended are followed by others, a while later.
void Simulation::replace() {
  for (std::size_t i = workers_.size(); i-- > 0;) {
    if (!workers_[i]->ended) continue;
    if (workers_[i]->stopped) check_ledger(*workers_[i]);
    workers_.erase(workers_.begin() + static_cast<std::ptrdiff_t>(i));
    births_.insert(time() + (calm_ ? nanoseconds::zero() : milliseconds(draw(30'000))));
  }
  while (!births_.empty() && *births_.begin() <= time()) {
    births_.erase(births_.begin());
    begin_worker();
  }
}

void Simulation::deploy() {
  if (calm_ || climate_.deploy_every == 0min || time() < next_deploy_ || workers_.empty()) return;
  next_deploy_ = time() + climate_.deploy_every;
  Party& party = *workers_[draw(workers_.size())];
  if (party.ended || !party.bus->is_running()) return;
  ++tally_.deploys;
  asio::co_spawn(party.loop.get_executor(), party.bus->stop(),
                 [&party](const std::exception_ptr&) { party.ended = party.stopped = true; });
}

void Simulation::go_on_to_next() {
  const auto sleepers = clock_->until_next();
  nanoseconds next = sleepers ? time() + *sleepers : nanoseconds::max();
  if (!births_.empty()) next = std::min(next, *births_.begin());
  if (!planned_.empty()) next = std::min(next, planned_.begin()->first);
  for (const auto& worker : workers_) {
    if (worker->stalled_until > time()) next = std::min(next, worker->stalled_until);
  }
  next = std::min(next, calm_ ? time() + kLookEvery : faults_until_);
  clock_->advance(std::max(next - time(), nanoseconds::zero()));
}

void Simulation::calm_down() {
  calm_ = true;
  network_->set_weather(Weather{});
  for (const auto& worker : workers_) {
    worker->stalled_until = nanoseconds::zero();
    worker->clock->jump(milliseconds::zero());
  }
}

bool Simulation::is_idle() {
  if (!calm_ || time() < next_look_ || network_->stragglers() > 0) return false;
  if (!planned_.empty()) return false;
  next_look_ = time() + kLookEvery;
  for (const SagaDefinition& saga : settings_.sagas) {
    if (queues_->messages.pending(saga.name()) > 0) return false;
  }
  for (const Service& service : settings_.services) {
    if (queues_->messages.pending(service.endpoint()) > 0) return false;
  }
  for (const auto& timers : table_->timers) {
    std::string from_the_start;
    const TimerPage page = sync_wait(timers->list(1000, std::move(from_the_start)));
    for (const TimerRow& row : page.rows) {
      if (sync_wait(examine_timer(table_->instances(), row)).state != TimerState::stale)
        return false;
    }
  }
  return true;
}

void Simulation::plant(const std::string& saga_name, const std::string& correlation_id,
                       Value state) {
  Instance instance;
  instance.saga_name = saga_name;
  instance.saga_id = "planted-" + correlation_id;
  instance.correlation_id = correlation_id;
  instance.version = 1;
  instance.state = std::move(state);
  instance.created_at = instance.updated_at = clock_->now();
  witness_.planted(instance);
  sync_wait(table_->plant(std::move(instance)));
}

Stock Simulation::stock(const std::string& name) const {
  const auto found = table_->stocks.find(name);
  return found == table_->stocks.end() ? Stock{} : found->second;
}

void Simulation::say(asio::awaitable<void> publication) {
  asio::co_spawn(world_.loop.get_executor(), std::move(publication),
                 [](const std::exception_ptr& error) {
                   if (error) std::rethrow_exception(error);
                 });
}

void Simulation::act() {
  while (!planned_.empty() && planned_.begin()->first <= time()) {
    planned_.extract(planned_.begin()).mapped()();
  }
}

// Within a handler, since there Asio uses memory again that it has used before.
void Simulation::run() {
  asio::io_context around(1);
  asio::post(around, [this] { go_on(); });
  around.run();
}

void Simulation::go_on() {
  for (;;) {
    if (!calm_ && is_calm()) calm_down();
    replace();
    deploy();
    act();
    if (turn()) continue;
    if (is_idle()) return rest();
    if (time() > kLongest) return witness_.report("it goes on for ever");
    go_on_to_next();
  }
}

// What only workers and their requests hold goes with them.
void Simulation::rest() {
  witness_.at_rest();
  for (const auto& worker : workers_) {
    asio::co_spawn(worker->loop.get_executor(), worker->bus->stop(),
                   [&worker = *worker](const std::exception_ptr&) { worker.ended = true; });
  }
  run_until([this] {
    return std::ranges::all_of(workers_, [](const auto& worker) { return worker->ended; });
  });
  for (const auto& worker : workers_) {
    check_ledger(*worker);
    worker->bus.reset();
    worker->ended = false;  // what is left of it may run to its end
  }
  run_until([this] { return network_->stragglers() == 0 && table_.use_count() == 1; });
  workers_.clear();
}

void Simulation::run_until(const std::function<bool()>& done) {
  const nanoseconds latest = time() + 1h;
  while (!done()) {
    if (turn()) continue;
    if (time() > latest || !clock_->advance_to_next()) {
      return witness_.report("a worker does not stop, or something of it holds the table for ever");
    }
  }
}

// What a table counts for an answer that was lost, nobody can know: here it counts what it answers.
void Simulation::check_ledger(const Party& worker) {
  Cost said;
  for (const LedgerLine& line : worker.bus->ledger()) said += line.cost;
  const auto text = [](const Cost& cost) {
    return fmt::format("{} requests, {} refusals, {} read and {} write units", cost.requests,
                       cost.failed_conditions, cost.read_units, cost.write_units);
  };
  if (text(said) != text(*worker.asked)) {
    witness_.report(fmt::format("a ledger has {}; it was {}", text(said), text(*worker.asked)));
  }
}

std::vector<SendRequest> Simulation::copies_of(const SendRequest& request) {
  std::vector<SendRequest> all(1, request);
  if (calm_ || !settings_.copied(*request.envelope)) return all;
  const TimePoint due = std::max(request.not_before, clock_->now());
  if (draw(2) == 0) all.front().not_before = due + draw_lateness();
  for (std::uint64_t i = 0, count = draw(3); i < count; ++i) {
    SendRequest& copy = all.emplace_back(request);
    copy.not_before = due + draw_lateness();
  }
  return all;
}

}  // namespace sagabus::testing::simulation
