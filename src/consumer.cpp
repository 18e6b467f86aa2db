#include "consumer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <iterator>

#include "failure.hpp"
#include "hold.hpp"
#include "sagabus/json.hpp"
#include "sagabus/letter_tools.hpp"

namespace sagabus::detail {
namespace {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;  // NOLINT(google-build-using-namespace)

// After so many works a lane lets others have the thread: works may never have to wait for
// anything, and would keep it for ever.
constexpr unsigned kWorksBetweenYields = 128;

// The wait after the transport failed to answer: 1 s at most, so that recovery is soon seen.
constexpr RetryPolicy kReceiveBackoff{.base_delay = std::chrono::milliseconds(50),
                                      .max_delay = std::chrono::milliseconds(1000)};

// Of what has none by itself, such as a service's; 0: it needs none.
std::uint64_t group_of(const std::string& order_key) {
  if (order_key.empty()) return 0;
  return std::max<std::uint64_t>(std::hash<std::string>()(order_key), 1);
}

bool goes_back(const Work& work) {
  return work.verdict && work.verdict->action == Verdict::Action::give_back;
}

bool is_undecided(const Work& work) {
  return !work.verdict;
}

// In their order. Gives the first that is undecided.
std::vector<Work>::iterator decided_first(std::vector<Work>& works) {
  if (std::none_of(works.begin(), works.end(), is_undecided)) return works.end();
  return std::stable_partition(works.begin(), works.end(),
                               [](const Work& work) { return !is_undecided(work); });
}

// It may have been tried while it was held.
void return_unbegun(Work& work) {
  work.verdict.emplace().action = Verdict::Action::give_back;
  work.verdict->how.uncertain = work.delivery.redelivered;
}

}  // namespace

Consumer::Consumer(ConsumerOptions options)
    : options_(std::move(options)),
      most_in_hand_(2 * static_cast<std::size_t>(options_.concurrency)),
      pump_strand_(asio::make_strand(options_.executor)),
      room_signal_(options_.executor, 1),
      ready_(most_in_hand_) {}

void Consumer::start() {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    pump_running_ = true;
  }
  // On the strand, since close() may be called at the same time: its signal comes after this.
  asio::post(pump_strand_, [self = shared_from_this()] {
    if (self->is_closed()) return self->pump_ended();
    auto op = self->pump();
    auto done = [self](const std::exception_ptr&) { self->pump_ended(); };
    asio::co_spawn(self->pump_strand_, std::move(op),
                   asio::bind_cancellation_slot(self->pump_cancel_.slot(), std::move(done)));
  });
}

bool Consumer::is_closed() {
  const std::lock_guard lock(mutex_);
  return closed_;
}

void Consumer::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    open_if_idle();
  }
  closing_.open();
  asio::post(pump_strand_, [self = shared_from_this()] {
    self->pump_cancel_.emit(asio::cancellation_type::terminal);
  });
}

void Consumer::cancel() {
  const std::lock_guard lock(mutex_);
  for (const auto& [number, it] : lanes_) {
    asio::post(it->strand, [lane = it] { lane->cancel.emit(asio::cancellation_type::terminal); });
  }
}

void Consumer::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
}

// The pump: takes deliveries off the transport while there is room.

asio::awaitable<void> Consumer::pump() {
  for (;;) {
    std::vector<Delivery> deliveries = co_await receive();
    admit(std::move(deliveries));
  }
}

asio::awaitable<std::vector<Delivery>> Consumer::receive() {
  for (unsigned failures = 1;; ++failures) {
    const std::size_t most = co_await room();
    std::exception_ptr error;
    try {
      co_return co_await options_.transport.backend()->receive(options_.endpoint, most);
    } catch (...) {
      error = std::current_exception();
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(error);
    options_.ambient.log(
        LogLevel::warning,
        fmt::format("{}: receiving failed: {}", options_.endpoint, describe(error).message));
    co_await options_.ambient.clock->sleep_for(
        retry_delay(kReceiveBackoff, failures, uniform(*options_.ambient.random)));
  }
}

asio::awaitable<std::size_t> Consumer::room() {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (in_hand_ <= most_in_hand_ / 2) co_return most_in_hand_ - in_hand_;
      pump_waits_ = true;
    }
    co_await room_signal_.async_receive(asio::use_awaitable);
  }
}

