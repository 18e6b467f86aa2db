// How a saga is written.
//
//   auto order_saga = sagabus::saga<OrderState>("OrderSaga")
//       .correlate<OrderSubmitted>(&OrderSubmitted::orderId, sagabus::can_start)
//       .correlate<PaymentCaptured>(&PaymentCaptured::orderId)
//       .initial([](const OrderSubmitted& m) { return OrderState{m.orderId}; })
//       .on<OrderSubmitted>()
//           .handle([](const OrderSubmitted& m, OrderState& s, sagabus::SagaContext& ctx) { ... })
//       .on<PaymentCaptured>()
//           .when([](const OrderState& s) { return s.status == OrderStatus::pending; })
//           .handle([](const PaymentCaptured& m, OrderState& s) { ... })
//       .build();
//
// Handlers of one type are tried in the order in which they were written: the first runs whose
// guards all hold. They are called from the bus's threads, for different instances at once, and
// must not block: one that has to wait returns boost::asio::awaitable<void>.
#pragma once

#include <boost/describe/enum_to_string.hpp>
#include <boost/describe/members.hpp>
#include <boost/describe/modifiers.hpp>
#include <boost/mp11/algorithm.hpp>
#include <boost/mp11/list.hpp>
#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "sagabus/definition.hpp"

