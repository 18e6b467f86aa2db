#include "testing/simulation/simulation.hpp"

#include <fmt/format.h>

#include <algorithm>
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

constexpr std::size_t kMostProblems = 50;
constexpr nanoseconds kLongest = 96h;  // of a whole simulation
constexpr nanoseconds kLookEvery = 5s;

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
  climate.weather.slow = often(0.01);
  climate.weather.typical = std::chrono::microseconds(50 + draw(20'000));
  climate.death = often(0.002);
  climate.stall = often(0.0005);
  climate.deploy_every = std::chrono::minutes(draw(2) * (1 + draw(10)));
  climate.clock_offset = std::chrono::minutes(draw(2) * draw(10));
  climate.fifo = draw(2) == 0;
  climate.workers = static_cast<unsigned>(1 + draw(4));
  climate.shards = static_cast<unsigned>(1 + draw(4));
  climate.faults_for = std::chrono::minutes(1 + draw(8));
  return climate;
}

Simulation::Simulation(Settings settings)
    : settings_(std::move(settings)),
      random_(seeded_random(settings_.seed)),
      climate_(draw_climate(*random_)),
      faults_until_(climate_.faults_for) {
  const Ambient ambient{.clock = clock_, .random = random_};
  network_ = std::make_shared<Network>(clock_, random_, world_.context.get_executor());
  table_ = std::make_shared<Table>(ambient, climate_.shards);
  queues_ = std::make_shared<Queues>();
  queues_->messages = memory::Transport(queue_options(ambient));
  if (!climate_.fifo && settings_.copied) {
    queues_->copies = [this](const SendRequest& request) { return copies_of(request); };
  }
  table_->committed = [this](const CommitRequest& request) { note_commit(request); };
  queues_->sent = [this](const SendRequest& request) { note_sent(request); };
  queues_->acknowledged = [this](const Delivery& it) { note_acknowledged(it); };
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
  options.executor = world_.context.get_executor();
  options.ambient = {.clock = world_.clock, .random = random_};
  world_.bus = std::make_unique<Bus>(std::move(options));
  await(world_.bus->start());
}

void Simulation::begin_worker() {
  Party& party = *workers_.emplace_back(std::make_unique<Party>());
  const auto most = static_cast<std::uint64_t>(climate_.clock_offset.count());
  const auto offset =
      milliseconds(static_cast<std::int64_t>(draw(2 * most + 1)) - static_cast<std::int64_t>(most));
  party.clock = std::make_shared<MortalClock>(clock_, is_calm() ? milliseconds::zero() : offset);
  BusOptions options;
  options.concurrency = 4;
  if (settings_.configure) settings_.configure(options);
  options.transport = over_network(queues_, network_);
  options.store = over_network(table_, network_);
  options.sagas = settings_.sagas;
  options.executor = party.context.get_executor();
  options.ambient = {.clock = party.clock, .random = random_};
  party.bus = std::make_unique<Bus>(std::move(options));
  asio::co_spawn(party.context, party.bus->start(), [&party](const std::exception_ptr& error) {
    if (error) party.ended = true;  // it is begun anew
  });
}

void Simulation::await(asio::awaitable<void> operation) {
  struct End {
    bool came = false;
    std::exception_ptr error;
  };
  const auto end = std::make_shared<End>();
  asio::co_spawn(world_.context, std::move(operation), [end](std::exception_ptr error) {
    end->came = true;
    end->error = std::move(error);
  });
  while (!end->came) {
    world_.context.restart();
    if (world_.context.poll_one() == 0 && !clock_->advance_to_next()) {
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
  party.context.restart();
  const std::uint64_t most = 1 + draw(8);
  for (std::uint64_t i = 0; i < most; ++i) {
    if (party.ended || party.context.poll_one() == 0) return i > 0;
    ++tally_.handlers;
    if (!is_worker || calm_) continue;
    if (happens(climate_.death)) {
      party.ended = true;
      ++tally_.deaths;
    } else if (happens(climate_.stall)) {
      party.stalled_until = time() + milliseconds(draw(60'000));
      ++tally_.stalls;
      return true;
    }
  }
  return true;
}

// Those who have ended are followed by others, a while later.
void Simulation::replace() {
  for (std::size_t i = workers_.size(); i-- > 0;) {
    if (!workers_[i]->ended) continue;
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
  asio::co_spawn(party.context, party.bus->stop(),
                 [&party](const std::exception_ptr&) { party.ended = true; });
}

void Simulation::go_on_to_next() {
  const auto sleepers = clock_->until_next();
  nanoseconds next = sleepers ? time() + *sleepers : nanoseconds::max();
  if (!births_.empty()) next = std::min(next, *births_.begin());
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
      if (sync_wait(examine_timer(table_->instances, row)).state != TimerState::stale) return false;
    }
  }
  return true;
}

void Simulation::run() {
  for (;;) {
    if (!calm_ && is_calm()) calm_down();
    replace();
    deploy();
    if (turn()) continue;
    if (is_idle()) return;
    if (time() > kLongest) return report("it goes on for ever");
    go_on_to_next();
  }
}

// What must hold at every moment.

void Simulation::note_commit(const CommitRequest& request) {
  ++tally_.commits;
  const Instance& next = *request.next;
  Life& life = lives_[next.saga_id];
  const std::string& birth = next.bookkeeping.birth;
  const bool begins = next.version == 1 && (life.version == 0 || life.completed);
  if (!begins && (next.version != life.version + 1 || birth != life.birth)) {
    report(fmt::format("{} {} has version {} after {}", next.saga_name, next.correlation_id,
                       next.version, life.version));
  }
  note_taken(life, next);
  life.version = next.version;
  life.birth = birth;
  life.timers = next.bookkeeping.timers;
  life.completed = next.completed;
}

// Ids leave the inbox at its front, and new ones are added at its end.
void Simulation::note_taken(Life& life, const Instance& next) {
  std::set<std::string> inbox;
  for (const InboxEntry& entry : next.bookkeeping.inbox) {
    const std::string& id = entry.message_id;
    if (!inbox.insert(id).second) report(id + " stands twice in an inbox");
    if (life.inbox.contains(id)) continue;
    if (!life.taken.insert(id).second) report(id + " was taken in twice");
    if (settings_.taken) settings_.taken(next, id);
    check_firing(life, next, id);
  }
  life.inbox = std::move(inbox);
}

// A timeout that was moved does not take effect when it was to come before.
void Simulation::check_firing(const Life& life, const Instance& next, const std::string& id) {
  const auto fired = fired_.find(id);
  if (fired == fired_.end()) return;
  const auto timer = std::ranges::find(life.timers, fired->second.token, &Timer::token);
  const bool came = std::ranges::find(next.bookkeeping.timers, fired->second.token,
                                      &Timer::token) == next.bookkeeping.timers.end();
  if (timer == life.timers.end() || !came || timer->due <= fired->second.due) return;
  report(fmt::format("{} {}: a timeout that was moved came at its old time", next.saga_name,
                     next.correlation_id));
}

void Simulation::note_sent(const SendRequest& request) {
  const Envelope& envelope = *request.envelope;
  if (request.endpoint.ends_with(".dlq")) buried_.insert(envelope.id);
  const auto due = envelope.headers.find(headers::kTimeoutDue);
  if (due == envelope.headers.end()) return;
  const TimePoint at{milliseconds(std::stoll(due->second))};
  Timer& fired = fired_[envelope.id];
  fired.token = envelope.headers.find(headers::kTimeoutToken)->second;
  fired.due = at;
  if (clock_->now() < at) {
    report(fmt::format("a timeout comes {} ms early", (at - clock_->now()).count()));
  }
}

void Simulation::note_acknowledged(const Delivery& delivery) {
  ++tally_.messages;
  if (!delivery.envelope || !settings_.never_ignored) return;
  const Envelope& envelope = *delivery.envelope;
  if (!settings_.never_ignored(envelope) || buried_.contains(envelope.id)) return;
  const bool taken = std::ranges::any_of(
      lives_, [&](const auto& life) { return life.second.taken.contains(envelope.id); });
  if (!taken) {
    report(fmt::format("{} {} was acknowledged, and nothing holds it", envelope.type, envelope.id));
  }
}

std::vector<SendRequest> Simulation::copies_of(const SendRequest& request) {
  std::vector<SendRequest> all(1, request);
  if (calm_ || !settings_.copied(*request.envelope)) return all;
  const TimePoint due = std::max(request.not_before, clock_->now());
  if (draw(2) == 0) all.front().not_before = due + milliseconds(draw(240'000));
  for (std::uint64_t i = 0, count = draw(3); i < count; ++i) {
    SendRequest& copy = all.emplace_back(request);
    copy.not_before = due + milliseconds(draw(240'000));
  }
  return all;
}

void Simulation::report(std::string problem) {
  if (problems_.size() < kMostProblems) problems_.push_back(std::move(problem));
}

}  // namespace sagabus::testing::simulation
