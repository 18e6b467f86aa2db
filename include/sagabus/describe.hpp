// One line that makes a struct a message or a state.
//
//   struct OrderSubmitted { std::string orderId; double total = 0; };
//   SAGABUS_MESSAGE(OrderSubmitted, orderId, total)
//
// The line stands in the struct's own namespace, names the fields that travel, and needs nothing
// inside the struct. What a field may be: see codec.hpp.
#pragma once

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <concepts>
#include <string_view>
#include <type_traits>

// A state, or a struct inside a message or a state.
#define SAGABUS_DESCRIBE(Type, ...) BOOST_DESCRIBE_STRUCT(Type, (), (__VA_ARGS__))

// An enum, written by the names of its values.
#define SAGABUS_DESCRIBE_ENUM(Type, ...) BOOST_DESCRIBE_ENUM(Type, __VA_ARGS__)

// A message whose name on the wire is the struct's own.
#define SAGABUS_MESSAGE(Type, ...) SAGABUS_MESSAGE_AS(Type, #Type, __VA_ARGS__)

// A message with a wire name, such as "orders.submitted".
#define SAGABUS_MESSAGE_AS(Type, wire_name, ...)                                                 \
  SAGABUS_DESCRIBE(Type, __VA_ARGS__)                                                            \
  [[maybe_unused]] constexpr std::string_view sagabus_message_name(                              \
      std::type_identity<Type>) noexcept {                                                       \
    static_assert(std::string_view(wire_name).size() > 0, "a message needs a name on the wire"); \
    return wire_name;                                                                            \
  }

namespace sagabus {

// A struct with a SAGABUS_MESSAGE line.
template <class T>
concept Message = requires {
  { sagabus_message_name(std::type_identity<T>{}) } -> std::convertible_to<std::string_view>;
};

// The name on the wire.
template <Message T>
constexpr std::string_view message_name() noexcept {
  return sagabus_message_name(std::type_identity<T>{});
}

namespace detail {

// As Message, but what is none is refused with a sentence, not with a list of candidates.
template <class T>
struct CheckMessage {
  static_assert(Message<T>,
                "a message is a struct with a SAGABUS_MESSAGE line in the struct's own namespace");
  static constexpr bool value = Message<T>;
};
template <class T>
concept CheckedMessage = CheckMessage<T>::value;

}  // namespace detail

}  // namespace sagabus
