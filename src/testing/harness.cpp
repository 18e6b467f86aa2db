#include "sagabus/testing/harness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <set>
#include <stdexcept>

#include "sagabus/error.hpp"
#include "sagabus/memory/store.hpp"
#include "sagabus/memory/transport.hpp"
#include "sagabus/timer_tools.hpp"
#include "testing/decorators.hpp"
#include "testing/planned_faults.hpp"
#include "testing/timeline.hpp"

namespace sagabus::testing {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

// More handlers than this without any time going by: a circle.
constexpr std::size_t kMostHandlers = 10'000'000;

// As many moments at which something is done, in one call.
constexpr std::size_t kMostMoments = 100'000;

constexpr std::size_t kStepsShown = 12;  // of those that led to no rest

}  // namespace

class Harness::Impl {
 public:
  explicit Impl(HarnessOptions options)
      : options_(std::move(options)),
        clock_(std::make_shared<VirtualClock>(options_.start)),
        ambient_{.clock = clock_, .random = seeded_random(options_.seed)},
        inner_store_({.ambient = ambient_}),
        // Takes no message for a repeat, so that sagas see them all.
        inner_transport_({.deduplication_window = milliseconds(0), .ambient = ambient_}),
        faults_(std::make_shared<PlannedFaults>(
            inner_store_, [this](const std::vector<SendRequest>& all) { return is_own(all); })),
        bus_(bus_options()) {
    for (const SagaDefinition& saga : options_.sagas) {
      coverage_.expect(saga);
      if (options_.coverage) options_.coverage->expect(saga);
    }
    run(bus_.start());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    try {
      start(bus_.stop());
      while (poll(), running_ > 0 && clock_->advance_to_next()) {
      }
    } catch (...) {  // NOLINT(bugprone-empty-catch): a test that found no rest has said so
    }
  }

  void start(asio::awaitable<void> operation) {
    ++running_;
    asio::co_spawn(context_, std::move(operation), [this](std::exception_ptr error) {
      --running_;
      if (error && !error_) error_ = std::move(error);
    });
  }

  void run(asio::awaitable<void> operation) {
    start(std::move(operation));
    settle();
    if (running_ > 0) throw std::logic_error("it waits for what does not come at this moment");
  }

