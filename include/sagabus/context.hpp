// What a handler is given beside its message: where it is, and what it may ask for.
//
// Everything a handler asks for is only recorded. Nothing leaves the process before the step's
// state is committed; a step that is run again records it anew.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sagabus/envelope.hpp"
#include "sagabus/instance.hpp"
#include "sagabus/store_write.hpp"
#include "sagabus/timer.hpp"

namespace sagabus {

class RandomSource;
class StoreBackend;

// Notes from middleware to handlers and back; they last for the step.
using Metadata = std::map<std::string, std::string, std::less<>>;

struct PublishOptions {
  Headers headers{};            // added to those that every message inherits: the trace context
  std::string partition_key{};  // see Envelope::partition_key
  std::string id{};             // of the message; empty: derived from the step, or new
};

namespace detail {

struct SagaData;

// How far ahead timeouts, and scheduled messages, may be.
struct TimerLimits {
  std::chrono::milliseconds least{1000};
  std::chrono::milliseconds most = std::chrono::days(3650);
};

// What a step has recorded so far. Shared by the step and every copy of its context.
struct StepRecord {
  EnvelopePtr envelope;
  // These live as long as the step is open.
  const std::string* sender_id = nullptr;  // the saga's id, or the service's endpoint: ids of
                                           // messages derive from it
  const std::string* saga_name = nullptr;
  const std::string* correlation_id = nullptr;
  unsigned attempt = 1;
  TimePoint now{};
  std::vector<OutgoingMessage> outgoing;
  bool completed = false;
  StoreBackend* store = nullptr;  // a saga's, or the one that keeps what a service schedules
  const SagaData* saga = nullptr;
  RandomSource* random = nullptr;
  TimerLimits timer_limits{};
  std::size_t max_message_bytes = std::numeric_limits<std::size_t>::max();
  std::size_t pack_above = std::numeric_limits<std::size_t>::max();  // TransportBackend's
  std::vector<std::size_t> to_pack{};   // places in `outgoing`, in their order
  std::vector<Timer> timers{};          // a saga's, as they are to be
  std::vector<std::string> due_rows{};  // timers that have come nearer: their rows must be put
  std::vector<ScheduledMessage> cancelled{};
  std::vector<StoreWritePtr> writes{};
  std::vector<RefusedWrite> refused{};
  bool asked_refused = false;
  Metadata* metadata = nullptr;
  bool open = true;
};

void record(StepRecord& step, std::string_view type, Value payload, PublishOptions options);
// Not before `at`.
ScheduledMessage record_scheduled(StepRecord& step, std::string_view type, Value payload,
                                  PublishOptions options, TimePoint at);
void record_cancel(StepRecord& step, ScheduledMessage message);
// `now` is timer_now() as whoever reckons `due` by it has seen it.
void set_timer(StepRecord& step, std::string_view name, TimePoint due, TimePoint now);
void clear_timer(StepRecord& step, std::string_view name);
const Timer* find_timer(const StepRecord& step, std::string_view name);
// By which timers are due: the store's.
TimePoint timer_now(const StepRecord& step);
void record_write(StepRecord& step, StoreWritePtr write);
[[noreturn]] void refuse_closed_context();

}  // namespace detail

// The context of a service's handler, and the common part of a saga's.
//
// A handle, cheap to copy. To be used by the handler while it runs, by one thread at a time; every
// call after the step throws std::logic_error.
class MessageContext {
 public:
  explicit MessageContext(std::shared_ptr<detail::StepRecord> step) : step_(std::move(step)) {}

  const Envelope& envelope() const { return *step().envelope; }

  // 1 for the first try, one more after each failure of a handler.
  unsigned attempt() const { return step().attempt; }

  // The time at which the step began, by the bus's clock.
  TimePoint now() const { return step().now; }

  // Sends the message to everyone who subscribed to its type, once the step is committed. Throws
  // ValidationError naming what no transport could carry, as check(Envelope) does, and what is
  // larger than this one takes.
  template <detail::CheckedMessage M>
  void publish(const M& message, PublishOptions options = {}) {
    detail::record(step(), message_name<M>(), to_value(message), std::move(options));
  }

