// The bus: takes messages from a transport, runs the sagas and services they are for, and keeps
// what they leave in stores.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sagabus/ambient.hpp"
#include "sagabus/definition.hpp"
#include "sagabus/ledger.hpp"
#include "sagabus/middleware.hpp"
#include "sagabus/policy.hpp"
#include "sagabus/service.hpp"
#include "sagabus/store.hpp"
#include "sagabus/transport.hpp"

namespace sagabus {

struct BusOptions {
  Transport transport{};  // required
  SagaStore store{};      // required, unless every saga has its own
  std::vector<SagaDefinition> sagas{};
  std::vector<Service> services{};
  std::vector<Middleware> middleware{};  // around each step of a saga, outermost first
  RetryPolicy retry{};
  ErrorHandler on_error = decide_by_type;
  unsigned concurrency = 64;  // steps that run at once, for each saga and service; 1 to 10,000
  // Where handlers run. Empty: threads of the bus's own.
  std::optional<boost::asio::any_io_executor> executor{};
  unsigned threads = 0;  // of the bus's own; 0: one for each core
  // How long stop() lets running steps go on, up to a day.
  std::chrono::milliseconds shutdown_timeout{30000};
  // The dead letters of an endpoint. Empty: "<endpoint>.dlq".
  std::function<std::string(const std::string& endpoint)> dead_letter_endpoint{};
  // Ids of messages that were taken in are kept this long, up to a year, and within this many bytes
  // an instance, 256 to 32,768. Longer than a message may be on its way, redelivery included.
  std::chrono::milliseconds inbox_window{600000};
  std::size_t inbox_bytes = 1024;
  // Running instances that this bus remembers as it wrote them last, for each saga: their next step
  // need not read them. 0: every step reads first.
  std::size_t cached_instances = 10000;
  // Messages that can start an instance are tried as starts before anything is read.
  bool speculative_starts = true;
  // Messages that wait for one instance and are taken in with one write, each by a step of its own;
  // 1 to 1,000; 1: none. Saves writes where many messages reach one instance at a time. A message
  // whose step fails, waits, writes nothing or has writes of its own (ctx.transact) is left to a
  // turn of its own. Middleware nests: see there. As many wait as a bus takes in at once, twice
  // `concurrency` at most; and their ids must fit into `inbox_bytes`, which by default some
  // eighteen do.
  unsigned max_coalesced_steps = 1;
  // How near and how far timeouts may be set, and how far ahead messages scheduled; up to 1,000
  // years. A near one may be late by a second.
  std::chrono::milliseconds min_timeout{1000};
  std::chrono::milliseconds max_timeout = std::chrono::days(3650);
  // Whether this bus sends what is due in its stores: timeouts and scheduled messages, whoever set
  // them, by this bus's transport. Those of a bus that does not are left to others, which may take
  // some 10 seconds to see that one is due. Somebody must; and all that do must share a transport.
  bool fire_timers = true;
  Ambient ambient{};
};

// Not copied, not moved. All functions may be called from any thread.
class Bus {
 public:
  // Throws std::invalid_argument naming the field that is missing or wrong.
  explicit Bus(BusOptions options);
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  // Without stop(): cancels running steps and waits for them to end. Their messages are delivered
  // again. On threads of its own it waits as long as it takes; on an executor that it was given,
  // for 5 seconds, and for 3 more to tell other workers what is settled. That executor must still
  // run: a handler that does not heed its cancellation may outlive the bus there. Not to be called
  // from a thread that the bus needs.
  ~Bus();

  // Prepares stores and transport, and begins to take messages. Throws what the store or transport
  // reports, std::logic_error where it was started before.
  boost::asio::awaitable<void> start();

