// A service: plain handlers behind one endpoint, without a state. For what a saga talks to.
//
//   auto payments = sagabus::service("payments")
//       .on<PaymentRequested>([](const PaymentRequested& m, sagabus::MessageContext& ctx) {
//         ctx.publish(PaymentCaptured{m.orderId});
//       });
//
// A service has no memory: a message that is delivered again is handled again. What it publishes
// bears the same ids each time, so that a saga takes it once; for effects of its own it has
// MessageContext::idempotency_key.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "sagabus/context.hpp"
#include "sagabus/definition.hpp"

namespace sagabus {

namespace detail {

struct ServiceHandler {
  std::string type;
  ErasedMessage (*read)(const Envelope&) = nullptr;
  // One of the two.
  std::function<void(const void* message, MessageContext&)> run;
  std::function<boost::asio::awaitable<void>(const void* message, MessageContext&)> await;
};

}  // namespace detail

// A value. Handlers are called from the bus's threads, several at once.
class Service {
 public:
  // The endpoint is UTF-8 of 1 to 1,024 bytes that does not begin with `$`, as a saga's name is:
  // else std::invalid_argument.
  explicit Service(std::string endpoint);

  // (const M&, MessageContext&) or (const M&), plain or awaitable. Throws std::invalid_argument for
  // a type that has a handler.
  template <detail::CheckedMessage M, class F>
  Service& on(F handler) {
    constexpr bool with_context = std::is_invocable_v<const F&, const M&, MessageContext&>;
    constexpr bool fits = with_context || std::is_invocable_v<const F&, const M&>;
    constexpr bool is_mutable = !fits && (std::is_invocable_v<F&, const M&, MessageContext&> ||
                                          std::is_invocable_v<F&, const M&>);
    static_assert(!is_mutable,
                  "a service's handler runs for several messages at once: it is not mutable");
    static_assert(fits || is_mutable,
                  "a service's handler takes (const M&, MessageContext&) or (const M&)");
    auto call = [handler = std::move(handler)](const void* message, MessageContext& context) {
      if constexpr (with_context) {
        return handler(*static_cast<const M*>(message), context);
      } else if constexpr (fits) {
        return handler(*static_cast<const M*>(message));
      }
    };
    using Result = decltype(call(nullptr, std::declval<MessageContext&>()));
    detail::ServiceHandler entry;
    entry.type = message_name<M>();
    entry.read = [](const Envelope& envelope) -> detail::ErasedMessage {
      return std::make_shared<const M>(read_message<M>(envelope));
    };
    constexpr bool awaitable = std::is_same_v<Result, boost::asio::awaitable<void>>;
    static_assert(std::is_void_v<Result> || awaitable,
                  "a handler returns void, or boost::asio::awaitable<void> where it has to wait");
    if constexpr (std::is_void_v<Result>) {
      entry.run = std::move(call);
    } else if constexpr (awaitable) {
      entry.await = std::move(call);
    }
    return add(std::move(entry));
  }

  // Messages handled at once; 0: the bus's setting.
  Service& concurrency(unsigned most) {
    concurrency_ = most;
    return *this;
  }

  const std::string& endpoint() const noexcept { return endpoint_; }
  unsigned concurrency() const noexcept { return concurrency_; }
  const std::vector<detail::ServiceHandler>& handlers() const noexcept { return handlers_; }

 private:
  Service& add(detail::ServiceHandler handler);

  std::string endpoint_;
  std::vector<detail::ServiceHandler> handlers_;
  unsigned concurrency_ = 0;
};

// Begins a service; its queue bears the endpoint's name.
inline Service service(std::string endpoint) {
  return Service(std::move(endpoint));
}

}  // namespace sagabus