namespace sagabus {

// Marks a message type that may start a saga.
struct CanStart {};
inline constexpr CanStart can_start{};

template <class State, class CorrelateAll>
class SagaBuilder;

namespace detail {

// The parameters of a function, or of a lambda that is not generic, and void for what it has not.
template <class F>
struct Parameters : std::type_identity<boost::mp11::mp_list<void, void>> {};
template <class F>
requires requires {
  &F::operator();
}
struct Parameters<F> : Parameters<decltype(&F::operator())> {};
template <class R, bool N, class... A>
struct Parameters<R (*)(A...) noexcept(N)>
    : std::type_identity<boost::mp11::mp_list<A..., void, void>> {};
template <class R, class C, bool N, class... A>
struct Parameters<R (C::*)(A...) const noexcept(N)> : Parameters<R (*)(A...)> {};
template <class R, class C, bool N, class... A>
struct Parameters<R (C::*)(A...) noexcept(N)> : Parameters<R (*)(A...)> {};
template <class F, std::size_t index>
using Parameter = boost::mp11::mp_at_c<typename Parameters<F>::type, index>;

template <class F, class M, class State>
inline constexpr bool is_handler = std::is_invocable_v<F, const M&, State&, SagaContext&> ||
                                   std::is_invocable_v<F, const M&, State&>;

// Of a timeout, which need not look at the message.
template <class F, class State>
inline constexpr bool is_bare =
    !is_handler<F, SagaTimeoutExpired, State> &&
    (std::is_invocable_v<F, State&, SagaContext&> || std::is_invocable_v<F, State&>);

template <class State, class F>
auto with_message(F handler) {
  return [handler = std::move(handler)](const SagaTimeoutExpired&, State& s,
                                        [[maybe_unused]] SagaContext& context) -> decltype(auto) {
    if constexpr (std::is_invocable_v<const F&, State&, SagaContext&>) {
      return std::invoke(handler, s, context);
    } else {
      return std::invoke(handler, s);
    }
  };
}

struct NoCorrelateAll {};

// A correlation id from what a correlation function returned: text, optional text, or an integer.
template <class T>
std::string correlation_text(T&& key) {
  using Key = std::remove_cvref_t<T>;
  if constexpr (std::integral<Key> && !std::same_as<Key, bool> && !std::same_as<Key, char>) {
    return std::to_string(key);
  } else if constexpr (is_optional<Key>) {
    return key ? correlation_text(*std::forward<T>(key)) : std::string();
  } else {
    constexpr bool fits = std::is_convertible_v<T, std::string>;
    static_assert(fits, "a correlation id is a text, an integer, or an optional one");
    if constexpr (fits) return std::forward<T>(key);
  }
}

template <class M, class F>
std::function<std::string(const void*)> erase_correlation(F correlate) {
  return [correlate = std::move(correlate)](const void* message) {
    return correlation_text(std::invoke(correlate, *static_cast<const M*>(message)));
  };
}

// The name of the member that a correlation is; empty where it is a function, or where a codec of
// the message's own says what stands in a payload.
template <class M, class F>
std::string correlation_member([[maybe_unused]] F correlate) {
  std::string name;
  if constexpr (std::is_member_object_pointer_v<F> &&
                boost::describe::has_describe_members<M>::value) {
    using Members = boost::describe::describe_members<M, boost::describe::mod_public |
                                                             boost::describe::mod_inherited>;
    boost::mp11::mp_for_each<Members>([&](auto member) {
      if constexpr (std::is_same_v<std::remove_cv_t<decltype(member.pointer)>, F>) {
        if (member.pointer == correlate) name = member.name;
      }
    });
  }
  return name;
}

template <class M>
ErasedMessage read_erased(const Envelope& envelope) {
  return std::make_shared<const M>(read_message<M>(envelope));
}

template <class State, class E>
struct IsMemberOf {
  template <class Descriptor>
  using fn =
      std::is_same<std::remove_cvref_t<decltype(std::declval<State&>().*Descriptor::pointer)>, E>;
};

template <class State>
StateType state_type() {
  return {&typeid(State),
          [](const Value& value) -> ErasedState {
            return std::make_shared<State>(from_value<State>(value));
          },
          [](const void* state) { return to_value(*static_cast<const State*>(state)); }};
}

// The only member of the state that is of that enum's type.
template <class State, class E>
constexpr auto state_member() {
  using Members = boost::describe::describe_members<State, boost::describe::mod_public |
                                                               boost::describe::mod_inherited>;
  using Found = boost::mp11::mp_copy_if_q<Members, IsMemberOf<State, E>>;
  constexpr bool one = boost::mp11::mp_size<Found>::value == 1;
  static_assert(one,
                "in(...) and leads_to(...) take values of an enum that exactly one described "
                "member of the state has");
  if constexpr (one) return boost::mp11::mp_front<Found>::pointer;
}

template <class E>
std::string name_of_state(E value) {
  static_assert(boost::describe::has_describe_enumerators<E>::value,
                "a declared state is a value of an enum with a SAGABUS_DESCRIBE_ENUM line");
  return boost::describe::enum_to_string(value, "?");
}

template <class State, class M, class F>
std::function<bool(const void*, const void*)> erase_guard(F guard) {
  return [guard = std::move(guard)](const void* message, const void* state) -> bool {
    const auto& m = *static_cast<const M*>(message);
    const auto& s = *static_cast<const State*>(state);
    if constexpr (std::is_invocable_v<const F&, const M&, const State&>) {
      return std::invoke(guard, m, s);
    } else if constexpr (std::is_invocable_v<const F&, const State&>) {
      return std::invoke(guard, s);
    } else {
      return std::invoke(guard, m);
    }
  };
}

// Calls a handler with the context, or without where it does not take one.
template <class State, class M, class F>
decltype(auto) call_handler(const F& handler, const void* message, void* state,
                            SagaContext& context) {
  const auto& m = *static_cast<const M*>(message);
  auto& s = *static_cast<State*>(state);
  if constexpr (std::is_invocable_v<const F&, const M&, State&, SagaContext&>) {
    return std::invoke(handler, m, s, context);
  } else {
    return std::invoke(handler, m, s);
  }
}

template <class State, class M, class F>
void erase_handler(F handler, SagaHandler& into) {
  using Result = decltype(call_handler<State, M>(std::declval<const F&>(), nullptr, nullptr,
                                                 std::declval<SagaContext&>()));
  constexpr bool awaitable = std::is_same_v<Result, boost::asio::awaitable<void>>;
  static_assert(std::is_void_v<Result> || awaitable,
                "a handler returns void, or boost::asio::awaitable<void> where it has to wait");
  auto call = [handler = std::move(handler)](const void* m, void* s, SagaContext& c) -> Result {
    return call_handler<State, M>(handler, m, s, c);
  };
  if constexpr (std::is_void_v<Result>) {
    into.run = std::move(call);
  } else if constexpr (awaitable) {
    into.await = std::move(call);
  }
}

}  // namespace detail

// What stands between on<M>() and handle(...).
template <class State, class CorrelateAll, Message M>
class [[nodiscard("a handler without .handle(...) does nothing")]] HandlerBuilder {
 public:
  HandlerBuilder(SagaBuilder<State, CorrelateAll> & saga, std::size_t entry)
      : saga_(&saga), entry_(entry) {}

