#include "sagabus/testing/harness.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <set>
#include <stdexcept>

#include "definition_text.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/sync_wait.hpp"
#include "sagabus/timer_tools.hpp"
#include "testing/decorators.hpp"
#include "testing/mortal_clock.hpp"
#include "testing/planned_faults.hpp"
#include "testing/recorder.hpp"
#include "testing/timeline.hpp"

namespace sagabus::testing {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

// More steps and messages than this without any time going by: a circle.
constexpr std::uint64_t kMostAtOnce = 10'000;
// As many handlers of coroutines, each of which may do nothing that we see.
constexpr std::size_t kMostHandlers = 2'000'000;

// As many moments at which something is done, until all is to be idle.
constexpr std::size_t kMostMoments = 100'000;

constexpr std::size_t kShown = 12;  // of the steps, and of the messages, that led to no rest

constexpr milliseconds kLongestAdvance = std::chrono::days(200 * 365);

// An operation of the test's.
struct Call {
  bool done = false;
  std::exception_ptr error;
  asio::cancellation_signal cancel;
};

}  // namespace

class Harness::Impl {
 public:
  explicit Impl(HarnessOptions options)
      : options_(std::move(options)),
        clock_(options_.clock ? options_.clock : std::make_shared<VirtualClock>()),
        start_(clock_->now()),
        bus_clock_(std::make_shared<MortalClock>(clock_)),
        random_(seeded_random(options_.seed)),
        store_({.ambient = {.clock = clock_, .random = random_}}),
        // Takes no message for a repeat, so that sagas see them all.
        transport_({.deduplication_window = milliseconds(0),
                    .ordered_by_key = options_.fifo,
                    .ambient = {.clock = clock_, .random = random_}}),
        recorder_(clock_),
        faults_(store_, [this](const auto& requests) { return is_from_test(requests); }),
        bus_(bus_options()) {
    for (const SagaDefinition& saga : sagas_) {
      coverage_.expect(saga);
      if (options_.coverage) options_.coverage->expect(saga);
    }
    run(bus_.start());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    if (restless_) return;
    try {
      const auto stopped = start(bus_.stop());
      while (poll(), !stopped->done && clock_->advance_to_next()) {
      }
    } catch (...) {  // NOLINT(bugprone-empty-catch): what finds no rest is left as it is
    }
  }

  std::shared_ptr<Call> start(asio::awaitable<void> operation) {
    const auto call = std::make_shared<Call>();
    const auto done = [call](std::exception_ptr error) {
      call->done = true;
      call->error = std::move(error);
    };
    asio::co_spawn(context_, std::move(operation),
                   asio::bind_cancellation_slot(call->cancel.slot(), done));
    return call;
  }

  void run(asio::awaitable<void> operation) {
    const auto call = start(std::move(operation));
    poll();
    if (!call->done) {
      call->cancel.emit(asio::cancellation_type::terminal);
      poll();
      throw std::logic_error("it waits for what does not come at this moment, and was cancelled");
    }
    if (call->error) std::rethrow_exception(call->error);
  }

  void start_publishing(asio::awaitable<void> operation) {
    publishing_.push_back(start(std::move(operation)));
  }

  // Until nothing can be done at this moment.
  void settle() {
    poll();
    for (const auto& call : std::exchange(publishing_, {})) {
      if (call->error) std::rethrow_exception(call->error);
    }
  }

  void advance(milliseconds time) {
    if (time < milliseconds::zero()) throw std::invalid_argument("advance: time does not go back");
    if (time > kLongestAdvance) throw std::invalid_argument("advance: over 200 years");
    const auto until = clock_->monotonic() + time;
    settle();
    for (auto next = clock_->until_next(); next && *next <= until - clock_->monotonic();
         next = clock_->until_next()) {
      clock_->advance_to_next();
      settle();
    }
    clock_->advance(until - clock_->monotonic());
    settle();
  }