void Consumer::admit(std::vector<Delivery> deliveries) {
  std::vector<Work> works;
  works.reserve(deliveries.size());
  for (Delivery& delivery : deliveries) {
    Work& work = works.emplace_back(options_.processor->admit(std::move(delivery)));
    if (work.group == 0) work.group = group_of(work.delivery.order_key);
  }
  bool spawn = false;
  {
    const std::lock_guard lock(mutex_);
    in_hand_ += works.size();
    for (Work& work : works) {
      if (work.group != 0) {
        const auto [group, free] = groups_.try_emplace(work.group);
        if (!free) {
          group->second.push_back(std::move(work));
          continue;
        }
      }
      ready_.push_back(std::move(work));
    }
    spawn = lane_wanted();
  }
  if (spawn) spawn_lane();
}

void Consumer::pump_ended() {
  const std::lock_guard lock(mutex_);
  pump_running_ = false;
  open_if_idle();
}

// Lanes: as many as there is work for, at most `concurrency`. Each that takes a work and sees more
// has one more lane started, so that works that never wait all run in one.

// With the mutex held; says yes once for each lane.
bool Consumer::lane_wanted() {
  if (abandoned_ || ready_.empty() || lane_starting_) return false;
  if (lanes_.size() >= options_.concurrency) return false;
  lane_starting_ = true;
  return true;
}

void Consumer::spawn_lane() {
  auto lane = std::make_shared<Lane>(options_.executor);
  {
    const std::lock_guard lock(mutex_);
    lane->number = ++last_lane_;
    lanes_.emplace(lane->number, lane);
  }
  // Posted, since co_spawn would run the new lane inside the one that asked for it.
  asio::post(lane->strand, [self = shared_from_this(), lane] {
    auto op = self->run_lane(lane);
    auto done = [self, lane](const std::exception_ptr&) { self->lane_ended(lane); };
    asio::co_spawn(lane->strand, std::move(op),
                   asio::bind_cancellation_slot(lane->cancel.slot(), std::move(done)));
  });
}

asio::awaitable<void> Consumer::run_lane(std::shared_ptr<Lane> lane) {
  {
    const std::lock_guard lock(mutex_);
    lane->started = true;
    lane_starting_ = false;
  }
  std::vector<Work> works;
  for (unsigned done = 1; next(works); ++done) {
    if (!works.front().verdict) {
      try {
        co_await options_.processor->process(works);
      } catch (...) {
        works.front().verdict = survive(std::current_exception());
      }
    }
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {  // its message must still be returned
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    }
    const auto pause = hold(works, *options_.transport.backend(), *options_.ambient.random);
    if (works.size() > 1) co_await acknowledge_together(works);
    if (breaks_order(works)) withdraw(works);
    for (Work& work : works) {
      if (!work.verdict) continue;
      try {
        if (work.verdict->action != Verdict::Action::none) co_await carry_out(work);
        const bool gone = work.verdict->action != Verdict::Action::give_back;
        if (gone && work.verdict->settles != 0) {
          options_.processor->acknowledged(work.verdict->settles);
        }
      } catch (...) {
        warn("a delivery could not be returned", std::current_exception());
      }
    }
    if (pause && std::any_of(works.begin(), works.end(), is_undecided)) {
      const auto before = co_await asio::this_coro::cancellation_state;
      if (before.cancelled() == asio::cancellation_type::none) co_await rest(*pause);
    }
    finish(works);
    if (done % kWorksBetweenYields == 0) co_await asio::post(asio::use_awaitable);
  }
}

bool Consumer::next(std::vector<Work>& works) {
  works.clear();
  bool spawn = false;
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_ || ready_.empty()) return false;
    Work& work = works.emplace_back(std::move(ready_.front()));
    ready_.pop_front();
    if (closed_) {
      return_unbegun(work);
    } else {
      gather(works);
    }
    spawn = lane_wanted();
  }
  if (spawn) spawn_lane();
  return true;
}

