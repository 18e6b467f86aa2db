// Sagas under test: the real bus on stores and queues in memory, in virtual time and on the test's
// own thread, with everything that happens to be seen.
//
//   testing::Harness bus(order_saga());
//   bus.publish(OrderPlaced{"order-1"});
//   bus.advance(30min);
//   EXPECT_EQ(bus.state_of<OrderState>("order-1").status, OrderStatus::cancelled);
//
// It needs no test framework: what goes wrong is an exception whose text says what did happen.
// Matchers for GoogleTest are in sagabus/testing/matchers.hpp. The guide is docs/guide/testing.md.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "sagabus/bus.hpp"
#include "sagabus/saga.hpp"
#include "sagabus/testing/coverage.hpp"
#include "sagabus/testing/virtual_clock.hpp"

namespace sagabus::testing {

struct HarnessOptions {
  std::vector<SagaDefinition> sagas{};
  std::vector<Service> services{};
  std::vector<Middleware> middleware{};  // outermost first, as BusOptions::middleware
  RetryPolicy retry{};
  // What handlers exercise is noted there as well, so that the tests of a suite share it.
  std::shared_ptr<Coverage> coverage{};
  // The time of all; for handlers that wait. Empty: one that begins at kDefaultStart.
  std::shared_ptr<VirtualClock> clock{};
  std::uint64_t seed = 1;  // of all that the bus draws: ids, jitter
  // Messages of one instance keep their order also where one is given back, as on a FIFO queue.
  bool fifo = false;
  std::size_t max_message_bytes = 0;  // of the transport; 0: any size
  // Changes all of this, and what else the bus is made with. Only its transport, executor, clock
  // and source of randomness, and the store of the bus and of each saga, are the harness's.
  std::function<void(BusOptions&)> configure{};
};

// One step of a saga, as it went; in the order in which they began. One that fails is tried again,
// as a step of its own. A timeout that comes after it was cleared or moved is none.
struct HarnessStep {
  TimePoint at{};  // when it began
  std::string saga_name;
  std::string correlation_id;
  EnvelopePtr envelope;
  unsigned attempt = 1;
  StepOutcome outcome = StepOutcome::pending;
  std::string error{};   // what was thrown; empty: nothing
  InstancePtr before{};  // null: there was none
  InstancePtr after{};   // null: nothing was committed. It may be there although the step failed:
                         // then the answer was lost.
  bool ended = false;    // else its handler waits
};

// What went to everybody who takes its type.
struct SentMessage {
  TimePoint at{};
  EnvelopePtr envelope;
  bool by_test = false;  // by Harness::publish
};

// A timeout that an instance has set and that has not come yet.
struct WaitingTimeout {
  std::string saga_name;
  std::string correlation_id;
  std::string name;
  TimePoint due{};
};

struct DeadLetter {
  std::string endpoint;  // of the saga or service that could not take it
  EnvelopePtr envelope;
  std::string error;
};

// Each hits the next operation of its kind, whichever message that is for: a commit is any write of
// an instance.
enum class Fault {
  commit_refused,      // the store is away: nothing is written
  commit_answer_lost,  // the store writes, and its answer does not come
  commit_raced,     // another write of the same instance, of no effect, comes first. Commits that
                    // start an instance are left alone.
  send_refused,     // the transport is away: nothing is sent. What Harness::publish sends gets
                    // through.
  send_answer_lost  // the transport takes the messages, and its answer does not come
};

// To be used by one thread. Handlers and middleware run within its functions; they may wait for the
// clock they are given, and for nothing outside: what another thread brings about is not waited
// for.
//
// Time stands still unless a test moves it. What publishes, runs or lets time go by lets the bus
// do, in the end, all that can be done at that moment; it throws std::runtime_error where the bus
// finds no rest, as where two sagas answer each other for ever. What only looks, does nothing else,
// and may be called from handlers and middleware too.
//
// The destructor cancels handlers that still wait.
class Harness {
 public:
  // Throws what Bus's constructor and Bus::start throw.
  explicit Harness(HarnessOptions options);
  explicit Harness(SagaDefinition saga);
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;
  ~Harness();

  // Sends a message as any service would, and returns its id. Messages that are given one id are
  // one message, delivered several times: the transport does not hold repeats back.
  template <sagabus::detail::CheckedMessage M>
  std::string publish(const M& message, PublishOptions options = {}) {
    std::string id = start_publishing(message, std::move(options));
    settle();
    return id;
  }
  std::string publish(Envelope envelope);

  // All are there before the first is handled.
  template <sagabus::detail::CheckedMessage... M>
  void publish_together(const M&... messages) {
    (start_publishing(messages), ...);
    settle();
  }

