// What a service's handler may not be.
#include "headers.hpp"

using namespace shop;

void a_handler_of_something_else() {
#if SAGABUS_FAULT == 1
  // expect: a service's handler takes (const M&, MessageContext&) or (const M&)
  sagabus::service("payments").on<Paid>([](const Submitted&) {});
#else
  sagabus::service("payments").on<Paid>([](const Paid&) {});
#endif
}

void a_handler_with_a_state() {
#if SAGABUS_FAULT == 2
  // expect: a service's handler takes (const M&, MessageContext&) or (const M&)
  sagabus::service("payments").on<Paid>([](const Paid&, State&) {});
#else
  sagabus::service("payments").on<Paid>([](const Paid&, sagabus::MessageContext&) {});
#endif
}

void a_handler_with_a_memory() {
#if SAGABUS_FAULT == 3
  // expect: a service's handler runs for several messages at once: it is not mutable
  sagabus::service("payments").on<Paid>([n = 0](const Paid&) mutable { ++n; });
#else
  sagabus::service("payments").on<Paid>([n = 0](const Paid&) { (void)n; });
#endif
}

void a_handler_that_answers() {
#if SAGABUS_FAULT == 4
  // expect: a handler returns void, or boost::asio::awaitable<void> where it has to wait
  sagabus::service("payments").on<Paid>([](const Paid&) { return 1; });
#else
  sagabus::service("payments").on<Paid>([](const Paid&) -> boost::asio::awaitable<void> {
    co_return;
  });
#endif
}