  // The same, sent at `at`, or when `after` has passed, by the store's clock: about a second late
  // at the most while a bus runs. Zero, negative and past times mean at once. Who keeps what it
  // returns can cancel it. As durable as a committed state, whatever the transport; of any length
  // up to BusOptions::max_timeout, else ValidationError. A message of over 256 KB is a
  // ValidationError as well, unless the transport packs it, and so is an id of over 512 bytes.
  template <detail::CheckedMessage M>
  ScheduledMessage schedule(const M& message, TimePoint at, PublishOptions options = {}) {
    return detail::record_scheduled(step(), message_name<M>(), to_value(message),
                                    std::move(options), at);
  }
  template <detail::CheckedMessage M>
  ScheduledMessage schedule(const M& message, std::chrono::milliseconds after,
                            PublishOptions options = {}) {
    return schedule(message, later(detail::timer_now(step()), after), std::move(options));
  }

  // Once the step is committed, the message is not sent any more; too late, and harmless, where it
  // was sent already, or is due at this moment. Whoever scheduled it, if it is kept in the same
  // store: the bus or a step. What another instance's step scheduled may come all the same while
  // that step is still at work.
  void cancel(ScheduledMessage message) { detail::record_cancel(step(), std::move(message)); }

  // For calls to other services: the same for every run of this step for this message, different
  // for any other. Give each call of one step a purpose of its own.
  std::string idempotency_key(std::string_view purpose = {}) const;

  // Notes that last for the step, shared with the middleware around it.
  Metadata& metadata() { return *step().metadata; }

 protected:
  detail::StepRecord& step() const {
    if (!step_->open) detail::refuse_closed_context();
    return *step_;
  }

 private:
  std::shared_ptr<detail::StepRecord> step_;
};

class SagaContext : public MessageContext {
 public:
  using MessageContext::MessageContext;

  const std::string& saga_name() const { return *step().saga_name; }
  const std::string& saga_id() const { return *step().sender_id; }
  const std::string& correlation_id() const { return *step().correlation_id; }

  // The instance gets SagaTimeoutExpired when `after` has passed, or at `at`, by the store's clock;
  // about a second late at the most while a bus runs, and never early. The handler is that of
  // .on_timeout(name), else that of .on<SagaTimeoutExpired>(). Where a timeout of that name is set
  // already, it is moved. An instance that ends takes its timeouts with it.
  //
  // Throws std::invalid_argument where the saga handles no such timeout; ValidationError where it
  // is nearer than BusOptions::min_timeout or farther than max_timeout, where its name is longer
  // than kMaxTimerName, or is one more than kMaxTimers; Unsupported where the store keeps no
  // timers.
  void set_timeout(std::string_view name, TimePoint at) {
    detail::set_timer(step(), name, at, detail::timer_now(step()));
  }
  void set_timeout(std::string_view name, std::chrono::milliseconds after) {
    const TimePoint now = detail::timer_now(step());
    detail::set_timer(step(), name, later(now, after), now);
  }
  // Without a name, for a saga that has one timeout only.
  void set_timeout(TimePoint at) { set_timeout({}, at); }
  void set_timeout(std::chrono::milliseconds after) { set_timeout({}, after); }

  // It does not come any more, even where it is due at this moment. Nothing happens where it is not
  // set, or has come.
  void clear_timeout(std::string_view name = {}) { detail::clear_timer(step(), name); }

  // How long it has to go; zero where it is due and has not come yet; empty where none is set.
  std::optional<std::chrono::milliseconds> timeout_remaining(std::string_view name = {}) const {
    const Timer* const timer = detail::find_timer(step(), name);
    if (!timer) return std::nullopt;
    return std::max(timer->due - detail::timer_now(step()), std::chrono::milliseconds::zero());
  }

  // The instance ends with this step. Later messages to it are ignored until it expires.
  void complete() { step().completed = true; }

  // A write of your own, to whatever else is in the saga's database: it is carried out with the
  // step's own write, or neither is. Such a step costs what its store asks for a transaction.
  // sagabus/dynamodb/transact.hpp has those of DynamoDB; throws Unsupported where the saga's store
  // does not know it, std::invalid_argument where it is null.
  //
  // Where a condition of such a write does not hold, nothing of the step is committed. A handler
  // that has asked for refused() is then run again, on what is read anew, and may do something
  // else; for one that has not, the step fails with WriteRefused. A step with such writes is
  // committed by itself, whatever BusOptions::max_coalesced_steps says.
  void transact(StoreWritePtr write) { detail::record_write(step(), std::move(write)); }

  // Which writes were refused when this step was last tried on this very version of the instance;
  // empty where none were. To be asked in every run, also the first, which tells the bus that the
  // handler has an answer. Lasts as long as the context.
  const std::vector<RefusedWrite>& refused() {
    step().asked_refused = true;
    return step().refused;
  }
};

}  // namespace sagabus