  // Fires no more timers (giving up its leases takes 3 seconds a store at the most), takes no new
  // messages, gives back to the transport what was not begun, lets running steps end
  // within the shutdown timeout, and cancels what is still running then. Steps that do not heed it
  // are left to themselves after 5 seconds more. Then tells other workers what is settled, for 3
  // seconds at the most. A bus that was stopped stays stopped. May be repeated, and called by
  // several at once; goes to its end by itself where its caller is cancelled. A handler that awaits
  // it waits for its own end, until it is cancelled.
  boost::asio::awaitable<void> stop();

  // start(), then stop() at SIGINT or SIGTERM, or when another thread calls stop(): for a program
  // that does nothing else. Blocks.
  void run();

  bool is_running() const noexcept;

  // What the sagas of this bus have done so far and what it cost their stores. Of a step that is
  // running, nothing yet. May be called at any time, also after stop().
  Ledger ledger() const;

  // Sends a message to every saga and service that takes its type, of this bus or another. When it
  // returns, the message is as durable as the transport makes it. May be called as soon as start()
  // has returned, until the bus is destroyed; before that, std::logic_error: nobody would be known
  // to take it. The message's id is new, unless one is given: two publishes with one id, within the
  // transport's window, are one.
  //
  // On g++ 12, give options a name in a statement before, for it destroys a braced temporary twice
  // in an expression with co_await:
  //   PublishOptions options{.partition_key = customer};
  //   co_await bus.publish(order, std::move(options));
  // and never co_await bus.publish(order, {.partition_key = customer}). For the same reason there
  // is no default argument, but an overload.
  template <detail::CheckedMessage M>
  boost::asio::awaitable<void> publish(const M& message) {
    return publish(message, PublishOptions());
  }
  template <detail::CheckedMessage M>
  boost::asio::awaitable<void> publish(const M& message, PublishOptions options) {
    return send(make_envelope(message_name<M>(), to_value(message), std::move(options)),
                TimePoint{});
  }

  // The same, sent at `at`, or when `after` has passed, by the clock of the bus's store, and from
  // now on as durable as that store is: sagabus/context.hpp says what holds of scheduled messages.
  // Zero, negative and past times mean at once. Returns what cancel() takes. Without a store the
  // transport holds the message back, as far as it can (else Unsupported).
  template <detail::CheckedMessage M>
  boost::asio::awaitable<ScheduledMessage> schedule(const M& message, TimePoint at) {
    return schedule(message, at, PublishOptions());
  }
  template <detail::CheckedMessage M>
  boost::asio::awaitable<ScheduledMessage> schedule(const M& message, TimePoint at,
                                                    PublishOptions options) {
    return send_later(message_name<M>(), to_value(message), std::move(options), at);
  }
  template <detail::CheckedMessage M>
  boost::asio::awaitable<ScheduledMessage> schedule(const M& message,
                                                    std::chrono::milliseconds after) {
    return schedule(message, later(timer_now(), after), PublishOptions());
  }
  template <detail::CheckedMessage M>
  boost::asio::awaitable<ScheduledMessage> schedule(const M& message,
                                                    std::chrono::milliseconds after,
                                                    PublishOptions options) {
    return schedule(message, later(timer_now(), after), std::move(options));
  }

  // The message is not sent, if it was not yet: true where it was still there. One that is being
  // sent at this moment may be sent all the same. May be repeated. Throws Unsupported without a
  // store.
  boost::asio::awaitable<bool> cancel(ScheduledMessage message);

  // Sends an envelope as it is: for gateways and tools. Throws ValidationError naming what no
  // transport could carry, or is larger than this one takes, as the functions above do.
  boost::asio::awaitable<void> publish(Envelope envelope);

 private:
  Envelope make_envelope(std::string_view type, Value payload, PublishOptions options) const;
  boost::asio::awaitable<void> send(Envelope envelope, TimePoint not_before);
  boost::asio::awaitable<ScheduledMessage> send_later(std::string_view type, Value payload,
                                                      PublishOptions options, TimePoint at);
  TimePoint timer_now() const;

  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace sagabus