  // A condition on the state, on the message, or on both: (const State&), (const M&) or
  // (const M&, const State&), returning bool. Several must all hold.
  template <class F>
  HandlerBuilder& when(F guard) {
    constexpr bool fits = std::is_invocable_r_v<bool, const F&, const M&, const State&> ||
                          std::is_invocable_r_v<bool, const F&, const State&> ||
                          std::is_invocable_r_v<bool, const F&, const M&>;
    static_assert(fits,
                  "a guard takes (const State&), (const M&) or (const M&, const State&), "
                  "and returns bool");
    if constexpr (fits) handler_.guards.push_back(detail::erase_guard<State, M>(std::move(guard)));
    return *this;
  }

  // A guard too, and declared: the handler runs in these states only. A state is a value of an enum
  // with a SAGABUS_DESCRIBE_ENUM line; the saga's state has one member of that type. Once for each
  // handler: std::invalid_argument otherwise.
  template <class E, class... More>
  HandlerBuilder& in(E first, More... more) {
    constexpr auto member = detail::state_member<State, E>();
    if (!handler_.in.empty()) saga_->refuse("says in(...) of a handler of", entry_);
    handler_.in = {detail::name_of_state(first), detail::name_of_state(more)...};
    return when([=](const State& s) { return s.*member == first || ((s.*member == more) || ...); });
  }

  // Declares the states in which the handler leaves the instance: diagrams show them, and a step
  // that ends in another one fails with std::logic_error. Once for each handler.
  template <class E, class... More>
  HandlerBuilder& leads_to(E first, More... more) {
    if (!handler_.leads_to.empty()) saga_->refuse("says leads_to(...) of a handler of", entry_);
    handler_.leads_to = {detail::name_of_state(first), detail::name_of_state(more)...};
    return check<E>();
  }

  // Or leaves it in the state in which it finds it. E: the enum.
  template <class E>
  HandlerBuilder& stays() {
    handler_.stays = true;
    return check<E>();
  }

  // (const M&, State&, SagaContext&) or (const M&, State&), plain or awaitable; for a timeout also
  // (State&, SagaContext&) or (State&). It changes a copy of the state; an exception undoes
  // everything that it did and asked for.
  template <class F>
  SagaBuilder<State, CorrelateAll>& handle(F handler) {
    if constexpr (!std::is_same_v<M, SagaTimeoutExpired>) {
      return add(std::move(handler));
    } else if constexpr (detail::is_bare<const F&, State>) {
      static_assert(!std::is_same_v<detail::Parameter<F, 0>, State>,
                    "a handler takes the state by reference: what it did to a copy would be lost");
      return add(detail::with_message<State>(std::move(handler)));
    } else {
      return add(std::move(handler));
    }
  }

 private:
  template <class E>
  HandlerBuilder& check() {
    constexpr auto member = detail::state_member<State, E>();
    state_name_ = [](const void* state) {
      return detail::name_of_state(static_cast<const State*>(state)->*member);
    };
    return *this;
  }

  template <class F>
  SagaBuilder<State, CorrelateAll>& add(F handler) {
    constexpr bool fits = detail::is_handler<const F&, M, State>;
    constexpr bool is_mutable = !fits && detail::is_handler<F&, M, State>;
    static_assert(!is_mutable, "a handler runs for several instances at once: it is not mutable");
    static_assert(fits || is_mutable,
                  "a handler takes (const M&, State&, SagaContext&) or (const M&, State&)");
    static_assert(!std::is_same_v<detail::Parameter<F, 1>, State>,
                  "a handler takes the state by reference: what it did to a copy would be lost");
    if constexpr (fits) detail::erase_handler<State, M>(std::move(handler), handler_);
    if (state_name_) detail::add_check(handler_, std::move(state_name_));
    return saga_->add(entry_, std::move(handler_));
  }

