#include "faults/kill_run.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <stdexcept>

#include "faults/audit.hpp"
#include "faults/cast.hpp"
#include "sagabus/sync_wait.hpp"
#include "testing/decorators.hpp"

namespace sagabus::faults {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 2;        // so that they race, and take over from one another
constexpr unsigned kOrdersBesideNaps = 4;  // little is to be done meanwhile
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

Plan plan_of(const KillSettings& settings, const std::string& database) {
  Plan plan = settings.plan;
  plan.database = database;
  return plan;
}

}  // namespace

KillRun::KillRun(KillSettings settings)
    : settings_(std::move(settings)),
      random_(settings_.seed),
      deadline_(Clock::now() + 60s + settings_.kills * 1s + settings_.naps * 25s),
      here_(sqlite::embedded(embedded_options(database_))),
      queues_(make_queues(plan_of(settings_, database_), here_.transport)),
      naps_(settings_.naps, *store().backend()->timers(), [this] { return queues_->can_write(); }),
      bus_(bus_options()) {
  for (const SagaDefinition& saga : cast()) {  // before the first message, whoever starts first
    Subscription subscription{saga.name(), saga.message_types()};
    sync_wait(queues_->transport().backend()->subscribe(std::move(subscription)));
  }
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
      Transport(std::make_shared<testing::FaultyTransport>(queues_->transport(), faults));
  options.store = store();
  options.services = {books_.service()};
  options.threads = 1;
  options.fire_timers = settings_.naps == 0;  // there the workers have to
  return options;
}

void KillRun::run() {
  sync_wait(bus_.start());
  const unsigned orders = settings_.naps == 0 ? settings_.orders : kOrdersBesideNaps;
  for (unsigned i = 0; i < orders; ++i) {
    sync_wait(bus_.publish(OrderPlaced{books_.next_order()}));
  }
  while (kills_.total() < settings_.kills || naps_.next()) turn();
  books_.stop_ordering();
  while (!is_quiet()) turn();
}

SagaStore KillRun::store() const {
  return settings_.store.backend() ? settings_.store : here_.store;
}

// A step acknowledges its message last, and a row goes when its message is there. So where neither
// is left, nothing can come any more.
bool KillRun::is_quiet() {
  return queues_->are_empty() && no_timers() && queues_->are_empty() && no_timers() &&
         !has_events();
}

// Those that never come are due much later.
bool KillRun::no_timers() const {
  TimerBackend& timers = *store().backend()->timers();
  for (unsigned shard = 0; shard < timers.shards(); ++shard) {
    if (!sync_wait(timers.due(shard, timers.now() + 60s, 1)).empty()) return false;
  }
  return true;
}

// While nothing is acknowledged, no message can have gone where we had looked already.
bool KillRun::has_events() const {
  std::vector<pollfd> all = events();
  return ::poll(all.data(), all.size(), 0) > 0;
}

std::vector<pollfd> KillRun::events() const {
  std::vector<pollfd> all{{own_events_.reader(), POLLIN, 0}};
  for (const auto& life : lives_) all.push_back({life->events(), POLLIN, 0});
  return all;
}

void KillRun::turn() {
  while (lives_.size() < kWorkers) begin_life();
  std::vector<pollfd> events = this->events();
  ::poll(events.data(), events.size(), static_cast<int>(patience().count()));
  const Clock::time_point now = Clock::now();
  if (now >= deadline_) throw std::runtime_error("the time is up");
  if (now >= last_event_ + kLongestSilence) throw std::runtime_error("nothing happens any more");
  if (events.front().revents != 0) own_events_.drain(), last_event_ = now;
  naps_.turn(lives_, now);
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
  if (naps_.next()) until = std::min(until, *naps_.next());
  for (const auto& life : lives_) {
    if (life->kill_at()) until = std::min(until, *life->kill_at());
  }
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), 0ms);
}

void KillRun::begin_life() {
  Plan plan = plan_of(settings_, database_);
  plan.naps = settings_.naps > 0;
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
  std::vector<std::string> problems = books_.problems(!settings_.plan.fifo);
  const auto add = [&](const std::vector<std::string>& more) {
    problems.insert(problems.end(), more.begin(), more.end());
  };
  const auto instances = read_instances(settings_.store.backend() ? settings_.store : here_.store);
  add(audit(instances, books_.orders()));
  add(history_.problems(instances));
  add(naps_.problems());
  for (const Instance& it : instances) {  // such a write has a version, and takes in no message
    settled_by_repeats_ += it.version - it.bookkeeping.inbox.size();
  }
  const std::string left = queues_->left_over();
  if (!left.empty()) problems.push_back(left);
  return problems;
}

std::string KillRun::summary() const {
  const std::string trouble =
      settings_.naps > 0 ? fmt::format("{} naps of workers\n", settings_.naps) : kills_.text();
  return trouble + fmt::format("{} orders, {} commits, {} races lost, {} settled by a repeat",
                               books_.orders().size(), history_.commits(), history_.races_lost(),
                               settled_by_repeats_);
}

}  // namespace sagabus::faults