// Takes those along that wait for the first, with the mutex held. Two instances may share a group.
void Consumer::gather(std::vector<Work>& works) {
  if (options_.most_together == 1) return;
  const auto group = groups_.find(works.front().group);
  if (group == groups_.end()) return;
  std::list<Work>& waiting = group->second;
  while (works.size() < options_.most_together && !waiting.empty() &&
         waiting.front().correlation_id == works.front().correlation_id) {
    works.push_back(std::move(waiting.front()));
    waiting.pop_front();
  }
}

// Whether one goes back that later messages of its key must not overtake.
bool Consumer::breaks_order(const std::vector<Work>& works) {
  return std::any_of(works.begin(), works.end(), [](const Work& work) {
    return goes_back(work) && !work.delivery.order_key.empty();
  });
}

// Those behind it go back as well, also those that still wait for its group: none may run. They are
// put into the order in which they are to go: those that go back at the end, the last first, or a
// receiver might get a later one while an earlier one is still here.
void Consumer::withdraw(std::vector<Work>& works) {
  {
    const std::lock_guard lock(mutex_);
    const auto group = groups_.find(works.front().group);
    if (group != groups_.end()) {
      std::list<Work>& waiting = group->second;
      std::move(waiting.begin(), waiting.end(), std::back_inserter(works));
      waiting.clear();
    }
  }
  for (Work& work : works) {
    if (!work.verdict) return_unbegun(work);
  }
  const auto first = std::stable_partition(works.begin(), works.end(),
                                           [](const Work& work) { return !goes_back(work); });
  std::reverse(first, works.end());
}

// What waits for a store or a transport that is away keeps its lane, so that no more is asked of it
// than lanes can ask. Ends early where the consumer closes, and then all goes back.
asio::awaitable<void> Consumer::rest(std::chrono::milliseconds time) {
  try {
    auto sleeping = options_.ambient.clock->sleep_for(time);
    auto closing = closing_.wait();
    co_await (std::move(sleeping) || std::move(closing));
  } catch (...) {  // it was cancelled: the same
  }
}

// Those without a verdict wait again, in front of all others; those that were held behind them, or
// one that is refused time and again would keep all lanes.
void Consumer::finish(std::vector<Work>& works) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const auto group = groups_.find(works.front().group);
    const auto undecided = decided_first(works);
    in_hand_ -= static_cast<std::size_t>(undecided - works.begin());
    if (group == groups_.end()) {
      for (auto work = undecided; work != works.end(); ++work) make_ready(std::move(*work));
    } else {
      std::list<Work>& waiting = group->second;
      waiting.insert(waiting.begin(), std::move_iterator(undecided),
                     std::move_iterator(works.end()));
      if (waiting.empty()) {
        groups_.erase(group);
      } else {
        make_ready(std::move(waiting.front()));
        waiting.pop_front();
      }
    }
    wake = pump_waits_ && in_hand_ <= most_in_hand_ / 2;
    if (wake) pump_waits_ = false;
  }
  if (wake) notify(room_signal_);
}

// With the mutex held.
void Consumer::make_ready(Work work) {
  if (work.holds > 0) {
    ready_.push_back(std::move(work));
  } else {
    ready_.push_front(std::move(work));
  }
}

void Consumer::lane_ended(const std::shared_ptr<Lane>& lane) {
  bool spawn = false;
  {
    const std::lock_guard lock(mutex_);
    lanes_.erase(lane->number);
    if (!lane->started) lane_starting_ = false;  // cancelled before it could begin
    // A work may have come after the lane looked for one.
    spawn = lane_wanted();
    open_if_idle();
  }
  if (spawn) spawn_lane();
}

void Consumer::open_if_idle() {
  if (closed_ && !pump_running_ && lanes_.empty() && !lane_starting_) idle_.open();
}

// One work's end.