  milliseconds run_until_idle() {
    const auto began = clock_->monotonic();
    settle();
    for (std::size_t moments = 0; !is_idle(); ++moments) {
      if (moments == kMostMoments) give_up("within one run_until_idle");
      if (!clock_->advance_to_next()) give_up("somebody waits for what no clock brings");
      settle();
    }
    return std::chrono::ceil<milliseconds>(clock_->monotonic() - began);
  }

  // What only looks. The store is in memory, and answers at once, whoever asks.

  std::optional<Instance> find(std::string_view saga_name, std::string_view correlation_id) const {
    return sync_wait(
        store_.get_by_correlation_id(std::string(saga_name), std::string(correlation_id)));
  }

  std::vector<Instance> all_with(std::string_view correlation_id) const {
    std::vector<Instance> found;
    for (const SagaDefinition& saga : sagas_) {
      if (auto it = find(saga.name(), correlation_id)) found.push_back(*std::move(it));
    }
    return found;
  }

  std::vector<WaitingTimeout> timers() const {
    std::vector<WaitingTimeout> waiting;
    for (const SagaDefinition& saga : sagas_) {
      for (const Instance& it : instances(saga.name())) {
        if (it.completed) continue;
        for (const Timer& timer : it.bookkeeping.timers) {
          waiting.push_back({saga.name(), it.correlation_id, timer.name, timer.due});
        }
      }
    }
    std::ranges::stable_sort(waiting, {}, &WaitingTimeout::due);
    return waiting;
  }

  std::vector<OutgoingMessage> scheduled() const {
    std::vector<OutgoingMessage> waiting;
    for (const TimerRow& row : rows()) {
      if (!read_timeout(row)) waiting.push_back({row.envelope, row.key.due});
    }
    return waiting;
  }

  std::vector<DeadLetter> dead_letters() const {
    std::vector<DeadLetter> letters;
    for (const std::string& endpoint : endpoints()) {
      for (const EnvelopePtr& letter : transport_.peek(letters_of(endpoint))) {
        const auto error = letter->headers.find(headers::kErrorMessage);
        letters.push_back(
            {endpoint, letter, error == letter->headers.end() ? std::string() : error->second});
      }
    }
    return letters;
  }

  // Of the instances of that id; without one, all.
  std::string explain(std::optional<std::string_view> correlation_id) const {
    Timeline timeline(start_);
    std::set<std::string> ids;
    for (const HarnessStep& step : recorder_.steps()) {
      if (correlation_id && step.correlation_id != *correlation_id) continue;
      timeline.add(step);
      ids.insert(step.envelope->id);
    }
    for (const DeadLetter& letter : dead_letters()) {
      if (!correlation_id || ids.contains(letter.envelope->id)) timeline.add(letter);
    }
    for (const WaitingTimeout& timer : timers()) {
      if (!correlation_id || timer.correlation_id == *correlation_id) timeline.add(timer);
    }
    for (const std::string& fault : faults_.pending()) timeline.add_pending_fault(fault);
    return timeline.text();
  }

  [[noreturn]] void fail_unknown(std::string_view what) const {
    throw std::runtime_error(fmt::format("{}\n{}", what, explain(std::nullopt)));
  }

  std::string saga_with(const std::type_info& state) const {
    const SagaDefinition* found = nullptr;
    for (const SagaDefinition& saga : sagas_) {
      if (*saga.data()->state.type != state) continue;
      if (found) throw std::logic_error("several sagas have this state; name one");
      found = &saga;
    }
    if (!found) throw std::logic_error("no saga has this state");
    return found->name();
  }

  void fail_handlers(const std::string& message, unsigned times, std::exception_ptr error) {
    const bool known = std::ranges::any_of(sagas_, [&](const SagaDefinition& saga) {
      return std::ranges::any_of(saga.data()->messages, [&](const auto& it) {
        return !it.handlers.empty() && sagabus::detail::text_of(it) == message;
      });
    });
    if (!known) throw std::invalid_argument("fail_next: no saga handles " + message);
    faults_.fail_handlers(message, times, std::move(error));
  }

