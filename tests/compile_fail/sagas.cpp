// What a saga's definition may not say.
#include <memory>

#include "headers.hpp"

using namespace shop;

sagabus::SagaBuilder<State> orders() {
  return sagabus::saga<State>("Orders");
}

void a_state_without_its_line() {
#if SAGABUS_FAULT == 1
  // expect: a state is a struct with a SAGABUS_DESCRIBE line
  sagabus::saga<Plain>("Orders");
#else
  sagabus::saga<State>("Orders");
#endif
}

void a_state_that_is_no_struct() {
#if SAGABUS_FAULT == 2
  // expect: a state is a struct with a SAGABUS_DESCRIBE line
  sagabus::saga<int>("Orders");
#else
  sagabus::saga<State>("Orders");
#endif
}

struct Owning {
  std::string orderId;
  std::unique_ptr<int> more;
};
SAGABUS_DESCRIBE(Owning, orderId)
void a_state_that_cannot_be_copied() {
#if SAGABUS_FAULT == 3
  // expect: a state is made by default and copied
  sagabus::saga<Owning>("Orders");
#else
  sagabus::saga<State>("Orders");
#endif
}

struct Started {
  explicit Started(int n) : number(n) {}
  int number;
};
SAGABUS_DESCRIBE(Started, number)
void a_state_that_is_not_made_by_default() {
#if SAGABUS_FAULT == 4
  // expect: a state is made by default and copied
  sagabus::saga<Started>("Orders");
#else
  sagabus::saga<State>("Orders");
#endif
}

void a_correlation_by_another_message() {
#if SAGABUS_FAULT == 5
  // expect: correlate<M> takes a member of M, or a function of const M&
  orders().correlate<Paid>(&Submitted::orderId);
#else
  orders().correlate<Paid>(&Paid::orderId);
#endif
}

void a_correlation_by_a_fraction() {
#if SAGABUS_FAULT == 6
  // expect: a correlation id is a text, an integer, or an optional one
  orders().correlate<Submitted>(&Submitted::total);
#else
  orders().correlate<Submitted>([](const Submitted&) { return std::optional<int>(1); });
#endif
}

void a_correlation_by_yes_or_no() {
#if SAGABUS_FAULT == 7
  // expect: a correlation id is a text, an integer, or an optional one
  orders().correlate<Submitted>([](const Submitted& m) { return m.total > 0; });
#else
  orders().correlate<Submitted>([](const Submitted& m) { return m.total > 0 ? "1" : "0"; });
#endif
}

void a_correlation_for_all_given_twice() {
  const auto key = [](const auto& m) { return m.orderId; };
#if SAGABUS_FAULT == 8
  // expect: correlate_all was given twice
  orders().correlate_all(key).correlate_all(key);
#else
  orders().correlate_all(key);
#endif
}

struct Ticked {
  int count = 0;
};
SAGABUS_MESSAGE(Ticked, count)
void a_correlation_for_all_that_does_not_fit_one() {
#if SAGABUS_FAULT == 9
  // expect: 'const struct Ticked' has no member named 'orderId'
  const auto key = [](const auto& m) { return m.orderId; };
  (void)orders().correlate_all(key).on<Ticked>();
#else
  const auto key = [](const auto& m) { return m.orderId; };
  (void)orders().correlate_all(key).on<Paid>();
#endif
}

void an_initial_state_of_another_type() {
#if SAGABUS_FAULT == 10
  // expect: initial(...) takes a starting message and returns the saga's state
  orders().initial([](const Submitted& m) { return Address{m.orderId}; });
#else
  orders().initial([](const Submitted& m) noexcept { return State{m.orderId}; });
#endif
}

void an_initial_state_for_all_of_another_type() {
#if SAGABUS_FAULT == 11
  // expect: initial(...) returns the saga's state
  orders().initial([] { return Address{}; });
#else
  orders().initial([] { return State{}; });
#endif
}

void a_generic_initial_state() {
#if SAGABUS_FAULT == 12
  // expect: where it is generic, name the message: initial<M>(...)
  orders().initial([](const auto& m) { return State{m.orderId}; });
#else
  orders().initial<Paid>([](const auto& m) { return State{m.orderId}; });
#endif
}

void a_guard_on_something_else() {
#if SAGABUS_FAULT == 13
  // expect: a guard takes (const State&), (const M&) or (const M&, const State&), and returns bool
  (void)orders().on<Paid>().when([](const Submitted&) { return true; });
#else
  (void)orders().on<Paid>().when([](const Paid&) { return true; });
#endif
}

void a_guard_that_changes_the_state() {
#if SAGABUS_FAULT == 14
  // expect: a guard takes (const State&), (const M&) or (const M&, const State&), and returns bool
  (void)orders().on<Paid>().when([](State& s) { return s.paid = true; });
#else
  (void)orders().on<Paid>().when([](const State& s) { return s.paid; });
#endif
}

void a_guard_that_says_nothing() {
#if SAGABUS_FAULT == 15
  // expect: a guard takes (const State&), (const M&) or (const M&, const State&), and returns bool
  (void)orders().on<Paid>().when([](const Paid&, const State&) {});
#else
  (void)orders().on<Paid>().when([](const Paid&, const State&) { return true; });
#endif
}

void a_handler_of_something_else() {
#if SAGABUS_FAULT == 16
  // expect: a handler takes (const M&, State&, SagaContext&) or (const M&, State&)
  orders().on<Paid>().handle([](const Submitted&, State&) {});
#else
  orders().on<Paid>().handle([](const Paid&, State&) {});
#endif
}

void a_handler_of_the_message_alone() {
#if SAGABUS_FAULT == 17
  // expect: a handler takes (const M&, State&, SagaContext&) or (const M&, State&)
  orders().on<Paid>().handle([](const Paid&) {});
#else
  orders().on<Paid>().handle([](const Paid&, const State&, sagabus::SagaContext&) {});
#endif
}

void a_handler_that_changes_a_copy() {
#if SAGABUS_FAULT == 18
  // expect: a handler takes the state by reference: what it did to a copy would be lost
  orders().on<Paid>().handle([](const Paid&, State s) { s.paid = true; });
#else
  orders().on<Paid>().handle([](const Paid&, State& s) { s.paid = true; });
#endif
}

void a_handler_with_a_memory() {
#if SAGABUS_FAULT == 19
  // expect: a handler runs for several instances at once: it is not mutable
  orders().on<Paid>().handle([n = 0](const Paid&, State&) mutable { ++n; });
#else
  orders().on<Paid>().handle([n = 0](const Paid&, State& s) { s.paid = n == 0; });
#endif
}

void a_handler_that_answers() {
#if SAGABUS_FAULT == 20
  // expect: a handler returns void, or boost::asio::awaitable<void> where it has to wait
  orders().on<Paid>().handle([](const Paid&, State&) { return true; });
#else
  orders().on<Paid>().handle(
      [](const Paid&, State&) -> boost::asio::awaitable<void> { co_return; });
#endif
}

void a_handler_that_is_none() {
#if SAGABUS_FAULT == 21
  // expect: a handler without .handle(...) does nothing
  orders().on<Paid>();
#else
  orders().on<Paid>().handle([](const Paid&, State&) {});
#endif
}
