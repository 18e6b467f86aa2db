#include "faults/kill_run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stdexcept>

#include "faults/cast.hpp"
#include "sagabus/codec.hpp"
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

std::string problem_of(const Instance& it) {
  std::set<std::string> taken;
  for (const InboxEntry& entry : it.bookkeeping.inbox) taken.insert(entry.message_id);
  if (taken.size() != it.bookkeeping.inbox.size()) return "it took a message twice";
  if (it.saga_name != kOrder) {
    const int times = from_value<DeedState>(it.state).times;
    return times == 1 ? "" : fmt::format("it happened {} times", times);
  }
  if (!it.completed) return "it has not ended";
  const auto s = from_value<OrderState>(it.state);
  if (s == OrderState{1, 1, 1, 1}) return "";
  return fmt::format("placed {}, paid {}, reserved {}, shipped {} times", s.placed, s.payments,
                     s.reservations, s.shipments);
}

}  // namespace

unsigned Kills::total() const {
  unsigned sum = 0;
  for (const unsigned it : at) sum += it;
  return sum;
}

KillRun::KillRun(KillSettings settings)
    : settings_(std::move(settings)),
      random_(settings_.seed),
      deadline_(Clock::now() + 60s + settings_.kills * 1s),
      here_(sqlite::embedded(embedded_options(database_))),
      bus_(bus_options()) {}

// Only the plain handlers.
BusOptions KillRun::bus_options() {
  const auto faults = std::make_shared<testing::TransportFaults>();
  faults->after_acknowledge = [this] {
    const char any = '.';
    [[maybe_unused]] const ssize_t ignored = ::write(own_events_.writer(), &any, 1);
  };
  BusOptions options;
  options.transport =
      Transport(std::make_shared<testing::FaultyTransport>(here_.transport, faults));
  options.services = {books_.service()};
  options.threads = 1;
  return options;
}

void KillRun::run() {
  for (const SagaDefinition& saga : cast()) {  // before the first message, whoever starts first
    Subscription subscription{saga.name(), saga.message_types()};
    sync_wait(here_.transport.backend()->subscribe(std::move(subscription)));
  }
  sync_wait(bus_.start());
  for (unsigned i = 0; i < kOrdersInFlight; ++i) {
    sync_wait(bus_.publish(OrderPlaced{books_.next_order()}));
  }
  while (kills_.total() < settings_.kills) turn();
  books_.stop_ordering();
  while (!is_quiet()) turn();
}

// Nothing is under way, and nothing can come any more.
bool KillRun::is_quiet() const {
  return books_.complete() &&
         sqlite::RawDatabase(database_).run(
             "SELECT count(*) FROM messages WHERE endpoint NOT LIKE '%.dlq'") == "0\n";
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

// Until the next kill is due, or our patience ends.
std::chrono::milliseconds KillRun::patience() const {
  Clock::time_point until = std::min(deadline_, last_event_ + kLongestSilence);
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
  auto kills = kills_.at;
  for (const auto& life : lives_) ++kills.at(static_cast<std::size_t>(life->plan().point));
  return static_cast<Point>(std::min_element(kills.begin(), kills.end()) - kills.begin());
}

void KillRun::end_life(Life& life) {
  const int status = life.wait();
  const std::vector<Line> lines = read_journal(life.plan().journal);
  history_.add(lines);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return count(life, lines);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kTryAgain) return;
  throw std::runtime_error(fmt::format("a worker ended by itself, with the status {}", status));
}

void KillRun::count(const Life& life, const std::vector<Line>& lines) {
  const auto times = [&](std::string_view word) {
    return std::count_if(lines.begin(), lines.end(),
                         [&](const auto& it) { return it.word == word; });
  };
  kills_.answers_lost += static_cast<unsigned>(times(words::kAnswerLost));
  if (lines.empty()) {
    ++kills_.before_work;
    return;
  }
  ++kills_.at.at(static_cast<std::size_t>(life.plan().point));
  const bool commit =
      times(words::kTry) > times(words::kWon) + times(words::kLost) + times(words::kDoubt);
  const bool dispatch = times(words::kSend) > times(words::kSent);
  const bool acknowledgement = times(words::kAcknowledge) > times(words::kAcknowledged);
  kills_.commits += commit;
  kills_.dispatches += dispatch;
  kills_.acknowledgements += acknowledgement;
  kills_.none += !commit && !dispatch && !acknowledgement;
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
  const std::vector<Instance> instances = read_instances();
  add(problems_of(instances));
  add(history_.problems(instances));
  const std::string left = sqlite::RawDatabase(database_).run(
      "SELECT 'left over in ' || endpoint, count(*), max(body) FROM messages GROUP BY endpoint");
  if (!left.empty()) problems.push_back(left);
  return problems;
}

std::vector<Instance> KillRun::read_instances() {
  const SagaStore store = settings_.store.backend() ? settings_.store : here_.store;
  std::vector<Instance> instances;
  for (const SagaDefinition& saga : cast()) {
    FindRequest request{.saga_name = saga.name(), .limit = 500};
    do {
      FindPage page = sync_wait(store.find_by_name(request));
      std::move(page.instances.begin(), page.instances.end(), std::back_inserter(instances));
      request.continuation = std::move(page.continuation);
    } while (!request.continuation.empty());
  }
  return instances;
}

// What each instance says of itself, and whether each order has one of each saga.
std::vector<std::string> KillRun::problems_of(const std::vector<Instance>& instances) {
  std::vector<std::string> problems;
  std::map<std::string, std::set<std::string>> missing;
  const std::vector<std::string> orders = books_.orders();
  for (const SagaDefinition& saga : cast())
    missing[saga.name()].insert(orders.begin(), orders.end());
  for (const Instance& it : instances) {
    settled_by_repeats_ += it.version - it.bookkeeping.inbox.size();
    std::string problem = problem_of(it);
    if (missing[it.saga_name].erase(it.correlation_id) == 0) problem = "nobody asked for it";
    if (problem.empty()) continue;
    problems.push_back(fmt::format("{} {}: {}", it.saga_name, it.correlation_id, problem));
  }
  for (const auto& [saga, ids] : missing) {
    for (const std::string& id : ids) problems.push_back(fmt::format("{} {}: none", saga, id));
  }
  return problems;
}

std::string KillRun::summary() const {
  std::string text =
      fmt::format("seed {}, {} kills of workers at work:", settings_.seed, kills_.total());
  for (std::size_t i = 0; i < kPoints.size(); ++i) {
    text += fmt::format(" {} {},", kPoints.at(i), kills_.at.at(i));
  }
  text += fmt::format(
      " and {} of workers that had not begun\n"
      "half-way when killed: a commit {}, a dispatch {}, an acknowledgement {}, none of them {}\n"
      "{} orders, {} commits, {} races lost, {} steps settled by a repeat, {} answers lost",
      kills_.before_work, kills_.commits, kills_.dispatches, kills_.acknowledgements, kills_.none,
      books_.orders().size(), history_.commits(), history_.races_lost(), settled_by_repeats_,
      kills_.answers_lost);
  return text;
}

}  // namespace sagabus::faults