  Recorder& recorder() { return recorder_; }
  const Coverage& coverage() const { return coverage_; }
  PlannedFaults& faults() { return faults_; }
  RandomSource& random() { return *random_; }
  Bus& bus() { return bus_; }
  SagaStore store() const { return store_; }
  const std::shared_ptr<VirtualClock>& clock() const { return clock_; }

 private:
  // Once the bus is no longer driven, its destructor must wait for nothing.
  struct EndOfTime {
    explicit EndOfTime(std::shared_ptr<MortalClock> c) : clock(std::move(c)) {}
    EndOfTime(const EndOfTime&) = delete;
    EndOfTime& operator=(const EndOfTime&) = delete;
    ~EndOfTime() { clock->die(); }
    const std::shared_ptr<MortalClock> clock;
  };

  BusOptions bus_options() {
    BusOptions options;
    options.sagas = options_.sagas;
    options.services = options_.services;
    options.middleware = options_.middleware;
    options.retry = options_.retry;
    options.shutdown_timeout = milliseconds::zero();
    if (options_.configure) options_.configure(options);
    letter_names_ = options.dead_letter_endpoint;
    services_ = options.services;
    for (SagaDefinition& saga : options.sagas) saga = watched(sagas_.emplace_back(saga));
    options.middleware.insert(options.middleware.begin(), [this](StepView& step, Next next) {
      return recorder_.observe(step, std::move(next));
    });
    options.transport = transport();
    options.store = faulty_store();
    options.executor = context_.get_executor();
    options.ambient.clock = bus_clock_;
    options.ambient.random = random_;
    return options;
  }

  Transport transport() {
    auto hooks = faults_.transport();
    hooks->max_message_bytes = options_.max_message_bytes;
    hooks->before_send = [this, fail = hooks->before_send](const std::vector<SendRequest>& all) {
      fail(all);
      recorder_.sent(all);
    };
    return Transport(std::make_shared<FaultyTransport>(transport_, hooks));
  }

  SagaStore faulty_store() {
    auto hooks = faults_.store();
    hooks->after_commit = [this, fail = hooks->after_commit](const CommitRequest& request,
                                                             const CommitResult& result) {
      if (result.committed) recorder_.committed(request);
      fail(request, result);
    };
    return SagaStore(std::make_shared<FaultyStore>(store_, hooks));
  }

  // The same saga on the harness's store, whose handlers tell that they are called.
  SagaDefinition watched(const SagaDefinition& saga) {
    sagabus::detail::SagaData data = *saga.data();
    for (std::size_t i = 0; i < data.messages.size(); ++i) {
      const auto called = [this, saga, i] { before_handler(saga, saga.data()->messages[i]); };
      for (auto& handler : data.messages[i].handlers) watch(handler, called);
    }
    SagaOptions options = saga.options();
    options.store.reset();
    return SagaDefinition(std::move(data)).with(std::move(options));
  }

  static void watch(sagabus::detail::SagaHandler& handler, std::function<void()> called) {
    if (handler.run) {
      handler.run = [run = std::move(handler.run), called = std::move(called)](
                        const void* message, void* state, SagaContext& context) {
        called();
        run(message, state, context);
      };
    } else {
      handler.await = [await = std::move(handler.await), called = std::move(called)](
                          const void* message, void* state, SagaContext& context) {
        called();
        return await(message, state, context);
      };
    }
  }

  void before_handler(const SagaDefinition& saga, const sagabus::detail::SagaMessage& message) {
    faults_.before_handler(sagabus::detail::text_of(message));
    coverage_.exercise(saga, message);
    if (options_.coverage) options_.coverage->exercise(saga, message);
  }

  // What the test sends to everybody; letters are the bus's, whatever they hold.
  bool is_from_test(const std::vector<SendRequest>& requests) const {
    return std::ranges::all_of(requests, [this](const SendRequest& request) {
      return request.endpoint.empty() && recorder_.is_own(request.envelope->id);
    });
  }