  SagaBuilder<State, CorrelateAll>* saga_;
  std::size_t entry_;
  detail::SagaHandler handler_;
  detail::StateName state_name_{};
};

// Made by saga<State>(name). A value; each call changes it and returns it.
template <class State, class CorrelateAll = detail::NoCorrelateAll>
class SagaBuilder {
 public:
  explicit SagaBuilder(detail::SagaData data, CorrelateAll correlate_all = {})
      : data_(std::move(data)), correlate_all_(std::move(correlate_all)) {}

  // Which instance a message is for: a member of it, or a function of it, that is a text, an
  // integer, or an optional one. An empty text means that there is none. A function is called from
  // any thread, several at once, also where messages are sent to the saga. A type may be correlated
  // once: std::invalid_argument otherwise.
  template <detail::CheckedMessage M, class F>
  SagaBuilder& correlate(F key) {
    constexpr bool fits = std::is_invocable_v<const F&, const M&>;
    static_assert(fits, "correlate<M> takes a member of M, or a function of const M&");
    detail::SagaMessage& entry = message<M>();
    if (entry.correlate && !entry.correlated_by_all) refuse("correlates", entry.type);
    if constexpr (fits) {
      entry.correlation_member = detail::correlation_member<M>(key);
      entry.correlate = detail::erase_correlation<M>(std::move(key));
    }
    entry.correlated_by_all = false;
    return *this;
  }
  template <detail::CheckedMessage M, class F>
  SagaBuilder& correlate(F key, CanStart) {
    correlate<M>(std::move(key));
    message<M>().can_start = true;
    return *this;
  }

  // One function for all types that are handled after it and have no correlation of their own:
  // mostly a generic lambda, [](const auto& m) { return m.orderId; }.
  template <class F>
  SagaBuilder<State, F> correlate_all(F key) {
    static_assert(std::is_same_v<CorrelateAll, detail::NoCorrelateAll>,
                  "correlate_all was given twice");
    return SagaBuilder<State, F>(std::move(data_), std::move(key));
  }

  // The state that a new instance begins with, before its first handler runs: from the message
  // that starts it, (const M&) -> State, or the same for all, () -> State.
  template <class F>
  SagaBuilder& initial(F make) {
    if constexpr (std::is_invocable_v<const F&>) {
      constexpr bool fits = std::is_convertible_v<std::invoke_result_t<const F&>, State>;
      static_assert(fits, "initial(...) returns the saga's state");
      if (data_.initial) refuse("has an initial state for", "all messages");
      if constexpr (fits) {
        data_.initial = [make = std::move(make)] { return std::make_shared<State>(make()); };
      }
      return *this;
    } else {
      using M = std::remove_cvref_t<detail::Parameter<F, 0>>;
      constexpr bool fits = !std::is_void_v<M>;
      static_assert(fits,
                    "initial(...) takes a function of one starting message, or of none; where it "
                    "is generic, name the message: initial<M>(...)");
      if constexpr (fits) initial<M>(std::move(make));
      return *this;
    }
  }
  template <detail::CheckedMessage M, class F>
  SagaBuilder& initial(F make) {
    constexpr bool fits = std::is_invocable_r_v<State, const F&, const M&>;
    static_assert(fits, "initial(...) takes a starting message and returns the saga's state");
    detail::SagaMessage& entry = message<M>();
    if (entry.initial) refuse("has an initial state for", entry.type);
    if constexpr (fits) {
      entry.initial = [make = std::move(make)](const void* m) -> detail::ErasedState {
        return std::make_shared<State>(make(*static_cast<const M*>(m)));
      };
    }
    return *this;
  }

