#include "sagabus/memory/transport.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/concurrent_channel.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

#include "ambient_rules.hpp"
#include "sagabus/error.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace sagabus::memory {
namespace {

namespace asio = boost::asio;
namespace intrusive = boost::intrusive;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kMaxDelay = std::chrono::hours(24 * 365 * 100);

struct Queue;
struct Line;

// A message in a queue, and the receipt of its delivery: it is delivered once, and a redelivery is
// a new Message. So a receipt whose time ran out finds its message gone, and does nothing.
struct Message : intrusive::list_base_hook<> {
  enum class Place { ready, delayed, in_line, out, gone };

  EnvelopePtr envelope;
  unsigned failures = 0;
  bool redelivered = false;
  Place place = Place::ready;
  nanoseconds until{};            // out: when it is delivered again; in line: not before
  Queue* queue = nullptr;         // where it is, unless it is gone
  Line* line = nullptr;           // of its key; null: this transport keeps no order by key
  std::uint64_t number = 0;       // its place there; 0: it was sent with a delay, and has none yet
  std::shared_ptr<Message> self;  // keeps it alive while it is in a queue
};
using MessagePtr = std::shared_ptr<Message>;
using MessageList = intrusive::list<Message, intrusive::constant_time_size<false>>;

// Keys seen lately, as 128-bit hashes, bounded in time and in number.
class DeduplicationWindow {
 public:
  // Remembers the key; false where it is remembered already.
  bool is_first(std::string_view key, nanoseconds now, const TransportOptions& options) {
    while (!order_.empty() && order_.front().second <= now - options.deduplication_window) pop();
    const XXH128_hash_t hash = XXH3_128bits(key.data(), key.size());
    if (!seen_.insert(hash).second) return false;
    order_.emplace_back(hash, now);
    while (order_.size() > options.deduplication_limit) pop();
    return true;
  }

 private:
  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(const XXH128_hash_t& hash) const { return hash.low64; }
  };
  struct Equal {
    bool operator()(const XXH128_hash_t& a, const XXH128_hash_t& b) const {
      return XXH128_isEqual(a, b) != 0;
    }
  };

  void pop() {
    seen_.erase(order_.front().first);
    order_.pop_front();
  }

  boost::unordered_flat_set<XXH128_hash_t, Hash, Equal> seen_;
  std::deque<std::pair<XXH128_hash_t, nanoseconds>> order_;  // oldest first
};

// A receiver that waits; lives in its coroutine. Linked while nobody has woken it.
struct Waiter : intrusive::list_base_hook<> {
  explicit Waiter(const asio::any_io_executor& executor) : bell(executor, 1) {}
  asio::experimental::concurrent_channel<void(boost::system::error_code)> bell;
  nanoseconds wakes_at = nanoseconds::max();  // by itself
};
using WaiterList = intrusive::list<Waiter, intrusive::constant_time_size<false>>;

// The messages of one key. The first of them is ready, or delayed, unless some are out: then all
// others wait in line.
struct Line {
  const std::string* key = nullptr;             // under which its queue has it
  std::map<std::uint64_t, MessagePtr> waiting;  // by number
  bool has_first = false;                       // one that is ready or delayed
  std::size_t out = 0;
  std::size_t size = 0;  // with those that have no place yet
};

struct Queue {
  std::string endpoint;
  std::vector<std::string> types;
  std::function<std::string(const Envelope&)> order_by;
  MessageList ready;
  MessageList out;  // in the order in which their time runs out
  std::multimap<nanoseconds, MessagePtr> delayed;
  std::unordered_map<std::string, Line> lines;
  std::uint64_t last_number = 0;
  std::size_t size = 0;  // of them all
  WaiterList waiters;
  DeduplicationWindow seen;
};

struct TextHash {
  using is_transparent = void;
  using is_avalanching = void;
  std::size_t operator()(std::string_view text) const {
    return XXH3_64bits(text.data(), text.size());
  }
};
template <class T>
using TextMap = boost::unordered_flat_map<std::string, T, TextHash, std::equal_to<>>;

