#include "sagabus/bus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <map>
#include <set>
#include <stdexcept>
#include <thread>

#include "consumer.hpp"
#include "message_size.hpp"
#include "packing.hpp"
#include "saga_messages.hpp"
#include "saga_processor.hpp"
#include "sagabus/error.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/time_text.hpp"
#include "service_processor.hpp"
#include "timer_rules.hpp"
#include "timer_service.hpp"
#include "watermark_keeper.hpp"

namespace sagabus {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;  // NOLINT(google-build-using-namespace)
using namespace std::chrono_literals;                     // NOLINT(google-build-using-namespace)

namespace {

// After running steps were cancelled, they have this long to notice it.
constexpr std::chrono::milliseconds kCancelGrace{5000};

// How long a bus waits for its last watermark. It gives up by itself after 2 s, where its executor
// still runs.
constexpr std::chrono::milliseconds kTellGrace{3000};

// How long it waits for its timers to stop firing: the same.
constexpr std::chrono::milliseconds kTimerGrace{3000};

[[noreturn]] void refuse(const std::string& problem) {
  throw std::invalid_argument(problem);
}

// More steps at once than this wait for something else, and each takes memory.
constexpr unsigned kMaxConcurrency = 10'000;

// Each is planned before the first is committed.
constexpr unsigned kMaxCoalescedSteps = 1'000;

constexpr std::chrono::milliseconds kMaxShutdownTimeout = std::chrono::hours(24);
constexpr std::chrono::milliseconds kMaxInboxWindow = std::chrono::hours(24 * 365);
constexpr std::chrono::milliseconds kMaxTimeout = std::chrono::days(365'000);

// At the least some four ids: with fewer, hardly a redelivery would still be known. At the most
// half of what a store with small items keeps for the bookkeeping: the rest is the outbox's.
constexpr std::size_t kMinInboxBytes = 256;
constexpr std::size_t kMaxInboxBytes = std::size_t{32} * 1024;

void check_concurrency(const std::string& of, unsigned concurrency) {
  if (concurrency > kMaxConcurrency) {
    refuse(fmt::format("{}concurrency: {}, expected at most {}", of.empty() ? of : of + ": ",
                       concurrency, kMaxConcurrency));
  }
}

void check_coalesced_steps(const std::string& of, unsigned steps) {
  if (steps > kMaxCoalescedSteps) {
    refuse(fmt::format("{}max_coalesced_steps: {}, expected at most {}",
                       of.empty() ? of : of + ": ", steps, kMaxCoalescedSteps));
  }
}

void check_endpoints(const BusOptions& options) {
  std::set<std::string_view> seen;
  for (const SagaDefinition& saga : options.sagas) {
    if (!seen.insert(saga.name()).second) refuse("sagas: two bear the name " + saga.name());
  }
  for (const Service& service : options.services) {
    const std::string& endpoint = service.endpoint();
    if (endpoint.empty()) refuse("services: one has no endpoint");
    if (service.handlers().empty()) refuse("services: " + endpoint + " handles nothing");
    if (!seen.insert(endpoint).second) refuse("services: the endpoint " + endpoint + " is taken");
    check_concurrency(endpoint, service.concurrency());
  }
}

void check_span(std::string_view field, std::chrono::milliseconds value,
                std::chrono::milliseconds least, std::chrono::milliseconds most) {
  if (value < least || value > most) {
    refuse(fmt::format("{}: {} ms, expected {} to {} ms", field, value.count(), least.count(),
                       most.count()));
  }
}

void check_stores(const BusOptions& options) {
  for (const SagaDefinition& saga : options.sagas) {
    if (!saga.options().store.value_or(options.store).backend()) {
      refuse("store: missing, and saga " + saga.name() + " has none of its own");
    }
    check_concurrency(saga.name(), saga.options().concurrency);
    check_coalesced_steps(saga.name(), saga.options().max_coalesced_steps);
    if (saga.options().retry) check(*saga.options().retry);
  }
}

void check(const BusOptions& options) {
  if (!options.transport.backend()) refuse("transport: missing");
  if (options.concurrency < 1) refuse("concurrency: 0, expected 1 or more");
  check_concurrency("", options.concurrency);
  if (options.max_coalesced_steps < 1) refuse("max_coalesced_steps: 0, expected 1 or more");
  check_coalesced_steps("", options.max_coalesced_steps);
  check_span("shutdown_timeout", options.shutdown_timeout, 0ms, kMaxShutdownTimeout);
  check_span("inbox_window", options.inbox_window, 1ms, kMaxInboxWindow);
  if (options.inbox_bytes < kMinInboxBytes || options.inbox_bytes > kMaxInboxBytes) {
    refuse(fmt::format("inbox_bytes: {}, expected {} to {}", options.inbox_bytes, kMinInboxBytes,
                       kMaxInboxBytes));
  }
  check_span("min_timeout", options.min_timeout, 0ms, kMaxTimeout);
  check_span("max_timeout", options.max_timeout, options.min_timeout, kMaxTimeout);
  for (const Middleware& middleware : options.middleware) {
    if (!middleware) refuse("middleware: one is empty");
  }
  if (!options.ambient.clock) refuse("ambient.clock: missing");
  if (!options.ambient.random) refuse("ambient.random: missing");
  check(options.retry);
  check_endpoints(options);
  check_stores(options);
}

unsigned thread_count(const BusOptions& options) {
  return options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
}

// The threads of a bus that was given no executor.
class Threads {
 public:
  explicit Threads(unsigned count)
      : context_(static_cast<int>(count)), work_(asio::make_work_guard(context_)) {
    for (unsigned i = 0; i < count; ++i) threads_.emplace_back([this] { context_.run(); });
  }
  ~Threads() { join(); }
  void join() {
    work_.reset();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  asio::any_io_executor executor() { return context_.get_executor(); }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::vector<std::thread> threads_;
};

}  // namespace

class Bus::Impl : public std::enable_shared_from_this<Bus::Impl> {
 public:
  explicit Impl(BusOptions options) : options_(std::move(options)) {
    check(options_);
    if (!options_.executor) threads_.emplace(thread_count(options_));
    if (options_.fire_timers) add_timer_services();
    for (const SagaDefinition& saga : options_.sagas) add(saga);
    for (const Service& service : options_.services) add(service);
    keeper_ = std::make_shared<detail::WatermarkKeeper>(
        detail::WatermarkKeeperOptions{settlements_, stores(), executor(), options_.ambient});
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  asio::awaitable<void> start();
  asio::awaitable<void> stop(std::chrono::milliseconds timeout);
  asio::awaitable<void> run();

  bool is_running() const noexcept { return state_ == State::running; }
  Ledger ledger() const;
  const BusOptions& options() const noexcept { return options_; }
  asio::awaitable<ScheduledMessage> send_later(Envelope envelope, TimePoint at, TimePoint now);
  void check_later(const Envelope& envelope, std::chrono::milliseconds ahead, bool with_rows) const;
  asio::awaitable<bool> cancel(ScheduledMessage message);
  // Which keeps what the bus itself and its services schedule; may hold none.
  SagaStore timer_store() const;
  std::shared_ptr<detail::TimerService> timers_of(const SagaStore& store) const;
  // Not from a thread of the bus.
  void join() {
    if (threads_) threads_->join();
  }
  void require_started() const {
    const State state = state_;
    if (state == State::made || state == State::starting) {
      throw std::logic_error("a bus must be started before it can publish");
    }
  }

 private:
  enum class State { made, starting, running, stopping, stopped };

  // A start that does not come to its end, also because its coroutine is destroyed, may be tried
  // again.
  struct Starting {
    explicit Starting(std::atomic<State>& s) : state(s) {}
    Starting(const Starting&) = delete;
    Starting& operator=(const Starting&) = delete;
    ~Starting() {
      State starting = State::starting;
      state.compare_exchange_strong(starting, State::made);
    }
    std::atomic<State>& state;
  };

  void add_timer_services();
  void add(const SagaDefinition& saga);
  void add(const Service& service);
  struct Share {
    unsigned concurrency = 0;  // 0: the bus's
    unsigned most_together = 1;
  };
  void consume(Subscription subscription, Share share,
               std::shared_ptr<detail::Processor> processor);
  std::string dead_letters_of(const std::string& endpoint) const;
  detail::FailureRules failure_rules(const std::string& endpoint,
                                     const std::optional<RetryPolicy>& retry) const;
  asio::any_io_executor executor() { return threads_ ? threads_->executor() : *options_.executor; }
  std::vector<SagaStore> stores() const;
  asio::awaitable<void> prepare();
  asio::awaitable<void> drain(std::chrono::milliseconds timeout);
  asio::awaitable<void> stop_timers();
  asio::awaitable<void> drain_consumers(std::chrono::milliseconds timeout);
  asio::awaitable<bool> idle_within(std::chrono::milliseconds timeout);
  asio::awaitable<void> all_idle();

  std::optional<Threads> threads_;  // first: what follows stands on its context
  const BusOptions options_;
  const std::shared_ptr<detail::Settlements> settlements_ =
      std::make_shared<detail::Settlements>(new_nonce(*options_.ambient.random));
  std::atomic<State> state_{State::made};
  std::vector<Subscription> subscriptions_;
  std::vector<std::shared_ptr<detail::Consumer>> consumers_;
  std::vector<std::shared_ptr<const detail::SagaProcessor>> sagas_;
  std::shared_ptr<detail::WatermarkKeeper> keeper_;
  std::map<const StoreBackend*, std::shared_ptr<detail::TimerService>> timers_;
  detail::Gate stopping_;
};

// Building.

detail::FailureRules Bus::Impl::failure_rules(const std::string& endpoint,
                                              const std::optional<RetryPolicy>& retry) const {
  return {endpoint, retry.value_or(options_.retry), options_.on_error};
}

void Bus::Impl::add_timer_services() {
  for (SagaStore& store : stores()) {
    const StoreBackend* const backend = store.backend().get();
    if (!store.backend()->timers()) continue;
    detail::TimerServiceOptions options{
        .store = std::move(store),
        .transport = options_.transport,
        .worker = settlements_->worker(),
        .executor = executor(),
        .ambient = options_.ambient,
    };
    timers_.emplace(backend, std::make_shared<detail::TimerService>(std::move(options)));
  }
}

SagaStore Bus::Impl::timer_store() const {
  if (options_.store.backend() || options_.sagas.empty()) return options_.store;
  return options_.sagas.front().options().store.value_or(options_.store);
}

std::shared_ptr<detail::TimerService> Bus::Impl::timers_of(const SagaStore& store) const {
  const auto service = timers_.find(store.backend().get());
  return service == timers_.end() ? nullptr : service->second;
}

void Bus::Impl::add(const SagaDefinition& saga) {
  detail::SagaProcessorOptions options{
      .saga = saga,
      .store = saga.options().store.value_or(options_.store),
      .transport = options_.transport,
      .middleware = options_.middleware,
      .failure = failure_rules(saga.name(), saga.options().retry),
      .inbox = {options_.inbox_window, options_.inbox_bytes},
      .cached_instances = options_.cached_instances,
      .speculative_starts = options_.speculative_starts,
      .timer_limits = {options_.min_timeout, options_.max_timeout},
      .timers = timers_of(saga.options().store.value_or(options_.store)),
      .settlements = settlements_,
      .ambient = options_.ambient,
  };
  auto processor = std::make_shared<detail::SagaProcessor>(std::move(options));
  sagas_.push_back(processor);
  const unsigned together = saga.options().max_coalesced_steps;
  const Share share{saga.options().concurrency,
                    together != 0 ? together : options_.max_coalesced_steps};
  Subscription subscription{saga.name(), saga.message_types(),
                            detail::order_by_correlation_id(saga.data()),
                            detail::correlation_members(*saga.data())};
  consume(std::move(subscription), share, std::move(processor));
}

void Bus::Impl::add(const Service& service) {
  Subscription subscription{service.endpoint(), {}};
  for (const auto& handler : service.handlers()) subscription.types.push_back(handler.type);
  detail::ServiceProcessorOptions options{
      .service = service,
      .transport = options_.transport,
      .store = timer_store(),
      .timer_limits = {options_.min_timeout, options_.max_timeout},
      .timers = timers_of(timer_store()),
      .failure = failure_rules(service.endpoint(), std::nullopt),
      .ambient = options_.ambient,
  };
  consume(std::move(subscription), {service.concurrency()},
          std::make_shared<detail::ServiceProcessor>(std::move(options)));
}

std::string Bus::Impl::dead_letters_of(const std::string& endpoint) const {
  if (!options_.dead_letter_endpoint) return endpoint + ".dlq";
  std::string letters = options_.dead_letter_endpoint(endpoint);
  if (letters.empty()) refuse("dead_letter_endpoint: it gives no name for " + endpoint);
  return letters;
}

void Bus::Impl::consume(Subscription subscription, Share share,
                        std::shared_ptr<detail::Processor> processor) {
  const std::string& endpoint = subscription.endpoint;
  detail::ConsumerOptions options{
      .endpoint = endpoint,
      .dead_letter_endpoint = dead_letters_of(endpoint),
      .concurrency = share.concurrency != 0 ? share.concurrency : options_.concurrency,
      .most_together = share.most_together,
      .executor = executor(),
      .transport = options_.transport,
      .processor = std::move(processor),
      .ambient = options_.ambient,
  };
  consumers_.push_back(std::make_shared<detail::Consumer>(std::move(options)));
  subscriptions_.push_back(std::move(subscription));
}

Ledger Bus::Impl::ledger() const {
  Ledger out;
  for (const auto& saga : sagas_) saga->ledger().append_to(out);
  return out;
}

// Starting.

asio::awaitable<void> Bus::Impl::start() {
  const auto self = shared_from_this();
  State made = State::made;
  if (!state_.compare_exchange_strong(made, State::starting)) {
    throw std::logic_error("a bus is started once");
  }
  const Starting starting(state_);
  co_await prepare();
  State expected = State::starting;
  if (!state_.compare_exchange_strong(expected, State::running)) co_return;  // stopped meanwhile
  keeper_->start();
  for (const auto& [store, service] : timers_) service->start();
  for (const auto& consumer : consumers_) consumer->start();
}

// Each once.
std::vector<SagaStore> Bus::Impl::stores() const {
  std::vector<SagaStore> found;
  std::set<StoreBackend*> seen;
  const auto add = [&](SagaStore store) {
    if (store.backend() && seen.insert(store.backend().get()).second) {
      found.push_back(std::move(store));
    }
  };
  for (const SagaDefinition& saga : options_.sagas) {
    add(saga.options().store.value_or(options_.store));
  }
  add(timer_store());
  return found;
}

asio::awaitable<void> Bus::Impl::prepare() {
  for (const SagaStore& store : stores()) co_await store.backend()->prepare();
  for (Subscription subscription : subscriptions_) {
    co_await options_.transport.backend()->subscribe(std::move(subscription));
  }
}

// Stopping.

// Each caller does all of it: a caller that is destroyed half-way leaves nothing undone for the
// others.
asio::awaitable<void> Bus::Impl::stop(std::chrono::milliseconds timeout) {
  const auto self = shared_from_this();
  State state = state_;
  while (state < State::stopping) {
    if (state_.compare_exchange_weak(state, State::stopping)) state = State::stopping;
  }
  stopping_.open();
  if (state == State::stopped) co_return;
  // What waits for two things at once must run on one thread at a time. Spawned apart from its
  // caller, since Asio would carry the caller's cancellation to the strand, where it may come after
  // the end.
  const auto strand = asio::make_strand(co_await asio::this_coro::executor);
  const auto done = std::make_shared<detail::Gate>();
  auto op = drain(timeout);
  auto on_end = [self, done](const std::exception_ptr&) {
    self->state_ = State::stopped;
    done->open();
  };
  asio::co_spawn(strand, std::move(op), std::move(on_end));
  co_await done->wait();
}

asio::awaitable<void> Bus::Impl::drain(std::chrono::milliseconds timeout) {
  co_await stop_timers();
  co_await drain_consumers(timeout);
  auto told = keeper_->stop();
  auto late = options_.ambient.clock->sleep_for(kTellGrace);
  co_await (std::move(told) || std::move(late));
}

asio::awaitable<void> Bus::Impl::stop_timers() {
  for (const auto& [store, service] : timers_) {
    auto stopped = service->stop();
    auto late = options_.ambient.clock->sleep_for(kTimerGrace);
    co_await (std::move(stopped) || std::move(late));
  }
}

asio::awaitable<void> Bus::Impl::drain_consumers(std::chrono::milliseconds timeout) {
  for (const auto& consumer : consumers_) consumer->close();
  if (co_await idle_within(timeout)) co_return;
  for (const auto& consumer : consumers_) consumer->cancel();
  if (co_await idle_within(kCancelGrace)) co_return;
  options_.ambient.log(LogLevel::warning, "a step goes on after it was cancelled");
  for (const auto& consumer : consumers_) consumer->abandon();
}

asio::awaitable<bool> Bus::Impl::idle_within(std::chrono::milliseconds timeout) {
  auto idle = all_idle();
  auto late = options_.ambient.clock->sleep_for(timeout);
  const auto first = co_await (std::move(idle) || std::move(late));
  co_return first.index() == 0;
}

asio::awaitable<void> Bus::Impl::all_idle() {
  for (const auto& consumer : consumers_) co_await consumer->idle().wait();
}

asio::awaitable<void> Bus::Impl::run() {
  const auto self = shared_from_this();
  co_await start();
  auto strand = asio::make_strand(co_await asio::this_coro::executor);
  auto wait = [](Impl& impl) -> asio::awaitable<void> {
    asio::signal_set signals(co_await asio::this_coro::executor, SIGINT, SIGTERM);
    auto stopping = impl.stopping_.wait();
    auto asked = signals.async_wait(asio::use_awaitable);
    co_await (std::move(stopping) || std::move(asked));
  };
  auto op = wait(*this);
  co_await asio::co_spawn(strand, std::move(op), asio::use_awaitable);
  co_await stop(options_.shutdown_timeout);
}

// Messages for later.

void Bus::Impl::check_later(const Envelope& envelope, std::chrono::milliseconds ahead,
                            bool with_rows) const {
  const TransportBackend& transport = *options_.transport.backend();
  detail::check_scheduled(envelope, ahead, options_.max_timeout);
  if (!detail::packs(transport)) detail::check_fits_row(envelope);
  if (with_rows || ahead <= transport.max_delay()) return;
  throw Unsupported(fmt::format(
      "{} is scheduled {} ms ahead; there is no store to keep it, and the transport delays by at "
      "most {} ms",
      envelope.type, ahead.count(), transport.max_delay().count()));
}

asio::awaitable<ScheduledMessage> Bus::Impl::send_later(Envelope envelope, TimePoint at,
                                                        TimePoint now) {
  const auto self = shared_from_this();
  if (at > now) envelope.timestamp = std::min(at, kLatestText);
  sagabus::check(envelope);
  detail::check_size(envelope, options_.transport.backend()->max_message_bytes());
  const SagaStore store = timer_store();
  const bool with_rows = store.backend() && store.backend()->timers();
  ScheduledMessage handle{envelope.id, std::max(at, now)};
  if (at > now) check_later(envelope, at - now, with_rows);
  OutgoingMessage message{std::make_shared<const Envelope>(std::move(envelope)),
                          at > now ? at : TimePoint{}};
  if (at > now && with_rows) {
    auto packing = detail::pack_for_row(std::move(message.envelope), *options_.transport.backend());
    message.envelope = co_await std::move(packing);
  }
  detail::Effects effects;
  const std::vector<OutgoingMessage> messages{std::move(message)};
  detail::add_messages(messages, with_rows, effects);
  TimerBackend* const timers = with_rows ? store.backend()->timers() : nullptr;
  const auto service = timers_of(store);
  auto carrying = detail::carry_out(std::move(effects), *options_.transport.backend(), timers,
                                    service.get(), nullptr);
  co_await std::move(carrying);
  co_return handle;
}

asio::awaitable<bool> Bus::Impl::cancel(ScheduledMessage message) {
  const auto self = shared_from_this();
  const SagaStore store = timer_store();
  TimerBackend* const timers = store.backend() ? store.backend()->timers() : nullptr;
  if (!timers) throw Unsupported("cancel: no store keeps scheduled messages");
  std::vector<TimerKey> keys;
  keys.push_back({message.due, std::move(message.id)});
  auto erasing = timers->erase(std::move(keys), nullptr);
  co_return co_await std::move(erasing) > 0;
}

// The public face.

Bus::Bus(BusOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {}

Bus::~Bus() {
  try {
    sync_wait(impl_->stop(std::chrono::milliseconds::zero()));
  } catch (...) {  // NOLINT(bugprone-empty-catch): what was not returned is delivered again
  }
  impl_->join();
}

asio::awaitable<void> Bus::start() {
  return impl_->start();
}

asio::awaitable<void> Bus::stop() {
  return impl_->stop(impl_->options().shutdown_timeout);
}

void Bus::run() {
  sync_wait(impl_->run());
}

bool Bus::is_running() const noexcept {
  return impl_->is_running();
}

Ledger Bus::ledger() const {
  return impl_->ledger();
}

TimePoint Bus::timer_now() const {
  const auto store = impl_->timer_store().backend();
  TimerBackend* const timers = store ? store->timers() : nullptr;
  return timers ? timers->now() : impl_->options().ambient.clock->now();
}

asio::awaitable<void> Bus::publish(Envelope envelope) {
  return send(std::move(envelope), TimePoint{});
}

Envelope Bus::make_envelope(std::string_view type, Value payload, PublishOptions options) const {
  const Ambient& ambient = impl_->options().ambient;
  Envelope envelope;
  envelope.id = options.id.empty() ? new_uuid(*ambient.random) : std::move(options.id);
  envelope.type = type;
  envelope.payload = std::move(payload);
  envelope.headers = std::move(options.headers);
  envelope.timestamp = ambient.clock->now();
  envelope.partition_key = std::move(options.partition_key);
  return envelope;
}

asio::awaitable<void> Bus::send(Envelope envelope, TimePoint not_before) {
  impl_->require_started();
  sagabus::check(envelope);
  detail::check_size(envelope, impl_->options().transport.backend()->max_message_bytes());
  std::vector<SendRequest> requests(1);
  requests[0].not_before = not_before;
  requests[0].envelope = std::make_shared<const Envelope>(std::move(envelope));
  return impl_->options().transport.backend()->send(std::move(requests));
}

asio::awaitable<ScheduledMessage> Bus::send_later(std::string_view type, Value payload,
                                                  PublishOptions options, TimePoint at) {
  impl_->require_started();
  Envelope envelope = make_envelope(type, std::move(payload), std::move(options));
  return impl_->send_later(std::move(envelope), at, timer_now());
}

asio::awaitable<bool> Bus::cancel(ScheduledMessage message) {
  impl_->require_started();
  return impl_->cancel(std::move(message));
}

}  // namespace sagabus