  void poll() {
    if (polling_) throw std::logic_error("a handler of the bus may only look at the harness");
    if (restless_) throw std::runtime_error("the bus has found no rest before");
    const std::uint64_t before = recorder_.events();
    polling_ = true;
    const Polled polled(polling_);
    context_.restart();
    for (std::size_t handlers = 0; context_.poll_one() > 0; ++handlers) {
      if (handlers > kMostHandlers || recorder_.events() - before > kMostAtOnce) {
        give_up("at one moment");
      }
    }
  }

  struct Polled {
    explicit Polled(bool& p) : polling(p) {}
    Polled(const Polled&) = delete;
    Polled& operator=(const Polled&) = delete;
    ~Polled() { polling = false; }
    bool& polling;
  };

  [[noreturn]] void give_up(std::string_view where) {
    restless_ = true;
    const auto& steps = recorder_.steps();
    const auto& messages = recorder_.messages();
    Timeline timeline(start_);
    for (std::size_t i = steps.size() - std::min(steps.size(), kShown); i < steps.size(); ++i) {
      timeline.add(steps[i]);
    }
    std::vector<std::string_view> types;
    for (std::size_t i = messages.size() - std::min(messages.size(), kShown); i < messages.size();
         ++i) {
      types.emplace_back(messages[i].envelope->type);
    }
    throw std::runtime_error(fmt::format(
        "the bus finds no rest {}\nthe last of {} messages: {}\nthe last of {} steps:\n{}", where,
        messages.size(), fmt::join(types, ", "), steps.size(), timeline.text()));
  }

  bool is_idle() const {
    for (const TimerRow& row : rows()) {
      if (sync_wait(examine_timer(store_, row)).state != TimerState::stale) return false;
    }
    return std::ranges::all_of(endpoints(), [this](const std::string& endpoint) {
      return transport_.pending(endpoint) == 0;
    });
  }

  std::vector<TimerRow> rows() const {
    TimerQuery query;
    query.limit = 100'000;
    return sync_wait(list_timers(store_, std::move(query))).rows;
  }

  std::vector<Instance> instances(const std::string& saga_name) const {
    std::vector<Instance> all;
    FindRequest request{.saga_name = saga_name, .limit = 500};
    do {
      FindPage page = sync_wait(store_.find_by_name(request));
      std::move(page.instances.begin(), page.instances.end(), std::back_inserter(all));
      request.continuation = std::move(page.continuation);
    } while (!request.continuation.empty());
    return all;
  }

  std::vector<std::string> endpoints() const {
    std::vector<std::string> names;
    for (const SagaDefinition& saga : sagas_) names.push_back(saga.name());
    for (const Service& service : services_) names.push_back(service.endpoint());
    return names;
  }

  std::string letters_of(const std::string& endpoint) const {
    return letter_names_ ? letter_names_(endpoint) : endpoint + ".dlq";
  }

  const HarnessOptions options_;
  const std::shared_ptr<VirtualClock> clock_;
  const TimePoint start_;
  const std::shared_ptr<MortalClock> bus_clock_;
  const std::shared_ptr<RandomSource> random_;
  const memory::SagaStore store_;
  const memory::Transport transport_;
  Recorder recorder_;
  PlannedFaults faults_;
  Coverage coverage_;
  std::vector<SagaDefinition> sagas_;  // as the test gave them
  std::vector<Service> services_;
  std::function<std::string(const std::string&)> letter_names_;
  std::vector<std::shared_ptr<Call>> publishing_;
  bool polling_ = false;
  bool restless_ = false;  // once no rest was found, nothing runs any more
  asio::io_context context_{1};
  const asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  Bus bus_;  // what it runs uses the rest
  const EndOfTime end_of_time_{bus_clock_};
};

