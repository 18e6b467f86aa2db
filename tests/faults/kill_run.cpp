#include "faults/kill_run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "faults/audit.hpp"
#include "faults/cast.hpp"
#include "sagabus/sync_wait.hpp"
#include "support/decorators.hpp"

namespace sagabus::faults {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 2;  // so that they race, and take over from one another
constexpr unsigned kOrdersInFlight = 32;
// A worker dies the first to twelfth time that it comes to its point; one in four lives longer, and
// relies more on what it remembers.
constexpr unsigned kMostPassings = 12;
constexpr unsigned kMostPassingsOfOld = 100;
constexpr unsigned kLongestMoment = 40;  // ms
constexpr auto kLongestSilence = 30s;    // longer than any wait of the bus or the transport

sqlite::EmbeddedOptions embedded_options(const std::string& path) {
  sqlite::EmbeddedOptions options;
  options.path = path;
  // Our plain handlers must not be the ones who take a message twice.
  options.visibility_timeout = 1h;
  options.busy_timeout = 60s;
  return options;
}

}  // namespace

KillRun::KillRun(KillSettings settings)
    : settings_(std::move(settings)),
      random_(settings_.seed),
      deadline_(Clock::now() + 60s + settings_.kills * 1s),
      here_(sqlite::embedded(embedded_options(database_))),
      bus_(bus_options()) {
  for (const SagaDefinition& saga : cast()) {  // before the first message, whoever starts first
    Subscription subscription{saga.name(), saga.message_types()};
    sync_wait(here_.transport.backend()->subscribe(std::move(subscription)));
  }
  queues_.emplace(database_);
}

// Only the plain handlers, and the timers that dead workers have left.
BusOptions KillRun::bus_options() {
  const auto faults = std::make_shared<testing::TransportFaults>();
  faults->after_acknowledge = [this] {
    const char any = '.';
    [[maybe_unused]] const ssize_t ignored = ::write(own_events_.writer(), &any, 1);
  };
  BusOptions options;
  options.transport =
      Transport(std::make_shared<testing::FaultyTransport>(here_.transport, faults));
  options.store = store();
  options.services = {books_.service()};
  options.threads = 1;
  return options;
}

void KillRun::run() {
  sync_wait(bus_.start());
  for (unsigned i = 0; i < kOrdersInFlight; ++i) {
    sync_wait(bus_.publish(OrderPlaced{books_.next_order()}));
  }
  while (kills_.total() < settings_.kills) turn();
  books_.stop_ordering();
  while (!is_quiet()) turn();
}

SagaStore KillRun::store() const {
  return settings_.store.backend() ? settings_.store : here_.store;
}

// A step acknowledges its message last, and a row goes when its message is there. So where neither
// is left, nothing can come any more.
bool KillRun::is_quiet() {
  return no_messages() && no_timers() && no_messages() && no_timers();
}

// Those that never come are due much later.
bool KillRun::no_timers() const {
  TimerBackend& timers = *store().backend()->timers();
  for (unsigned shard = 0; shard < timers.shards(); ++shard) {
    if (!sync_wait(timers.due(shard, timers.now() + 60s, 1)).empty()) return false;
  }
  return true;
}

bool KillRun::no_messages() {
  return queues_->run("SELECT count(*) FROM messages WHERE endpoint NOT LIKE '%.dlq'") == "0\n";
}

void KillRun::turn() {
  while (lives_.size() < kWorkers) begin_life();
  std::vector<pollfd> events{{own_events_.reader(), POLLIN, 0}};
  for (const auto& life : lives_) events.push_back({life->events(), POLLIN, 0});
  ::poll(events.data(), events.size(), static_cast<int>(patience().count()));
  const Clock::time_point now = Clock::now();
  if (now >= deadline_) throw std::runtime_error("the time is up");
  if (now >= last_event_ + kLongestSilence) throw std::runtime_error("nothing happens any more");
  if (events.front().revents != 0) own_events_.drain(), last_event_ = now;
  for (std::size_t i = lives_.size(); i-- > 0;) {
    Life& life = *lives_[i];
    life.kill_if_due(now);
    if (events[i + 1].revents == 0) continue;
    last_event_ = now;
    if (life.hear()) continue;
    const std::unique_ptr<Life> ended = std::move(lives_[i]);
    lives_.erase(lives_.begin() + static_cast<std::ptrdiff_t>(i));
    end_life(*ended);
  }
}

