#include "sqs/receiver.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <iterator>

#include "sagabus/error.hpp"
#include "sagabus/policy.hpp"
#include "sqs/endpoint.hpp"
#include "waiting/gate.hpp"

namespace sagabus::sqs {
namespace {

namespace asio = boost::asio;
using std::chrono::seconds;

// Requests beside the first, while its answers are full: together some 80 messages a round trip.
constexpr std::size_t kMaxSideRequests = 7;

// Requests that come back empty at once, since they may not wait or since something between is in
// their way, are made ever more seldom.
constexpr std::chrono::milliseconds kQuick{500};
constexpr RetryPolicy kInVain{.base_delay = std::chrono::milliseconds(50),
                              .max_delay = std::chrono::milliseconds(1000),
                              .jitter = false};

// How old an answer is taken to be when it comes. One that is older costs a renewal that comes too
// late, and with it a delivery more.
constexpr std::chrono::seconds kMostOnTheWay{1};

// A request that waits no longer is not broken off at the end: nothing is surer to bring to light
// what the service hands to it.
constexpr std::chrono::seconds kSoonOver{1};

}  // namespace

void Receiver::wait(std::shared_ptr<Receiving> receiving) {
  waiting_.push_back(std::move(receiving));
  start_poll();
}

void Receiver::give_up(const std::shared_ptr<Receiving>& receiving) {
  const auto it = std::find(waiting_.begin(), waiting_.end(), receiving);
  if (it == waiting_.end()) return;  // it has its messages
  waiting_.erase(it);
  receiving->resume();
}

void Receiver::open(Queue queue) {
  queue_ = std::move(queue);
  start_poll();
}

void Receiver::fail(const std::exception_ptr& error) {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& receiving : waiting) {
    receiving->error = error;
    receiving->resume();
  }
}

void Receiver::stop() {
  if (surroundings_.options.wait_time <= kSoonOver) return;
  cancel_.emit(asio::cancellation_type::terminal);
}

void Receiver::start_poll() {
  if (polling_ || !queue_ || waiting_.empty() || surroundings_.stopping) return;
  polling_ = true;
  auto polling = poll(owner_.shared_from_this(), *this);
  auto done = [](const std::exception_ptr&) {};
  asio::co_spawn(surroundings_.executor, std::move(polling),
                 asio::bind_cancellation_slot(cancel_.slot(), std::move(done)));
}

// `keep` is what owns `self`.
asio::awaitable<void> Receiver::poll(std::shared_ptr<Endpoint> keep, Receiver& self) {
  while (self.queue_ && !self.waiting_.empty() && !self.surroundings_.stopping) {
    std::exception_ptr error;
    try {
      co_await self.poll_once();
    } catch (const NotFound&) {
      error = std::current_exception();
      keep->queue_is_gone();
    } catch (...) {
      error = std::current_exception();
    }
    if (!error) continue;
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      co_await self.rescue();
    }
    self.fail(error);
  }
  self.polling_ = false;
}

asio::awaitable<void> Receiver::poll_once() {
  const auto begin = surroundings_.clock().monotonic();
  auto taking = take(waiting_.front()->most);
  std::vector<Received> received = co_await std::move(taking);
  const bool is_empty = received.empty();
  hand_out(std::move(received));
  const bool was_quick = surroundings_.clock().monotonic() - begin < kQuick;
  in_vain_ = is_empty && was_quick ? in_vain_ + 1 : 0;
  if (in_vain_ == 0) co_return;
  co_await surroundings_.clock().sleep_for(retry_delay(kInVain, in_vain_, 0));
}

// What one request brings, or, where there is more, what several bring.
asio::awaitable<std::vector<Received>> Receiver::take(std::size_t most) {
  const std::size_t asked = std::min<std::size_t>(most, surroundings_.options.max_messages);
  auto first = request(asked, surroundings_.options.wait_time);
  std::vector<Received> received = co_await std::move(first);
  adapt(asked, received.size());
  if (received.size() < asked || received.size() >= most || side_requests_ == 0) co_return received;
  auto rest = take_more(most - received.size());
  std::vector<Received> more = co_await std::move(rest);
  std::move(more.begin(), more.end(), std::back_inserter(received));
  co_return received;
}

// Twice as many where the answer is full, and half as many where it is not.
void Receiver::adapt(std::size_t asked, std::size_t got) {
  const bool full = got == asked && asked == surroundings_.options.max_messages;
  side_requests_ = full ? std::min(2 * side_requests_ + 1, kMaxSideRequests) : side_requests_ / 2;
}