Harness::Harness(HarnessOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Harness::Harness(SagaDefinition saga) : Harness(HarnessOptions{.sagas = {std::move(saga)}}) {}
Harness::~Harness() = default;

std::string Harness::name(PublishOptions& options) {
  if (options.id.empty()) options.id = new_uuid(impl_->random());
  impl_->recorder().own(options.id);
  return options.id;
}

std::string Harness::publish(Envelope envelope) {
  std::string id = envelope.id;
  impl_->recorder().own(id);
  start(bus().publish(std::move(envelope)));
  settle();
  return id;
}

void Harness::run(asio::awaitable<void> operation) {
  impl_->run(std::move(operation));
}
void Harness::start(asio::awaitable<void> operation) {
  impl_->start_publishing(std::move(operation));
}
void Harness::settle() {
  impl_->settle();
}
void Harness::advance(milliseconds time) {
  impl_->advance(time);
}
milliseconds Harness::run_until_idle() {
  return impl_->run_until_idle();
}
TimePoint Harness::now() const {
  return impl_->clock()->now();
}

std::string Harness::saga_with(const std::type_info& state) const {
  return impl_->saga_with(state);
}

std::optional<Instance> Harness::find(std::string_view saga_name,
                                      std::string_view correlation_id) const {
  return impl_->find(saga_name, correlation_id);
}
std::vector<Instance> Harness::find(std::string_view correlation_id) const {
  return impl_->all_with(correlation_id);
}

Instance Harness::instance(std::string_view saga_name, std::string_view correlation_id) const {
  auto found = find(saga_name, correlation_id);
  if (!found) impl_->fail_unknown(fmt::format("{} has no instance {}", saga_name, correlation_id));
  return *std::move(found);
}

Instance Harness::instance(std::string_view correlation_id) const {
  std::vector<Instance> found = find(correlation_id);
  if (found.size() == 1) return std::move(found.front());
  impl_->fail_unknown(
      fmt::format("{} instances have the correlation id {}", found.size(), correlation_id));
}

const std::vector<SentMessage>& Harness::published_messages() const noexcept {
  return impl_->recorder().messages();
}
std::vector<std::string> Harness::take_published() {
  return impl_->recorder().take_published();
}
const std::vector<HarnessStep>& Harness::steps() const noexcept {
  return impl_->recorder().steps();
}
std::vector<HarnessStep> Harness::steps_of(std::string_view message_id) const {
  std::vector<HarnessStep> found;
  std::ranges::copy_if(steps(), std::back_inserter(found),
                       [&](const HarnessStep& step) { return step.envelope->id == message_id; });
  return found;
}
std::vector<WaitingTimeout> Harness::timers() const {
  return impl_->timers();
}
std::vector<OutgoingMessage> Harness::scheduled() const {
  return impl_->scheduled();
}
std::vector<DeadLetter> Harness::dead_letters() const {
  return impl_->dead_letters();
}

void Harness::fail_handlers(const std::string& message, unsigned times, std::exception_ptr error) {
  impl_->fail_handlers(message, times, std::move(error));
}
void Harness::fail_next_timeout(std::string_view name, unsigned times, std::exception_ptr error) {
  fail_handlers("timeout " + std::string(name), times, std::move(error));
}
void Harness::fail_next(Fault fault, unsigned times) {
  impl_->faults().fail(fault, times);
}
std::vector<std::string> Harness::pending_faults() const {
  return impl_->faults().pending();
}

std::string Harness::explain(std::string_view correlation_id) const {
  return impl_->explain(correlation_id);
}
std::string Harness::explain() const {
  return impl_->explain(std::nullopt);
}
std::vector<std::string> Harness::unexercised() const {
  return impl_->coverage().unexercised();
}

Bus& Harness::bus() {
  return impl_->bus();
}
SagaStore Harness::store() const {
  return impl_->store();
}
std::shared_ptr<VirtualClock> Harness::clock() const {
  return impl_->clock();
}

}  // namespace sagabus::testing