// The queues, behind one lock that is held for some ten nanoseconds a message.
class Broker : public std::enable_shared_from_this<Broker> {
 public:
  explicit Broker(TransportOptions options) : options_(std::move(options)) {}
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  ~Broker() {
    for (auto& [endpoint, queue] : queues_) {
      const auto release = [](Message* message) {
        const MessagePtr last = std::move(message->self);
      };
      queue->ready.clear_and_dispose(release);
      queue->out.clear_and_dispose(release);
    }
  }

  void subscribe(Subscription subscription) {
    const std::lock_guard lock(mutex_);
    Queue& queue = queue_at(subscription.endpoint);
    for (const std::string& type : queue.types) std::erase(routes_[type], &queue);
    queue.types = std::move(subscription.types);
    queue.order_by = std::move(subscription.order_by);
    for (const std::string& type : queue.types) {
      std::vector<Queue*>& takers = routes_[type];
      if (std::find(takers.begin(), takers.end(), &queue) == takers.end()) {
        takers.push_back(&queue);
      }
    }
  }

  void send(const std::vector<SendRequest>& requests) {
    for (const SendRequest& request : requests) {
      if (!request.envelope) throw ValidationError("envelope: missing");
    }
    const nanoseconds now = clock().monotonic();
    const std::lock_guard lock(mutex_);
    for (const SendRequest& request : requests) {
      if (!request.endpoint.empty()) {
        enqueue(queue_at(request.endpoint), request, now);
      } else if (const auto route = routes_.find(request.envelope->type); route != routes_.end()) {
        for (Queue* queue : route->second) enqueue(*queue, request, now);
      }
    }
  }