// A processor does not throw. Where one does all the same (no memory), its endpoint goes on.
Verdict Consumer::survive(const std::exception_ptr& error) const {
  options_.ambient.log(LogLevel::error, fmt::format("{}: a step could not be judged: {}",
                                                    options_.endpoint, describe(error).message));
  Verdict verdict;
  verdict.action = Verdict::Action::give_back;
  verdict.how = {.delay = kReceiveBackoff.max_delay, .uncertain = true};
  return verdict;
}

// What was committed together; where that fails, each is acknowledged by itself.
asio::awaitable<void> Consumer::acknowledge_together(std::vector<Work>& works) {
  std::vector<Verdict*> verdicts;
  std::vector<Delivery> deliveries;
  for (Work& work : works) {
    if (!work.verdict || work.verdict->action != Verdict::Action::acknowledge) continue;
    verdicts.push_back(&*work.verdict);
    deliveries.push_back(work.delivery);
  }
  if (deliveries.size() < 2) co_return;
  try {
    co_await options_.transport.backend()->acknowledge_all(std::move(deliveries));
    for (Verdict* verdict : verdicts) verdict->action = Verdict::Action::none;
  } catch (...) {
    warn("deliveries could not be acknowledged together", std::current_exception());
  }
}

void Consumer::warn(std::string_view what, const std::exception_ptr& error) const {
  options_.ambient.log(LogLevel::warning,
                       fmt::format("{}: {}: {}", options_.endpoint, what, describe(error).message));
}

// What the transport is to do. What it throws is logged and dropped by the caller: the delivery's
// time then runs out, and it is delivered again. Not a coroutine, since this is done for every
// message.
asio::awaitable<void> Consumer::carry_out(Work& work) {
  TransportBackend& transport = *options_.transport.backend();
  switch (work.verdict->action) {
    case Verdict::Action::give_back:
      return transport.give_back(std::move(work.delivery), work.verdict->how);
    case Verdict::Action::dead_letter:
      return bury(work);
    case Verdict::Action::acknowledge:
    case Verdict::Action::none:
      break;
  }
  return transport.acknowledge(std::move(work.delivery));
}

asio::awaitable<void> Consumer::bury(Work& work) {
  TransportBackend& transport = *options_.transport.backend();
  std::vector<SendRequest> requests(1, burial(work.delivery, *work.verdict));
  co_await transport.send(std::move(requests));
  co_await transport.acknowledge(std::move(work.delivery));
}

SendRequest Consumer::burial(const Delivery& delivery, const Verdict& verdict) const {
  Envelope letter;
  if (delivery.envelope) {
    letter = *delivery.envelope;
  } else {  // no envelope: its body is the payload of one
    const std::string& body = delivery.malformed->body;
    const auto* bytes = reinterpret_cast<const std::byte*>(body.data());
    letter.id = derive_message_id(body, options_.endpoint, 0);
    letter.type = kMalformedType;
    letter.payload = is_utf8(body) ? Value(body) : Value(Bytes(bytes, bytes + body.size()));
    letter.timestamp = options_.ambient.clock->now();
  }
  const std::string attempt = std::to_string(attempts(delivery));
  const auto set = [&letter](std::string_view name, std::string value) {
    letter.headers.insert_or_assign(std::string(name), std::move(value));
  };
  set(headers::kAttempt, attempt);
  set(headers::kOriginalEndpoint, options_.endpoint);
  set(headers::kErrorType, verdict.reason->type);
  set(headers::kErrorMessage, verdict.reason->message);
  letter.headers.erase(std::string(headers::kWaits));
  if (!delivery.order_key.empty()) set(headers::kOrderKey, delivery.order_key);
  // A letter that is sent back is a first delivery to its transport, which no longer tells.
  if (delivery.redelivered || verdict.how.uncertain) set(headers::kUncertain, "1");
  letter.headers.try_emplace(std::string(headers::kFirstSeen), to_iso8601(letter.timestamp));
  SendRequest request;
  request.deduplication_key = fmt::format("{}/dead/{}/{}", letter.id, attempt, options_.endpoint);
  request.endpoint = options_.dead_letter_endpoint;
  request.envelope = std::make_shared<const Envelope>(std::move(letter));
  return request;
}

}  // namespace sagabus::detail