// Several requests side by side, which do not wait. One that fails costs its messages only: they
// come again.
asio::awaitable<std::vector<Received>> Receiver::take_more(std::size_t most) {
  struct Joint {
    std::vector<Received> received;
    std::size_t running = 0;
    sagabus::detail::Gate all_done;
  };
  const auto joint = std::make_shared<Joint>();
  const auto keep = owner_.shared_from_this();
  const std::size_t each = surroundings_.options.max_messages;
  for (std::size_t i = 0; i < side_requests_ && i * each < most; ++i) {
    auto asking = request(std::min(each, most - i * each), seconds(0));
    auto done = [joint, keep](const std::exception_ptr& error, std::vector<Received> got) {
      if (!error) std::move(got.begin(), got.end(), std::back_inserter(joint->received));
      if (--joint->running == 0) joint->all_done.open();
    };
    ++joint->running;
    asio::co_spawn(surroundings_.executor, std::move(asking), std::move(done));
  }
  // They are quick, and what they receive must not be lost.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await joint->all_done.wait();
  co_await asio::this_coro::reset_cancellation_state(asio::enable_terminal_cancellation());
  co_return std::move(joint->received);
}

asio::awaitable<std::vector<Received>> Receiver::request(std::size_t most, seconds wait) {
  const TransportOptions& options = surroundings_.options;
  const Queue queue = queue_.value();
  std::string attempt_id;
  if (queue.fifo) attempt_id = new_uuid(*options.ambient.random);
  if (wait > seconds(0)) attempt_id_ = attempt_id;
  ReceiveRequest request;
  request.queue_url = queue.url;
  request.max_messages = static_cast<unsigned>(most);
  request.visibility_timeout = options.visibility_timeout;
  request.wait_time = wait;
  request.attempt_id = attempt_id;
  auto calling = surroundings_.gateway.call(kReceive, receive_body(request), queue.name, wait);
  const boost::json::value answer = co_await std::move(calling);
  // Asked for again under its id, these would be shown to others while they are in hand.
  if (wait > seconds(0)) attempt_id_.clear();
  co_return hold(read_messages(answer));
}

// The service hides messages when it answers, a moment before the answer is here.
std::vector<Received> Receiver::hold(Messages messages) {
  const TransportOptions& options = surroundings_.options;
  const std::chrono::nanoseconds visibility = options.visibility_timeout;
  const auto on_the_way = std::min<std::chrono::nanoseconds>(visibility / 10, kMostOnTheWay);
  const Lease::Terms terms{surroundings_.clock().monotonic() - on_the_way, visibility,
                           options.max_visibility};
  std::vector<Received> out;
  out.reserve(messages.size());
  for (ReceivedMessage& message : messages) {
    Received& received = out.emplace_back();
    received.lease = std::make_shared<Lease>(owner_.shared_from_this(), message.receipt_handle,
                                             message.message_id, terms);
    owner_.keep_hidden(received.lease);
    received.memory = surroundings_.recollection.recall(message.message_id);
    received.message = std::move(message);
  }
  surroundings_.gateway.count_received(out.size());
  return out;
}

// To one of those who wait: messages of one group must not be handled side by side.
void Receiver::hand_out(std::vector<Received> received) {
  while (!received.empty() && !waiting_.empty()) {
    const std::shared_ptr<Receiving> receiving = std::move(waiting_.front());
    waiting_.pop_front();
    if (receiving.use_count() == 1) continue;  // its coroutine was destroyed
    const std::size_t count = std::min(receiving->most, received.size());
    const auto rest = received.begin() + static_cast<std::ptrdiff_t>(count);
    receiving->received.assign(std::move_iterator(received.begin()), std::move_iterator(rest));
    received.erase(received.begin(), rest);
    receiving->resume();
    break;
  }
  // The last first, so that those of a group stand in their order again.
  while (!received.empty()) {
    owner_.return_unseen(std::move(received.back().lease));
    received.pop_back();
  }
}

// The service may have handed messages to the request that was broken off. Repeated under its id,
// it gives the same ones, though they are hidden from all others.
asio::awaitable<void> Receiver::rescue() {
  if (attempt_id_.empty() || !queue_) co_return;
  const Queue queue = *queue_;
  ReceiveRequest request;
  request.queue_url = queue.url;
  request.max_messages = surroundings_.options.max_messages;
  request.visibility_timeout = seconds(0);  // and so it hides them no longer
  request.attempt_id = attempt_id_;
  try {
    auto calling = surroundings_.gateway.call(kReceive, receive_body(request), queue.name);
    co_await std::move(calling);
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): their time runs out
  }
}

}  // namespace sagabus::sqs