  // The next handler, for messages of type M. SagaTimeoutExpired: for timeouts that have no
  // on_timeout of their own.
  template <detail::CheckedMessage M>
  HandlerBuilder<State, CorrelateAll, M> on() {
    if constexpr (std::is_same_v<M, SagaTimeoutExpired>) {
      return on_timeout({});
    } else {
      detail::SagaMessage& entry = message<M>();
      if constexpr (std::is_invocable_v<const CorrelateAll&, const M&>) {
        if (!entry.correlate) {
          entry.correlate = detail::erase_correlation<M>(correlate_all_);
          entry.correlated_by_all = true;
        }
      }
      return HandlerBuilder<State, CorrelateAll, M>(*this, index_of(entry));
    }
  }
  // The same, for a message that may start the saga.
  template <detail::CheckedMessage M>
  HandlerBuilder<State, CorrelateAll, M> on(CanStart) {
    message<M>().can_start = true;
    return on<M>();
  }

  // The next handler, for the timeout that SagaContext::set_timeout sets under this name. It finds
  // its instance by itself. A timeout that comes while no guard holds is gone, as one that was
  // handled.
  HandlerBuilder<State, CorrelateAll, SagaTimeoutExpired> on_timeout(std::string name) {
    return HandlerBuilder<State, CorrelateAll, SagaTimeoutExpired>(
        *this, index_of(timeout(std::move(name))));
  }

  // A starting message for a completed instance starts it afresh, under the same id. Without this,
  // it is ignored like any other.
  SagaBuilder& restart_when_completed() {
    data_.restartable = true;
    return *this;
  }

  // Throws std::invalid_argument naming what is missing or contradictory.
  SagaDefinition build() const {
    detail::check(data_);
    return SagaDefinition(data_);
  }

 private:
  template <class, class, Message>
  friend class HandlerBuilder;

  SagaBuilder& add(std::size_t entry, detail::SagaHandler handler) {
    data_.messages[entry].handlers.push_back(std::move(handler));
    return *this;
  }

  std::size_t index_of(const detail::SagaMessage& entry) const {
    return static_cast<std::size_t>(&entry - data_.messages.data());
  }

  detail::SagaMessage& timeout(std::string name) {
    for (detail::SagaMessage& entry : data_.messages) {
      if (entry.timeout == name) return entry;
    }
    detail::SagaMessage entry;
    entry.type = message_name<SagaTimeoutExpired>();
    entry.timeout = std::move(name);
    entry.read = &detail::read_erased<SagaTimeoutExpired>;
    entry.correlate =
        detail::erase_correlation<SagaTimeoutExpired>(&SagaTimeoutExpired::correlationId);
    return data_.messages.emplace_back(std::move(entry));
  }

  // The entry of M, made where it is not there yet. Two types with one wire name stay two entries,
  // for build() to refuse.
  template <detail::CheckedMessage M>
  detail::SagaMessage& message() {
    static_assert(!std::is_same_v<M, SagaTimeoutExpired>,
                  "a timeout finds its instance by itself, and cannot start one: it is only "
                  "handled, by on_timeout(...) or on<SagaTimeoutExpired>()");
    for (detail::SagaMessage& entry : data_.messages) {
      if (entry.read == &detail::read_erased<M>) return entry;
    }
    detail::SagaMessage entry;
    entry.type = message_name<M>();
    entry.read = &detail::read_erased<M>;
    return data_.messages.emplace_back(std::move(entry));
  }

  [[noreturn]] void refuse(const std::string& what, std::size_t entry) const {
    refuse(what, data_.messages[entry].type);
  }
  [[noreturn]] void refuse(const std::string& what, const std::string& type) const {
    throw std::invalid_argument("saga " + data_.name + ": it " + what + " " + type + " twice");
  }

  detail::SagaData data_;
  CorrelateAll correlate_all_;
};

// Begins a definition. The name is part of every instance's key: it must never change.
template <class State>
SagaBuilder<State> saga(std::string name) {
  constexpr bool described = std::is_class_v<State> && Describable<State>;
  constexpr bool regular =
      std::is_default_constructible_v<State> && std::is_copy_constructible_v<State>;
  static_assert(described, "a state is a struct with a SAGABUS_DESCRIBE line");
  static_assert(regular, "a state is made by default and copied");
  detail::SagaData data;
  data.name = std::move(name);
  if constexpr (described && regular) data.state = detail::state_type<State>();
  return SagaBuilder<State>(std::move(data));
}

}  // namespace sagabus