  asio::awaitable<std::vector<Delivery>> receive(std::string endpoint, std::size_t most) {
    const auto keep_alive = shared_from_this();
    std::vector<Delivery> taken = try_receive(endpoint, most, nullptr);
    if (!taken.empty()) co_return taken;
    // Whoever is about to send gets a turn first: under load that spares most waits.
    co_await asio::post(asio::use_awaitable);
    taken = try_receive(endpoint, most, nullptr);
    if (!taken.empty()) co_return taken;
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    for (;;) {
      // Else the wait below would throw before its alarm could be called off.
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        throw boost::system::system_error(asio::error::operation_aborted);
      }
      Waiting waiting(*this, executor);
      taken = try_receive(endpoint, most, &waiting);
      if (!taken.empty()) co_return taken;
      waiting.set_alarm();
      boost::system::error_code error;
      co_await waiting.waiter.bell.async_receive(asio::redirect_error(asio::use_awaitable, error));
      waiting.stop_alarm();
      if (error) throw boost::system::system_error(asio::error::operation_aborted);
      waiting.answered = true;
    }
  }

  void acknowledge(const std::shared_ptr<void>& receipt) {
    const MessagePtr message = std::static_pointer_cast<Message>(receipt);
    MessagePtr last;  // outlives the lock
    const nanoseconds now = options_.ordered_by_key ? clock().monotonic() : nanoseconds::zero();
    const std::lock_guard lock(mutex_);
    if (!message || message->place != Message::Place::out) return;
    last = remove_out(*message);
    if (message->line) leave_line(*message, now);
  }

  void give_back(const std::shared_ptr<void>& receipt, GiveBack how) {
    const MessagePtr message = std::static_pointer_cast<Message>(receipt);
    const nanoseconds now = clock().monotonic();
    const std::lock_guard lock(mutex_);
    if (!message || message->place != Message::Place::out) return;
    Queue& queue = *message->queue;
    const MessagePtr last = remove_out(*message);
    place(queue, renew(*message, how.failed, how.uncertain), now, std::min(how.delay, kMaxDelay));
  }

  bool hide(const std::shared_ptr<void>& receipt, milliseconds time) {
    const MessagePtr message = std::static_pointer_cast<Message>(receipt);
    const nanoseconds now = clock().monotonic();
    const std::lock_guard lock(mutex_);
    if (!message || message->place != Message::Place::out) return false;
    Queue& queue = *message->queue;
    make_due(queue, now);
    if (message->place != Message::Place::out) return false;
    queue.out.erase(queue.out.iterator_to(*message));
    put_out(queue, *message, now + std::clamp(time, milliseconds::zero(), kMaxDelay));
    watch(queue);
    return true;
  }

  std::size_t pending(std::string_view endpoint) const {
    const std::lock_guard lock(mutex_);
    const auto queue = queues_.find(endpoint);
    return queue == queues_.end() ? 0 : queue->second->size;
  }

  // Those that wait, and whether they go away.
  std::vector<EnvelopePtr> waiting_messages(std::string_view endpoint, bool remove) {
    std::vector<MessagePtr> last;  // outlives the lock
    std::vector<EnvelopePtr> envelopes;
    const nanoseconds now = clock().monotonic();
    const std::lock_guard lock(mutex_);
    const auto found = queues_.find(endpoint);
    if (found == queues_.end()) return envelopes;
    Queue& queue = *found->second;
    make_due(queue, now);
    for (const Message& message : queue.ready) envelopes.push_back(message.envelope);
    for (const auto& [due, message] : queue.delayed) envelopes.push_back(message->envelope);
    for (const auto& [number, message] : all_in_line(queue)) envelopes.push_back(message->envelope);
    if (!remove) return envelopes;
    while (!queue.ready.empty()) last.push_back(release(queue.ready, queue.ready.front()));
    queue.delayed.clear();
    clear_lines(queue);
    queue.size -= envelopes.size();
    return envelopes;
  }

 private:
  // Rings a bell when a message becomes due that nobody sends. On a strand, since a cancellation
  // signal must not be used from two threads at once, and receivers may run on a pool.
  struct Alarm {
    explicit Alarm(const asio::any_io_executor& executor) : strand(asio::make_strand(executor)) {}
    asio::strand<asio::any_io_executor> strand;
    asio::cancellation_signal signal;
  };

  // The time in which a receiver waits, however it ends: woken, cancelled, or destroyed with its
  // coroutine.
  struct Waiting {
    Waiting(Broker& b, const asio::any_io_executor& e) : broker(b), executor(e), waiter(e) {}
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting() { broker.leave(*this); }

    void set_alarm() {
      if (waiter.wakes_at == nanoseconds::max()) return;
      alarm = std::make_shared<Alarm>(executor);
      asio::co_spawn(alarm->strand, ring(broker.weak_from_this(), queue, waiter.wakes_at),
                     asio::bind_cancellation_slot(alarm->signal.slot(),
                                                  [keep = alarm](const std::exception_ptr&) {}));
    }
    void stop_alarm() {
      if (!alarm) return;
      asio::post(alarm->strand,
                 [keep = alarm] { keep->signal.emit(asio::cancellation_type::terminal); });
    }

    Broker& broker;
    const asio::any_io_executor& executor;
    Waiter waiter;
    Queue* queue = nullptr;
    std::shared_ptr<Alarm> alarm;
    bool answered = false;  // it goes on to look for messages
  };

  // Wakes those who wait for what is due at `due`.
  static asio::awaitable<void> ring(std::weak_ptr<Broker> broker, Queue* queue, nanoseconds due) {
    const std::shared_ptr<Clock> clock = clock_of(broker);
    if (!clock) co_return;
    co_await clock->sleep_until(due);
    if (const auto there = broker.lock()) there->wake_due(*queue, due);
  }

  static std::shared_ptr<Clock> clock_of(const std::weak_ptr<Broker>& broker) {
    const auto there = broker.lock();
    return there ? there->options_.ambient.clock : nullptr;
  }

  Clock& clock() const { return *options_.ambient.clock; }

  std::vector<Delivery> try_receive(std::string_view endpoint, std::size_t most, Waiting* waiting) {
    const nanoseconds now = clock().monotonic();
    const std::lock_guard lock(mutex_);
    Queue& queue = queue_at(endpoint);
    make_due(queue, now);
    std::vector<Delivery> taken = take(queue, std::max<std::size_t>(most, 1), now);
    if (!taken.empty() || !waiting) return taken;
    waiting->queue = &queue;
    waiting->waiter.wakes_at = next_due(queue);
    queue.waiters.push_back(waiting->waiter);
    return taken;
  }

  void wake_due(Queue& queue, nanoseconds due) {
    const std::lock_guard lock(mutex_);
    for (auto waiter = queue.waiters.begin(); waiter != queue.waiters.end();) {
      Waiter& found = *waiter++;
      if (found.wakes_at <= due) wake(queue, found);
    }
  }

  void leave(Waiting& waiting) {
    if (!waiting.queue) return;
    const std::lock_guard lock(mutex_);
    Queue& queue = *waiting.queue;
    const bool woken = !waiting.waiter.is_linked();
    if (!woken) queue.waiters.erase(queue.waiters.iterator_to(waiting.waiter));
    if (waiting.answered) return;
    if (woken && !queue.ready.empty()) wake_one(queue);  // what it was woken for, others take
    watch(queue);
  }

  // The functions below are called with the mutex held.

  Queue& queue_at(std::string_view endpoint) {
    const auto found = queues_.find(endpoint);
    if (found != queues_.end()) return *found->second;
    auto queue = std::make_unique<Queue>();
    queue->endpoint = endpoint;
    return *queues_.emplace(std::string(endpoint), std::move(queue)).first->second;
  }

  void enqueue(Queue& queue, const SendRequest& request, nanoseconds now) {
    const std::string& key = request.deduplication_key;
    if (!queue.seen.is_first(key.empty() ? request.envelope->id : key, now, options_)) return;
    milliseconds delay{0};
    if (request.not_before != TimePoint{}) {
      const TimePoint today = clock().now();
      if (request.not_before > today) delay = std::min(request.not_before - today, kMaxDelay);
    }
    auto message = std::make_shared<Message>();
    message->envelope = request.envelope;
    if (options_.ordered_by_key) message->line = &join_line(queue, request);
    place(queue, std::move(message), now, delay);
  }

  void place(Queue& queue, MessagePtr message, nanoseconds now, milliseconds delay) {
    message->queue = &queue;
    ++queue.size;
    if (message->line) {
      place_in_line(queue, std::move(message), now, delay);
    } else if (delay > milliseconds::zero()) {
      hold_back(queue, std::move(message), now + delay);
    } else {
      make_ready(queue, std::move(message));
    }
  }

  static void hold_back(Queue& queue, MessagePtr message, nanoseconds until) {
    message->place = Message::Place::delayed;
    queue.delayed.emplace(until, std::move(message));
    watch(queue);
  }

  static void make_ready(Queue& queue, MessagePtr message) {
    Message& m = *message;
    m.place = Message::Place::ready;
    queue.ready.push_back(m);
    m.self = std::move(message);
    wake_one(queue);
  }

  static MessagePtr release(MessageList& list, Message& message) {
    list.erase(list.iterator_to(message));
    message.place = Message::Place::gone;
    return std::move(message.self);
  }

  static MessagePtr remove_out(Message& message) {
    --message.queue->size;
    if (message.line) --message.line->out;
    return release(message.queue->out, message);
  }

  // The same message for its next delivery.
  static MessagePtr renew(const Message& message, bool failed, bool uncertain) {
    auto next = std::make_shared<Message>();
    next->envelope = message.envelope;
    next->failures = message.failures + (failed ? 1 : 0);
    next->redelivered = message.redelivered || uncertain;
    next->line = message.line;
    next->number = message.number;
    return next;
  }

  void make_due(Queue& queue, nanoseconds now) {
    while (!queue.delayed.empty() && queue.delayed.begin()->first <= now) {
      MessagePtr message = std::move(queue.delayed.begin()->second);
      queue.delayed.erase(queue.delayed.begin());
      if (message->line && message->number == 0) {
        place_in_line(queue, std::move(message), now, milliseconds::zero());
      } else {
        make_ready(queue, std::move(message));
      }
    }
    while (!queue.out.empty() && queue.out.front().until <= now) {
      const MessagePtr lost = remove_out(queue.out.front());
      place(queue, renew(*lost, false, true), now, milliseconds::zero());
    }
  }

  std::vector<Delivery> take(Queue& queue, std::size_t most, nanoseconds now) {
    std::vector<Delivery> taken;
    while (!queue.ready.empty() && taken.size() < most) {
      Message& message = queue.ready.front();
      queue.ready.pop_front();
      hand_out(queue, message, now, taken);
      if (message.line) hand_out_line(queue, *message.line, most, now, taken);
    }
    if (taken.empty()) return taken;
    if (!queue.ready.empty()) wake_one(queue);
    watch(queue);
    return taken;
  }

  void hand_out(Queue& queue, Message& message, nanoseconds now,
                std::vector<Delivery>& taken) const {
    message.place = Message::Place::out;
    put_out(queue, message, now + options_.visibility_timeout);
    Delivery& delivery = taken.emplace_back();
    delivery.envelope = message.envelope;
    delivery.failures = message.failures;
    delivery.redelivered = message.redelivered;
    delivery.receipt = message.self;
    if (!message.line) return;
    ++message.line->out;
    delivery.order_key = *message.line->key;
  }

  // Nearly always behind all others.
  static void put_out(Queue& queue, Message& message, nanoseconds until) {
    message.until = until;
    auto after = queue.out.end();
    while (after != queue.out.begin() && std::prev(after)->until > until) --after;
    queue.out.insert(after, message);
  }

  // When a message becomes ready by itself.
  static nanoseconds next_due(const Queue& queue) {
    const nanoseconds delayed =
        queue.delayed.empty() ? nanoseconds::max() : queue.delayed.begin()->first;
    return queue.out.empty() ? delayed : std::min(delayed, queue.out.front().until);
  }

  // Sees to it that one of those who wait wakes in time for the next message that becomes due.
  static void watch(Queue& queue) {
    if (queue.waiters.empty()) return;
    const nanoseconds due = next_due(queue);
    const bool watched = std::any_of(queue.waiters.begin(), queue.waiters.end(),
                                     [&](const Waiter& w) { return w.wakes_at <= due; });
    if (!watched) wake_one(queue);
  }

  static void wake_one(Queue& queue) {
    if (!queue.waiters.empty()) wake(queue, queue.waiters.front());
  }

  static void wake(Queue& queue, Waiter& waiter) {
    queue.waiters.erase(queue.waiters.iterator_to(waiter));
    waiter.bell.try_send(boost::system::error_code());
  }

  // The order by key. What has no key has a line of its own.

  static Line& join_line(Queue& queue, const SendRequest& request) {
    std::string key = request.order_key;
    if (key.empty() && queue.order_by) key = queue.order_by(*request.envelope);
    if (key.empty()) key = request.envelope->partition_key;
    if (key.empty()) key = request.envelope->id;
    const auto there = queue.lines.try_emplace(std::move(key)).first;
    there->second.key = &there->first;
    ++there->second.size;
    return there->second;
  }

  // What is sent with a delay has no place until that is over; what is given back keeps its own.
  static void place_in_line(Queue& queue, MessagePtr message, nanoseconds now, milliseconds delay) {
    if (message->number == 0) {
      if (delay > milliseconds::zero()) return hold_back(queue, std::move(message), now + delay);
      message->number = ++queue.last_number;
    }
    Line& line = *message->line;
    message->place = Message::Place::in_line;
    message->until = now + delay;
    const std::uint64_t number = message->number;
    line.waiting.emplace(number, std::move(message));
    advance(queue, line, now);
  }

  static void advance(Queue& queue, Line& line, nanoseconds now) {
    if (line.has_first || line.out > 0 || line.waiting.empty()) return;
    line.has_first = true;
    MessagePtr first = std::move(line.waiting.extract(line.waiting.begin()).mapped());
    const nanoseconds until = first->until;
    if (until > now) {
      hold_back(queue, std::move(first), until);
    } else {
      make_ready(queue, std::move(first));
    }
  }

  // Its first message was handed out: those that follow it may go to the same receiver.
  void hand_out_line(Queue& queue, Line& line, std::size_t most, nanoseconds now,
                     std::vector<Delivery>& taken) const {
    line.has_first = false;
    while (taken.size() < most && !line.waiting.empty()) {
      MessagePtr& next = line.waiting.begin()->second;
      if (next->until > now) return;
      Message& message = *next;
      message.self = std::move(next);
      line.waiting.erase(line.waiting.begin());
      hand_out(queue, message, now, taken);
    }
  }

  // The message is gone for good.
  static void leave_line(const Message& message, nanoseconds now) {
    Line& line = *message.line;
    if (--line.size > 0) return advance(*message.queue, line, now);
    auto& lines = message.queue->lines;
    lines.erase(lines.find(*line.key));
  }

  static std::map<std::uint64_t, MessagePtr> all_in_line(const Queue& queue) {
    std::map<std::uint64_t, MessagePtr> all;
    for (const auto& [key, line] : queue.lines)
      all.insert(line.waiting.begin(), line.waiting.end());
    return all;
  }

  // Nothing is ready or delayed any more either: what is left of a line is out.
  static void clear_lines(Queue& queue) {
    for (auto& [key, line] : queue.lines) {
      line.waiting.clear();
      line.has_first = false;
      line.size = line.out;
    }
    std::erase_if(queue.lines, [](const auto& there) { return there.second.size == 0; });
  }

  const TransportOptions options_;
  mutable std::mutex mutex_;
  TextMap<std::unique_ptr<Queue>> queues_;  // none is ever removed
  TextMap<std::vector<Queue*>> routes_;     // by type
};

