#include "testing/simulation/witness.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sagabus::testing::simulation {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMostProblems = 50;

// A message may be sent again while what caused it may be in a worker's hand, and requests of that
// worker may be late. All of that is over so long after the cause was last sent or acknowledged.
constexpr std::chrono::minutes kLatestRepeat(15);

}  // namespace

void Witness::report(std::string problem) {
  if (problems_.size() < kMostProblems) problems_.push_back(std::move(problem));
}

void Witness::planted(const Instance& instance) {
  Life& life = lives_[instance.saga_id];
  life.version = instance.version;
  life.birth = instance.bookkeeping.birth;
}

void Witness::committed(const CommitRequest& request) {
  const Instance& next = *request.next;
  Life& life = lives_[next.saga_id];
  note_version(life, next);
  for (const Timer& timer : next.bookkeeping.timers) tokens_.insert(timer.token);
  note_taken(life, next);
  note_effects(life, next.bookkeeping);
  life.name = fmt::format("{} {}", next.saga_name, next.correlation_id);
  life.version = next.version;
  life.birth = next.bookkeeping.birth;
  life.timers = next.bookkeeping.timers;
  life.completed = next.completed;
  life.updated_at = next.updated_at;
}

// One life follows another once that has expired.
void Witness::note_version(Life& life, const Instance& next) {
  const bool is_over = life.completed && options_.ttl &&
                       options_.clock->now() >= later(life.updated_at, *options_.ttl);
  if (next.version == 1 && (life.version == 0 || is_over)) {
    second_lives_ += is_over ? 1 : 0;
    life.inbox.clear();
    life.entered.clear();
  } else if (next.version != life.version + 1) {
    report(fmt::format("{} {} has version {} after {}", next.saga_name, next.correlation_id,
                       next.version, life.version));
  } else if (next.bookkeeping.birth != life.birth) {
    report(fmt::format("{} {} goes on with another life", next.saga_name, next.correlation_id));
  }
}

// Ids may leave an inbox anywhere. The others keep their order, and new ones come behind them.
void Witness::note_taken(Life& life, const Instance& next) {
  std::deque<std::string> inbox;
  auto known = life.inbox.begin();
  for (const InboxEntry& entry : next.bookkeeping.inbox) {
    const std::string& id = inbox.emplace_back(entry.message_id);
    const auto found = std::find(known, life.inbox.end(), id);
    if (found != life.inbox.end()) {
      known = std::next(found);
      continue;
    }
    if (!life.taken.insert(id).second) report(id + " was taken in twice");
    taken_.insert(id);
    if (options_.taken) options_.taken(next, id);
    check_firing(life, next, id);
  }
  life.inbox = std::move(inbox);
}

// A timeout that was moved does not take effect when it was to come before.
void Witness::check_firing(const Life& life, const Instance& next, const std::string& id) {
  const auto fired = fired_.find(id);
  if (fired == fired_.end()) return;
  const auto timer = std::ranges::find(life.timers, fired->second.token, &Timer::token);
  const bool came = std::ranges::find(next.bookkeeping.timers, fired->second.token,
                                      &Timer::token) == next.bookkeeping.timers.end();
  if (timer == life.timers.end() || !came || timer->due <= fired->second.due) return;
  report(fmt::format("{} {}: a timeout that was moved came at its old time", next.saga_name,
                     next.correlation_id));
}

// Entries stay in an outbox from step to step: each counts once.
void Witness::note_effects(Life& life, const Bookkeeping& books) {
  for (const OutboxEntry& entry : books.outbox) {
    if (!life.entered.insert(entry.message_id).second) continue;
    for (const OutgoingMessage& message : entry.messages) {
      Effect& effect = effects_[message.envelope->id];
      effect.type = message.envelope->type;
      effect.cause = entry.message_id;
    }
    for (const ScheduledMessage& scheduled : entry.cancelled) {
      effects_[scheduled.id].cancelled = true;
    }
  }
}

void Witness::sent(const SendRequest& request) {
  const Envelope& envelope = *request.envelope;
  on_its_way_[envelope.id] = options_.clock->now();
  if (request.endpoint.ends_with(".dlq")) {
    buried_.insert(envelope.id);
  } else if (envelope.headers.contains(headers::kTimeoutDue)) {
    note_timeout(envelope);
  } else {
    note_effect_sent(request);
  }
}

void Witness::note_timeout(const Envelope& envelope) {
  const TimePoint due{
      milliseconds(std::stoll(envelope.headers.find(headers::kTimeoutDue)->second))};
  Timer& fired = fired_[envelope.id];
  fired.token = envelope.headers.find(headers::kTimeoutToken)->second;
  fired.due = due;
  const TimePoint now = options_.clock->now();
  if (!tokens_.contains(fired.token)) report("a timeout comes that nobody has set");
  if (now < due) report(fmt::format("a timeout comes {} ms early", (due - now).count()));
}

// What is sent to one endpoint is a message that this endpoint has put aside.
void Witness::note_effect_sent(const SendRequest& request) {
  if (!request.endpoint.empty()) return;
  const Envelope& envelope = *request.envelope;
  const auto found = effects_.find(envelope.id);
  if (found == effects_.end()) {
    return report(fmt::format("{} {} was sent, and nothing holds it", envelope.type, envelope.id));
  }
  Effect& effect = found->second;
  const TimePoint now = options_.clock->now();
  if (effect.sent) {
    const auto cause = on_its_way_.find(effect.cause);
    const TimePoint last = cause == on_its_way_.end() ? now : std::max(cause->second, *effect.sent);
    if (now - last > kLatestRepeat) {
      report(fmt::format("{} {} was sent again {} s after all was done", envelope.type, envelope.id,
                         std::chrono::floor<std::chrono::seconds>(now - last).count()));
    }
  }
  effect.sent = now;
}

void Witness::acknowledged(const Delivery& delivery) {
  if (!delivery.envelope) return;
  const Envelope& envelope = *delivery.envelope;
  on_its_way_[envelope.id] = options_.clock->now();
  if (!options_.never_ignored || !options_.never_ignored(envelope)) return;
  if (buried_.contains(envelope.id)) return;
  if (!taken_.contains(envelope.id)) {
    report(fmt::format("{} {} was acknowledged, and nothing holds it", envelope.type, envelope.id));
  }
}

void Witness::at_rest() {
  for (const auto& [id, effect] : effects_) {
    if (!effect.sent && !effect.cancelled) {
      report(fmt::format("{} {} was committed, and never sent", effect.type, id));
    }
  }
  for (const auto& [id, life] : lives_) {
    if (life.completed) continue;
    for (const Timer& timer : life.timers) {
      report(fmt::format("{}: the timeout {} never came", life.name, timer.name));
    }
  }
}

}  // namespace sagabus::testing::simulation