  // Until nothing can be done at this moment.
  void settle() {
    poll();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

  void advance(milliseconds time) {
    if (time < milliseconds::zero()) throw std::invalid_argument("advance: time does not go back");
    const auto until = clock_->monotonic() + time;
    settle();
    for (std::size_t moments = 0; wakes_by(until); ++moments) {
      if (moments == kMostMoments) give_up("within one advance");
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

  // To the end of an operation that waits for nothing.
  template <class T>
  T read(asio::awaitable<T> operation) {
    std::optional<T> result;
    run(keep(std::move(operation), result));
    return *std::move(result);
  }

  std::vector<Instance> instances(const std::string& saga_name) {
    std::vector<Instance> all;
    FindRequest request{.saga_name = saga_name, .limit = 500};
    do {
      FindPage page = read(inner_store_.find_by_name(request));
      std::move(page.instances.begin(), page.instances.end(), std::back_inserter(all));
      request.continuation = std::move(page.continuation);
    } while (!request.continuation.empty());
    return all;
  }

  std::optional<Instance> find(std::string_view saga_name, std::string_view correlation_id) {
    return read(
        inner_store_.get_by_correlation_id(std::string(saga_name), std::string(correlation_id)));
  }

  // Of any saga.
  std::vector<Instance> all_with(std::string_view correlation_id) {
    std::vector<Instance> found;
    for (const SagaDefinition& saga : options_.sagas) {
      if (auto it = find(saga.name(), correlation_id)) found.push_back(*std::move(it));
    }
    return found;
  }

  std::vector<WaitingTimeout> timers() {
    std::vector<WaitingTimeout> waiting;
    for (const SagaDefinition& saga : options_.sagas) {
      for (const Instance& it : instances(saga.name())) {
        for (const Timer& timer : it.bookkeeping.timers) {
          waiting.push_back({saga.name(), it.correlation_id, timer.name, timer.due});
        }
      }
    }
    std::ranges::stable_sort(waiting, {}, &WaitingTimeout::due);
    return waiting;
  }

  std::vector<OutgoingMessage> scheduled() {
    std::vector<OutgoingMessage> waiting;
    for (const TimerRow& row : rows()) {
      if (!read_timeout(row)) waiting.push_back({row.envelope, row.key.due});
    }
    return waiting;
  }

  std::vector<DeadLetter> dead_letters() const {
    std::vector<DeadLetter> letters;
    for (const std::string& endpoint : endpoints()) {
      for (const EnvelopePtr& letter : inner_transport_.peek(letters_of(endpoint))) {
        const auto error = letter->headers.find(headers::kErrorMessage);
        letters.push_back(
            {endpoint, letter, error == letter->headers.end() ? std::string() : error->second});
      }
    }
    return letters;
  }

  std::string explain(std::optional<std::string_view> correlation_id) {
    Timeline timeline(options_.start);
    for (const HarnessStep& step : steps_) {
      if (!correlation_id || step.correlation_id == *correlation_id) timeline.add(step);
    }
    for (const DeadLetter& letter : dead_letters()) timeline.add(letter);
    for (const WaitingTimeout& timer : timers()) {
      if (!correlation_id || timer.correlation_id == *correlation_id) timeline.add(timer);
    }
    return timeline.text();
  }

  [[noreturn]] void fail_unknown(std::string_view what) {
    throw std::runtime_error(fmt::format("{}\n{}", what, explain(std::nullopt)));
  }

  std::vector<std::string> take_published() {
    std::vector<std::string> types;
    for (; taken_ < sent_.size(); ++taken_) {
      if (!sent_[taken_].by_test) types.push_back(sent_[taken_].envelope->type);
    }
    return types;
  }

  void note_own(const std::string& id) { own_ids_.insert(id); }

  const HarnessOptions& options() const { return options_; }
  const Coverage& coverage() const { return coverage_; }
  const std::vector<HarnessStep>& steps() const { return steps_; }
  const std::vector<SentMessage>& sent() const { return sent_; }
  PlannedFaults& faults() { return *faults_; }
  RandomSource& random() { return *ambient_.random; }
  Bus& bus() { return bus_; }
  SagaStore store() const { return inner_store_; }
  const std::shared_ptr<VirtualClock>& clock() const { return clock_; }

 private:
  BusOptions bus_options() {
    BusOptions options;
    if (options_.configure) options_.configure(options);
    auto hooks = faults_->transport();
    hooks->before_send = [this, fail = hooks->before_send](const std::vector<SendRequest>& all) {
      fail(all);
      note_sent(all);
    };
    options.transport = Transport(std::make_shared<FaultyTransport>(inner_transport_, hooks));
    options.store = SagaStore(std::make_shared<FaultyStore>(inner_store_, faults_->store()));
    options.sagas = options_.sagas;
    options.services = options_.services;
    options.retry = options_.retry;
    options.middleware = options_.middleware;
    options.middleware.insert(options.middleware.begin(), [this](StepView& step, Next next) {
      return observe(step, std::move(next));
    });
    options.dead_letter_endpoint = letters_of;
    options.executor = context_.get_executor();
    options.ambient = ambient_;
    return options;
  }

  template <class T>
  static asio::awaitable<void> keep(asio::awaitable<T> operation, std::optional<T>& result) {
    T value = co_await std::move(operation);
    result.emplace(std::move(value));
  }

  asio::awaitable<void> observe(StepView& view, Next next) {
    HarnessStep step;
    step.at = clock_->now();
    std::exception_ptr error;
    try {
      faults_->before_step(view.envelope->type);
      co_await next();
    } catch (const std::exception& thrown) {
      error = std::current_exception();
      step.error = thrown.what();
    } catch (...) {
      error = std::current_exception();
      step.error = "something that is no std::exception";
    }
    step.saga_name = view.saga_name;
    step.correlation_id = view.correlation_id;
    step.envelope = view.envelope;
    step.attempt = view.attempt;
    step.outcome = view.outcome;
    step.before = view.loaded;
    step.after = view.resulting;
    note_exercised(step);
    steps_.push_back(std::move(step));
    if (error) std::rethrow_exception(error);
  }

  void note_exercised(const HarnessStep& step) {
    if (step.outcome != StepOutcome::committed && step.outcome != StepOutcome::unchanged) return;
    for (Coverage* coverage : {&coverage_, options_.coverage.get()}) {
      if (!coverage) continue;
      if (step.envelope->type != message_name<SagaTimeoutExpired>()) {
        coverage->exercise(step.saga_name, step.envelope->type);
        continue;
      }
      const auto name = read_message<SagaTimeoutExpired>(*step.envelope).timeoutName;
      coverage->exercise_timeout(step.saga_name, handler_of(step.saga_name, name.value_or("")));
    }
  }

  // The name under which the saga takes that timeout: its own, or that for any.
  std::string handler_of(const std::string& saga_name, const std::string& timeout) const {
    const auto saga = std::ranges::find(options_.sagas, saga_name, &SagaDefinition::name);
    return *saga->data()->find_timeout(timeout)->timeout;
  }

  void note_sent(const std::vector<SendRequest>& requests) {
    for (const SendRequest& request : requests) {
      if (!request.endpoint.empty() || !sent_ids_.insert(request.envelope->id).second) continue;
      sent_.push_back({clock_->now(), request.envelope, own_ids_.contains(request.envelope->id)});
    }
  }

  // What the test sends gets through.
  bool is_own(const std::vector<SendRequest>& requests) const {
    return std::ranges::all_of(requests, [this](const SendRequest& request) {
      return own_ids_.contains(request.envelope->id);
    });
  }

  void poll() {
    context_.restart();
    for (std::size_t handlers = 0; context_.poll_one() > 0; ++handlers) {
      if (handlers == kMostHandlers) give_up("at one moment");
    }
  }

  [[noreturn]] void give_up(std::string_view where) {
    Timeline timeline(options_.start);
    for (std::size_t i = steps_.size() - std::min(steps_.size(), kStepsShown); i < steps_.size();
         ++i) {
      timeline.add(steps_[i]);
    }
    throw std::runtime_error(fmt::format("the bus finds no rest {}; the last of {} steps:\n{}",
                                         where, steps_.size(), timeline.text()));
  }

  bool wakes_by(std::chrono::nanoseconds time) const {
    const auto next = clock_->until_next();
    return next && *next <= time - clock_->monotonic();
  }

  bool is_idle() {
    const std::vector<std::string> all = endpoints();
    return rows().empty() && std::ranges::all_of(all, [&](const std::string& endpoint) {
             return inner_transport_.pending(endpoint) == 0;
           });
  }

  std::vector<TimerRow> rows() {
    TimerQuery query;
    return read(list_timers(inner_store_, std::move(query))).rows;
  }

  std::vector<std::string> endpoints() const {
    std::vector<std::string> names;
    for (const SagaDefinition& saga : options_.sagas) names.push_back(saga.name());
    for (const Service& service : options_.services) names.push_back(service.endpoint());
    return names;
  }

  static std::string letters_of(const std::string& endpoint) { return endpoint + ".dlq"; }

  const HarnessOptions options_;
  const std::shared_ptr<VirtualClock> clock_;
  const Ambient ambient_;
  const memory::SagaStore inner_store_;
  const memory::Transport inner_transport_;
  const std::shared_ptr<PlannedFaults> faults_;
  Coverage coverage_;
  std::vector<HarnessStep> steps_;
  std::vector<SentMessage> sent_;
  std::set<std::string> sent_ids_;
  std::set<std::string> own_ids_;  // of the test's
  std::size_t taken_ = 0;          // of those that were sent
  std::size_t running_ = 0;        // of the test's own operations
  std::exception_ptr error_;
  asio::io_context context_{1};
  const asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  Bus bus_;  // last: what it runs uses the rest
};

Harness::Harness(HarnessOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Harness::Harness(SagaDefinition saga) : Harness(HarnessOptions{.sagas = {std::move(saga)}}) {}
Harness::~Harness() = default;

std::string Harness::name(PublishOptions& options) {
  if (options.id.empty()) options.id = new_uuid(impl_->random());
  impl_->note_own(options.id);
  return options.id;
}

std::string Harness::publish(Envelope envelope) {
  std::string id = envelope.id;
  impl_->note_own(id);
  run(bus().publish(std::move(envelope)));
  return id;
}

void Harness::run(asio::awaitable<void> operation) {
  impl_->run(std::move(operation));
}
void Harness::start(asio::awaitable<void> operation) {
  impl_->start(std::move(operation));
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

std::string Harness::saga_with(const sagabus::detail::StateType& state) const {
  const SagaDefinition* found = nullptr;
  for (const SagaDefinition& saga : impl_->options().sagas) {
    if (saga.data()->state.write != state.write) continue;
    if (found) throw std::logic_error("state_of: several sagas have this state; name one");
    found = &saga;
  }
  if (!found) throw std::logic_error("state_of: no saga has this state");
  return found->name();
}

std::optional<Instance> Harness::find(std::string_view saga_name,
                                      std::string_view correlation_id) const {
  return impl_->find(saga_name, correlation_id);
}

Instance Harness::instance(std::string_view saga_name, std::string_view correlation_id) const {
  auto found = find(saga_name, correlation_id);
  if (!found) impl_->fail_unknown(fmt::format("{} has no instance {}", saga_name, correlation_id));
  return *std::move(found);
}

Instance Harness::instance(std::string_view correlation_id) const {
  std::vector<Instance> found = impl_->all_with(correlation_id);
  if (found.size() == 1) return std::move(found.front());
  impl_->fail_unknown(
      fmt::format("{} instances have the correlation id {}", found.size(), correlation_id));
}

std::vector<Instance> Harness::find(std::string_view correlation_id) const {
  return impl_->all_with(correlation_id);
}

const std::vector<SentMessage>& Harness::published_messages() const noexcept {
  return impl_->sent();
}
std::vector<std::string> Harness::take_published() {
  return impl_->take_published();
}
const std::vector<HarnessStep>& Harness::steps() const noexcept {
  return impl_->steps();
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

void Harness::fail_next(std::string_view message_type, unsigned times) {
  impl_->faults().fail_steps(message_type, times);
}
void Harness::fail_next(Fault fault, unsigned times) {
  impl_->faults().fail(fault, times);
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