class TransportInMemory final : public TransportBackend {
 public:
  explicit TransportInMemory(TransportOptions options)
      : broker_(std::make_shared<Broker>(std::move(options))) {}

  Broker& broker() { return *broker_; }

  std::string describe() const override { return "memory:"; }
  asio::awaitable<void> subscribe(Subscription subscription) override {
    broker_->subscribe(std::move(subscription));
    co_return;
  }
  asio::awaitable<void> send(std::vector<SendRequest> requests) override {
    broker_->send(requests);
    co_return;
  }
  asio::awaitable<std::vector<Delivery>> receive(std::string endpoint, std::size_t most) override {
    return broker_->receive(std::move(endpoint), most);
  }
  asio::awaitable<void> acknowledge(Delivery delivery) override {
    broker_->acknowledge(delivery.receipt);
    co_return;
  }
  asio::awaitable<void> give_back(Delivery delivery, GiveBack how) override {
    broker_->give_back(delivery.receipt, how);
    co_return;
  }
  milliseconds max_delay() const override { return kMaxDelay; }

 private:
  std::shared_ptr<Broker> broker_;
};

Broker& broker_of(const Transport& transport) {
  return static_cast<TransportInMemory&>(*transport.backend()).broker();
}

TransportOptions checked(TransportOptions options) {
  if (options.visibility_timeout <= milliseconds::zero() ||
      options.visibility_timeout > kMaxDelay) {
    throw std::invalid_argument(fmt::format("visibility_timeout: {} ms, expected more than 0",
                                            options.visibility_timeout.count()));
  }
  if (options.deduplication_window < milliseconds::zero() ||
      options.deduplication_window > kMaxDelay) {
    throw std::invalid_argument(fmt::format("deduplication_window: {} ms, expected 0 or more",
                                            options.deduplication_window.count()));
  }
  detail::check(options.ambient);
  return options;
}

}  // namespace

Transport::Transport() : Transport(TransportOptions{}) {}

Transport::Transport(TransportOptions options)
    : sagabus::Transport(std::make_shared<TransportInMemory>(checked(std::move(options)))) {}

bool Transport::hide(const Delivery& delivery, milliseconds time) {
  return broker_of(*this).hide(delivery.receipt, time);
}

std::size_t Transport::pending(std::string_view endpoint) const {
  return broker_of(*this).pending(endpoint);
}

std::vector<EnvelopePtr> Transport::peek(std::string_view endpoint) const {
  return broker_of(*this).waiting_messages(endpoint, false);
}

std::vector<EnvelopePtr> Transport::drain(std::string_view endpoint) {
  return broker_of(*this).waiting_messages(endpoint, true);
}

}  // namespace sagabus::memory
