// Where payloads are kept that are too large for a message ("claim check"): the message bears a
// key, and its receiver fetches what the key stands for. For transports that take one
// (sqs::TransportOptions::claims); sagabus::s3 has one on Amazon S3. Who keeps them elsewhere
// implements it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <string>

namespace sagabus {

// Functions may be called from several threads and coroutines at once, and must end by themselves
// within a bounded time. They throw TransientError where trying again may help, and AccessDenied
// where they are not allowed to; a message whose payload could not be put or fetched for these
// reasons waits, and its handlers are not to blame.
class ClaimStore {
 public:
  virtual ~ClaimStore() = default;

  // For people: "s3://orders/claims", without secrets.
  virtual std::string describe() const = 0;

  // Makes the bytes durable before it returns. Keys are 64 hex digits that follow from the bytes:
  // what is there under one is the same, and may be written again. Then it must be kept for as long
  // as if it were new, since another message stands for it from now on.
  virtual boost::asio::awaitable<void> put(std::string key, std::string bytes) = 0;

  // What was put under that key, of at most `most` bytes. Throws NotFound where nothing is there,
  // for good: the message is buried. ValidationError where it is larger, so that memory is bounded.
  virtual boost::asio::awaitable<std::string> get(std::string key, std::size_t most) = 0;
};

}  // namespace sagabus
