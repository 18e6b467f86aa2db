// What is no message is refused wherever a message is taken.
#include "headers.hpp"

using namespace shop;

void on_an_undescribed_struct() {
#if SAGABUS_FAULT == 1
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  (void)sagabus::saga<State>("Orders").on<Plain>();
#else
  (void)sagabus::saga<State>("Orders").on<Paid>();
#endif
}

void on_a_described_struct_that_is_no_message() {
#if SAGABUS_FAULT == 2
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  (void)sagabus::saga<State>("Orders").on<Address>(sagabus::can_start);
#else
  (void)sagabus::saga<State>("Orders").on<Paid>(sagabus::can_start);
#endif
}

void correlate_what_is_no_message() {
#if SAGABUS_FAULT == 3
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  sagabus::saga<State>("Orders").correlate<Plain>(&Plain::orderId);
#else
  sagabus::saga<State>("Orders").correlate<Paid>(&Paid::orderId);
#endif
}

void begin_with_what_is_no_message() {
#if SAGABUS_FAULT == 4
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  sagabus::saga<State>("Orders").initial([](const Plain& m) { return State{m.orderId}; });
#else
  sagabus::saga<State>("Orders").initial([](const Paid& m) { return State{m.orderId}; });
#endif
}

void serve_what_is_no_message() {
#if SAGABUS_FAULT == 5
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  sagabus::service("payments").on<Plain>([](const Plain&) {});
#else
  sagabus::service("payments").on<Paid>([](const Paid&) {});
#endif
}

void publish_by_the_bus(sagabus::Bus& bus, const sagabus::Envelope& envelope) {
#if SAGABUS_FAULT == 6
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  (void)bus.publish(Plain{});
#else
  (void)bus.publish(Paid{});
  (void)bus.publish(envelope);
#endif
}

void publish_without_awaiting(sagabus::Bus& bus) {
#if SAGABUS_FAULT == 7
  // expect: ignoring returned value of type 'boost::asio::awaitable<void>'
  bus.publish(Paid{});
#else
  auto publishing = bus.publish(Paid{});
  (void)publishing;
#endif
}

void schedule_by_the_bus(sagabus::Bus& bus) {
#if SAGABUS_FAULT == 8
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  (void)bus.schedule(Plain{}, std::chrono::seconds(1));
#else
  (void)bus.schedule(Paid{}, std::chrono::seconds(1));
#endif
}

void publish_by_a_handler(sagabus::SagaContext& context) {
#if SAGABUS_FAULT == 9
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  context.publish(State{});
#else
  context.publish(Paid{});
#endif
}

void schedule_by_a_handler(sagabus::SagaContext& context) {
#if SAGABUS_FAULT == 10
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  context.schedule(std::string("reminder"), std::chrono::seconds(1));
#else
  context.schedule(Paid{}, std::chrono::seconds(1));
#endif
}

void read_what_is_no_message(const sagabus::Envelope& envelope) {
#if SAGABUS_FAULT == 11
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  sagabus::read_message<Plain>(envelope);
#else
  sagabus::read_message<Paid>(envelope);
#endif
}

namespace shop {

struct Shipped {
  std::string orderId;
};

}  // namespace shop

#if SAGABUS_FAULT != 12
namespace shop {
SAGABUS_MESSAGE(Shipped, orderId)
}  // namespace shop
#endif

void publish_what_is_named_in_another_namespace(sagabus::Bus& bus) {
#if SAGABUS_FAULT == 12
  // expect: a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace
  (void)bus.publish(Shipped{});
#else
  (void)bus.publish(Shipped{});
#endif
}

struct Nameless {
  std::string orderId;
};
#if SAGABUS_FAULT == 13
// expect: a message needs a name on the wire
SAGABUS_MESSAGE_AS(Nameless, "", orderId)
#else
SAGABUS_MESSAGE_AS(Nameless, "nameless", orderId)
#endif

struct Misspelt {
  std::string orderId;
};
#if SAGABUS_FAULT == 14
// expect: 'orderID' is not a member of 'Misspelt'
SAGABUS_MESSAGE(Misspelt, orderID)
#else
SAGABUS_MESSAGE(Misspelt, orderId)
#endif