// Until the next kill is due, or our patience ends; and not for long, since nothing tells that a
// row has gone.
std::chrono::milliseconds KillRun::patience() const {
  Clock::time_point until = std::min(deadline_, last_event_ + kLongestSilence);
  until = std::min(until, Clock::now() + 200ms);
  for (const auto& life : lives_) {
    if (life->kill_at()) until = std::min(until, *life->kill_at());
  }
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), 0ms);
}

void KillRun::begin_life() {
  Plan plan = settings_.plan;
  plan.database = database_;
  plan.journal = directory_.file(fmt::format("journal-{}", lives_begun_));
  std::optional<Life::Moment> moment;
  if (kills_.total() < settings_.kills) {  // those who carry out the rest live on
    plan.point = rarest();
    plan.passing = draw(1, draw(0, 3) == 0 ? kMostPassingsOfOld : kMostPassings);
    // With one attempt the bus itself has to deal with lost answers.
    if (plan.lose_every != 0 && draw(0, 1) == 0) plan.max_attempts = 1;
    if (plan.point == Point::nowhere) {
      moment = Life::Moment{.after = std::chrono::milliseconds(draw(0, kLongestMoment)),
                            .from_start = draw(0, 3) == 0};
    }
  }
  ++lives_begun_;
  lives_.push_back(std::make_unique<Life>(std::move(plan), moment));
}

// Where the fewest have been killed, those included who will be.
Point KillRun::rarest() const {
  auto kills = kills_.at();
  for (const auto& life : lives_) ++kills.at(static_cast<std::size_t>(life->plan().point));
  const auto kills_at = [&](Point point) { return kills.at(static_cast<std::size_t>(point)); };
  return std::ranges::min(points_of(settings_.plan), {}, kills_at);
}

void KillRun::end_life(Life& life) {
  const int status = life.wait();
  const std::vector<Line> lines = read_journal(life.plan().journal);
  history_.add(lines);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
    kills_.add(life.plan(), lines);
    return;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == kTryAgain) return;
  throw std::runtime_error(fmt::format("a worker ended by itself, with the status {}", status));
}

unsigned KillRun::draw(unsigned least, unsigned most) {
  return std::uniform_int_distribution<unsigned>(least, most)(random_);
}

void KillRun::end_workers() {
  for (const auto& life : lives_) {
    life->kill();
    history_.add(read_journal(life->plan().journal));
  }
  lives_.clear();
}

std::vector<std::string> KillRun::problems() {
  end_workers();
  sync_wait(bus_.stop());
  std::vector<std::string> problems = books_.problems();
  const auto add = [&](const std::vector<std::string>& more) {
    problems.insert(problems.end(), more.begin(), more.end());
  };
  const auto instances = read_instances(settings_.store.backend() ? settings_.store : here_.store);
  add(audit(instances, books_.orders()));
  add(history_.problems(instances));
  for (const Instance& it : instances) {  // such a write has a version, and takes in no message
    settled_by_repeats_ += it.version - it.bookkeeping.inbox.size();
  }
  const std::string left = queues_->run(
      "SELECT 'left over in ' || endpoint, count(*), max(body) FROM messages GROUP BY endpoint");
  if (!left.empty()) problems.push_back(left);
  return problems;
}

std::string KillRun::summary() const {
  return kills_.text() + fmt::format("{} orders, {} commits, {} races lost, {} settled by a repeat",
                                     books_.orders().size(), history_.commits(),
                                     history_.races_lost(), settled_by_repeats_);
}

}  // namespace sagabus::faults
