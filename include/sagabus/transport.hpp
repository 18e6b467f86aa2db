// How messages travel. Users hold a Transport; who writes a transport of his own implements
// TransportBackend and runs the conformance suite in sagabus/conformance/transport.hpp.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <map>
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
  // Which messages it must take in the order in which they were sent: those for which this gives
  // one text. A saga's gives the correlation id. Where it is empty, or gives an empty text: those
  // with one Envelope::partition_key, and where that is empty too, none. From any thread; does not
  // throw.
  std::function<std::string(const Envelope& envelope)> order_by{};
  // By type, the payload's member whose value `order_by` gives, where it is one as it stands: so a
  // transport can tell that two receivers keep one order. Types that are missing may have any.
  std::map<std::string, std::string> order_members{};
};

struct SendRequest {
  EnvelopePtr envelope{};
  std::string endpoint{};  // empty: every endpoint that subscribed to the envelope's type
  TimePoint not_before{};  // not delivered earlier; zero: at once
  // Two sends with one key to one endpoint, within the transport's window, deliver once. Empty: the
  // envelope's id. A retry or a redrive of a message has a key of its own, or it would be taken for
  // a repeat.
  std::string deduplication_key{};
  // A Delivery::order_key, to send a message on in its old place. Empty: by the receiver's
  // Subscription::order_by. Transports that keep no order by key heed neither.
  std::string order_key{};
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
  // Nobody had it before this time; zero: the transport cannot tell.
  TimePoint first_received{};
  // Messages of one key must be handled in the order of their arrival, and none while an earlier
  // one is given back: those in hand behind it go back too. Empty: this transport keeps no order by
  // key.
  std::string order_key{};
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

  // For how much longer this delivery, which nobody has acknowledged or given back, is kept from
  // other receivers for as long as the process lives: it may wait here, without being delivered
  // once more, for what is away to come back. Zero: no longer than a handler needs.
  virtual std::chrono::nanoseconds may_hold(const Delivery& /*delivery*/) const {
    return std::chrono::nanoseconds::zero();
  }

  // The longest wait that `not_before` may ask for.
  virtual std::chrono::milliseconds max_delay() const = 0;

  // The largest message that send() takes, in bytes of its JSON form. Those over pack_above() are
  // among them.
  virtual std::size_t max_message_bytes() const { return kNoLimit; }

  // A transport may have large payloads travel beside its messages. What has more bytes than this
  // is packed before it is committed anywhere; send() packs what is still whole. kNoLimit: it packs
  // nothing.
  virtual std::size_t pack_above() const { return kNoLimit; }

  // A small message that stands for this one: the same id, type, headers and partition key, and
  // more headers. When it returns, the payload is as durable as a message that was sent; receive()
  // gives it back. Repeating it is safe. Gives what is packed already, and whatever a transport
  // that packs nothing is given, as it is. Throws as send() does; ValidationError where even the
  // small message is too large.
  virtual boost::asio::awaitable<EnvelopePtr> pack(EnvelopePtr envelope) { co_return envelope; }

  static constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
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