  // Runs something on the bus's thread, such as Bus::schedule or a call of a store, to its end.
  // Throws what it throws; where it waits for a time that has not come, it is cancelled:
  // std::logic_error.
  void run(boost::asio::awaitable<void> operation);
  template <class T>
  T run(boost::asio::awaitable<T> operation) {
    const auto result = std::make_shared<std::optional<T>>();
    run(keep(std::move(operation), result));
    return *std::move(*result);
  }

  // Time goes by, and what becomes due is done when it is due. Throws std::invalid_argument for a
  // negative time, and one of over 200 years.
  void advance(std::chrono::milliseconds time);

  // Time goes by until no message is on its way and nothing is due later: timeouts come, what
  // failed is tried again, and is buried at last. Returns how long that took.
  std::chrono::milliseconds run_until_idle();

  TimePoint now() const;

  // As it stands in the store. Throws std::runtime_error, with what did happen, where there is
  // none, std::logic_error where several sagas, or none, have such a state: then name the saga.
  template <class State>
  State state_of(std::string_view correlation_id) const {
    return state_of<State>(saga_with(typeid(State)), correlation_id);
  }
  template <class State>
  State state_of(std::string_view saga_name, std::string_view correlation_id) const {
    return from_value<State>(instance(saga_name, correlation_id).state);
  }
  // The same, empty where there is none.
  template <class State>
  std::optional<State> find_state(std::string_view correlation_id) const {
    const auto it = find(saga_with(typeid(State)), correlation_id);
    return it ? std::optional(from_value<State>(it->state)) : std::nullopt;
  }

  // With what the bus keeps beside the state. Throws std::runtime_error where there is none;
  // without a saga's name also where several sagas have one of that id.
  Instance instance(std::string_view saga_name, std::string_view correlation_id) const;
  Instance instance(std::string_view correlation_id) const;
  std::optional<Instance> find(std::string_view saga_name, std::string_view correlation_id) const;
  std::vector<Instance> find(std::string_view correlation_id) const;  // of all sagas
  bool is_completed(std::string_view correlation_id) const {
    return instance(correlation_id).completed;
  }

  // The messages of that type that were sent so far, by sagas, services and the test, in their
  // order; one that was sent several times, under one id, stands where it was sent first.
  template <sagabus::detail::CheckedMessage M>
  std::vector<M> published() const {
    std::vector<M> messages;
    for (const SentMessage& sent : published_messages()) {
      if (sent.envelope->type == message_name<M>()) {
        messages.push_back(read_message<M>(*sent.envelope));
      }
    }
    return messages;
  }
  const std::vector<SentMessage>& published_messages() const noexcept;

  // The types of what sagas and services have sent since the last call.
  std::vector<std::string> take_published();

  const std::vector<HarnessStep>& steps() const noexcept;
  std::vector<HarnessStep> steps_of(std::string_view message_id) const;

  // The timeouts of all instances, the soonest first.
  std::vector<WaitingTimeout> timers() const;

  // Scheduled messages that are not sent yet, the soonest first.
  std::vector<OutgoingMessage> scheduled() const;

  std::vector<DeadLetter> dead_letters() const;

  // The next handlers of that message throw `error`, or a std::runtime_error, before they do
  // anything. std::invalid_argument where no saga handles it: services are not concerned.
  template <sagabus::detail::CheckedMessage M>
  void fail_next(unsigned times = 1, std::exception_ptr error = {}) {
    fail_handlers(std::string(message_name<M>()), times, std::move(error));
  }
  void fail_next_timeout(std::string_view name, unsigned times = 1, std::exception_ptr error = {});

  // The next operations of that kind fail.
  void fail_next(Fault fault, unsigned times = 1);

  // What was to fail and has not come up yet, as "2 x PaymentTaken"; a test may want
  // none.
  std::vector<std::string> pending_faults() const;

  // What happened to the instances of one id, or to all, for people to read: each step with its
  // time, how it ended, what it changed and what it asked for, and what is still to come.
  std::string explain(std::string_view correlation_id) const;
  std::string explain() const;

  // Messages and timeouts that these sagas take and no step has handled here: see Coverage.
  std::vector<std::string> unexercised() const;

  Bus& bus();
  SagaStore store() const;
  std::shared_ptr<VirtualClock> clock() const;

 private:
  template <class T>
  static boost::asio::awaitable<void> keep(boost::asio::awaitable<T> operation,
                                           std::shared_ptr<std::optional<T>> result) {
    T value = co_await std::move(operation);
    result->emplace(std::move(value));
  }

  template <class M>
  std::string start_publishing(const M& message, PublishOptions options = {}) {
    std::string id = name(options);
    start(bus().publish(message, std::move(options)));
    return id;
  }

  std::string name(PublishOptions& options);
  void start(boost::asio::awaitable<void> operation);
  void settle();
  std::string saga_with(const std::type_info& state) const;
  void fail_handlers(const std::string& message, unsigned times, std::exception_ptr error);

  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sagabus::testing
