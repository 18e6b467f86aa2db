// How messages travel. Users hold a Transport; who writes a transport of his own implements
// TransportBackend and runs the conformance suite in sagabus/testing/transport_conformance.hpp.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sagabus/envelope.hpp"

namespace sagabus {

// Who receives: a queue of its own for each saga and each plain handler, and the types it takes.
struct Subscription {
  std::string endpoint{};
  std::vector<std::string> types{};
};

struct SendRequest {
  EnvelopePtr envelope{};
  std::string endpoint{};  // empty: every endpoint that subscribed to the envelope's type
  TimePoint not_before{};  // not delivered earlier; zero: at once
  // Two sends with one key to one endpoint, within the transport's window, deliver once. Empty: the
  // envelope's id. A retry or a redrive of a message has a key of its own, or it would be taken for
  // a repeat.
  std::string deduplication_key{};
};

// A body that is no envelope.
struct Malformed {
  std::string body;     // as it came
  std::string problem;  // what is wrong with it
};

struct Delivery {
  EnvelopePtr envelope;                        // null where the body was none
  std::shared_ptr<const Malformed> malformed;  // then: what came
  // How often a handler has failed on it: give_back with `failed` counts, other redeliveries do
  // not.
  unsigned failures = 0;
  // An earlier delivery may have been committed: its time ran out, its receiver died, or it was
  // given back as uncertain. Stays true once it is.
  bool redelivered = false;
  std::shared_ptr<void> receipt;  // the transport's own
};

struct GiveBack {
  std::chrono::milliseconds delay{0};  // not delivered again earlier
  bool failed = false;                 // counts as a failure of the handler
  bool uncertain = false;  // what it asked for may have been committed: see Delivery::redelivered
};

// The seam. Functions may be called from several threads and coroutines at once. Faults are
// reported as TransientError where trying again may help.
class TransportBackend {
 public:
  virtual ~TransportBackend() = default;

  // For people: "sqlite:///var/lib/orders.db", without secrets.
  virtual std::string describe() const = 0;

  // Makes the endpoint known; messages of those types that are sent from now on reach it, also
  // while nobody receives. Repeating it replaces the types.
  virtual boost::asio::awaitable<void> subscribe(Subscription subscription) = 0;

  // Makes all of them durable, as durable as the transport is, or throws. Then some may have been
  // sent; repeating the call is safe by the deduplication keys.
  virtual boost::asio::awaitable<void> send(std::vector<SendRequest> requests) = 0;

  // Waits for at least one message, and returns at most `most` (1 or more). A message is hidden
  // from other receivers until it is acknowledged, given back, or its time runs out. Cancellation
  // loses nothing: what was taken is delivered again.
  virtual boost::asio::awaitable<std::vector<Delivery>> receive(std::string endpoint,
                                                                std::size_t most) = 0;

  // The message is done with. Harmless where it is already gone.
  virtual boost::asio::awaitable<void> acknowledge(Delivery delivery) = 0;

  // Several of one endpoint at once. Where it throws, some may be acknowledged. A transport that
  // can do it in one go overrides it.
  virtual boost::asio::awaitable<void> acknowledge_all(std::vector<Delivery> deliveries) {
    for (Delivery& delivery : deliveries) {
      auto acknowledging = acknowledge(std::move(delivery));
      co_await std::move(acknowledging);
    }
  }

  // The message will be delivered again. Harmless where it is already gone.
  virtual boost::asio::awaitable<void> give_back(Delivery delivery, GiveBack how) = 0;

  // The longest wait that `not_before` may ask for.
  virtual std::chrono::milliseconds max_delay() const = 0;
};

// A cheap handle to a shared transport, copied freely, used from any thread. Made by an adapter:
// memory::Transport, sqlite::Transport.
class Transport {
 public:
  Transport() = default;  // holds no transport: only good for being assigned to
  explicit Transport(std::shared_ptr<TransportBackend> backend) : backend_(std::move(backend)) {}
  const std::shared_ptr<TransportBackend>& backend() const noexcept { return backend_; }

 private:
  std::shared_ptr<TransportBackend> backend_;
};

}  // namespace sagabus
