// Described structs to Values and back.
//
// A field may be: bool, an integer, float or double, std::string, an enum (by name), Bytes or
// std::vector<unsigned char>, a system-clock time point (as ISO 8601), a duration (as a count of
// its unit), std::optional (absent where empty), std::vector, std::array, std::set, std::map and
// std::unordered_map with string keys, Value, another described struct, or any type for which the
// user specialises sagabus::Codec.
#pragma once

#include <array>
#include <boost/describe/enum_from_string.hpp>
#include <boost/describe/enumerators.hpp>
#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <ratio>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "sagabus/describe.hpp"
#include "sagabus/time_text.hpp"
#include "sagabus/value.hpp"

namespace sagabus {

// What to do with a field that the value does not have. An optional field may always be missing.
enum class MissingField {
  keep_default,  // the struct's own default stays: for states, which outlive their definitions
  refuse         // ValidationError: for messages, where a forgotten total must not read as 0
};

// Where in a value the codec is, for error texts: "items[3].price". Lives on the stack.
class FieldPath {
 public:
  explicit FieldPath(MissingField missing) : missing_(missing) {}
  FieldPath(const FieldPath& parent, std::string_view name)
      : parent_(&parent), name_(name), missing_(parent.missing_) {}
  FieldPath(const FieldPath& parent, std::size_t index)
      : parent_(&parent), index_(index), missing_(parent.missing_) {}

  MissingField missing() const noexcept { return missing_; }
  std::string text() const;

  // Throws ValidationError "<path>: <problem>".
  [[noreturn]] void fail(const std::string& problem) const;
  [[noreturn]] void expected(std::string_view what, const Value& found) const;

 private:
  static constexpr std::size_t kNamed = static_cast<std::size_t>(-1);

  const FieldPath* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = kNamed;
  MissingField missing_;
};

// Specialise for a type of your own:
//   static Value write(const T&, const FieldPath&);
//   static void read(const Value&, T&, const FieldPath&);
template <class T>
struct Codec;

// A type that a message or state may hold.
template <class T>
concept Describable = requires(const T& object, T& target, const Value& value,
                               const FieldPath& path) {
  { Codec<T>::write(object, path) } -> std::same_as<Value>;
  Codec<T>::read(value, target, path);
};

// Throws ValidationError naming the field: a number that is NaN or infinite, a string that is not
// UTF-8, an enum value without a name, a time outside the years 0 to 9999.
template <class T>
Value to_value(const T& object) {
  static_assert(Describable<T>, "no codec for this type: it needs a SAGABUS_DESCRIBE line");
  return Codec<T>::write(object, FieldPath(MissingField::keep_default));
}

// Throws ValidationError naming the field, such as "items[3].price: expected number, found string".
// Members that the struct does not name are ignored.
template <class T>
T from_value(const Value& value, MissingField missing = MissingField::keep_default) {
  static_assert(Describable<T>, "no codec for this type: it needs a SAGABUS_DESCRIBE line");
  static_assert(std::is_default_constructible_v<T>, "what is read is first made by default");
  T object{};
  Codec<T>::read(value, object, FieldPath(missing));
  return object;
}

namespace detail {

bool is_utf8(std::string_view text) noexcept;
std::int64_t read_int64(const Value& value, std::int64_t least, std::int64_t most,
                        const FieldPath& path);
std::uint64_t read_uint64(const Value& value, std::uint64_t most, const FieldPath& path);
double read_double(const Value& value, const FieldPath& path);
const std::string& read_string(const Value& value, const FieldPath& path);
const Array& read_array(const Value& value, const FieldPath& path);
const Object& read_object(const Value& value, const FieldPath& path);
Bytes read_bytes(const Value& value, const FieldPath& path);
// Times as counts of ticks since 1970, each num / den seconds long, one of which is 1. Reading
// rounds down.
struct Tick {
  std::int64_t num;
  std::int64_t den;
};
Value write_time(std::int64_t ticks, Tick tick, const FieldPath& path);
std::int64_t read_time(const Value& value, Tick tick, std::int64_t least, std::int64_t most,
                       const FieldPath& path);
[[noreturn]] void out_of_range(const FieldPath& path);
[[noreturn]] void unknown_name(const std::vector<std::string_view>& known, const FieldPath& path);

template <class T>
inline constexpr bool is_byte_vector =
    std::is_same_v<T, std::vector<std::byte>> || std::is_same_v<T, std::vector<unsigned char>>;

// One field of a described struct: its name, and how to write and read it.
template <class T>
struct Field {
  std::string_view name;
  bool optional;
  void (*write)(const T&, Object&, const FieldPath&);
  void (*read)(const Value&, T&, const FieldPath&);
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

template <class T, class Descriptor>
constexpr Field<T> describe_field() {
  using Member = std::remove_reference_t<decltype(std::declval<T&>().*Descriptor::pointer)>;
  using Type = std::remove_cv_t<Member>;
  static_assert(!std::is_const_v<Member>, "a field is not const: it is read into");
  static_assert(Describable<Type>, "no codec for a field's type: codec.hpp names what it may be");
  return {Descriptor::name, is_optional<Type>,
          [](const T& object, Object& out, const FieldPath& path) {
            const Type& member = object.*Descriptor::pointer;
            if constexpr (is_optional<Type>) {
              if (!member) return;
            }
            constexpr std::string_view name = Descriptor::name;
            out.emplace_back(name, Codec<Type>::write(member, FieldPath(path, name)));
          },
          [](const Value& value, T& object, const FieldPath& path) {
            Codec<Type>::read(value, object.*Descriptor::pointer,
                              FieldPath(path, Descriptor::name));
          }};
}

template <class T>
constexpr auto fields_of() {
  using Members = boost::describe::describe_members<T, boost::describe::mod_public |
                                                           boost::describe::mod_inherited>;
  return []<template <class...> class List, class... D>(List<D...>) {
    return std::array<Field<T>, sizeof...(D)>{describe_field<T, D>()...};
  }(Members{});
}

template <class T>
inline constexpr auto kFields = fields_of<T>();

}  // namespace detail

// A described struct.
template <class T>
requires boost::describe::has_describe_members<T>::value struct Codec<T> {
  static Value write(const T& object, const FieldPath& path) {
    Object out;
    out.reserve(detail::kFields<T>.size());
    for (const auto& field : detail::kFields<T>) field.write(object, out, path);
    return Value(std::move(out));
  }

  // Members mostly come in the order of the fields, so the next field is tried first.
  static void read(const Value& value, T& object, const FieldPath& path) {
    constexpr const auto& fields = detail::kFields<T>;
    constexpr std::size_t count = fields.size();
    std::array<bool, count> seen{};
    std::size_t next = 0;
    for (const auto& [name, member] : detail::read_object(value, path)) {
      for (std::size_t tried = 0; tried < count; ++tried, next = (next + 1) % count) {
        if (fields[next].name != name) continue;
        fields[next].read(member, object, path);
        seen[next] = true;
        next = (next + 1) % count;
        break;
      }
    }
    if (path.missing() == MissingField::keep_default) return;
    for (std::size_t i = 0; i < count; ++i) {
      if (!seen[i] && !fields[i].optional) FieldPath(path, fields[i].name).fail("missing");
    }
  }
};

template <>
struct Codec<bool> {
  static Value write(bool v, const FieldPath&) { return Value(v); }
  static void read(const Value& value, bool& v, const FieldPath& path) {
    const bool* found = value.if_bool();
    if (!found) path.expected("true or false", value);
    v = *found;
  }
};

template <class T>
requires(std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char>) struct Codec<T> {
  static Value write(T v, const FieldPath&) {
    if constexpr (std::is_signed_v<T>) {
      return Value(static_cast<std::int64_t>(v));
    } else {
      return Value(static_cast<std::uint64_t>(v));
    }
  }
  static void read(const Value& value, T& v, const FieldPath& path) {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_signed_v<T>) {
      v = static_cast<T>(detail::read_int64(value, Limits::min(), Limits::max(), path));
    } else {
      v = static_cast<T>(detail::read_uint64(value, Limits::max(), path));
    }
  }
};

template <std::floating_point T>
struct Codec<T> {
  static_assert(sizeof(T) <= sizeof(double), "long double does not survive a store");
  static Value write(T v, const FieldPath& path) {
    if (!std::isfinite(v)) path.fail("NaN and infinity cannot be stored");
    return Value(static_cast<double>(v));
  }
  static void read(const Value& value, T& v, const FieldPath& path) {
    const double d = detail::read_double(value, path);
    if (std::abs(d) > std::numeric_limits<T>::max()) detail::out_of_range(path);
    v = static_cast<T>(d);
  }
};

template <>
struct Codec<std::string> {
  static Value write(const std::string& v, const FieldPath& path) {
    if (!detail::is_utf8(v)) path.fail("not UTF-8 (use sagabus::Bytes for binary data)");
    return Value(v);
  }
  static void read(const Value& value, std::string& v, const FieldPath& path) {
    v = detail::read_string(value, path);
  }
};

template <class T>
requires std::is_enum_v<T>
struct Codec<T> {
  static_assert(boost::describe::has_describe_enumerators<T>::value,
                "an enum in a message or state needs a SAGABUS_DESCRIBE_ENUM line");
  static Value write(T v, const FieldPath& path) {
    std::string_view name;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto d) {
      if (d.value == v) name = d.name;
    });
    if (name.empty()) path.fail("an enum value without a name");
    return Value(name);
  }
  static void read(const Value& value, T& v, const FieldPath& path) {
    const std::string& name = detail::read_string(value, path);
    if (boost::describe::enum_from_string(name.c_str(), v)) return;
    std::vector<std::string_view> known;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto d) { known.emplace_back(d.name); });
    detail::unknown_name(known, path);
  }
};

template <>
struct Codec<Value> {
  static Value write(const Value& v, const FieldPath&) { return v; }
  static void read(const Value& value, Value& v, const FieldPath&) { v = value; }
};

template <class T>
requires detail::is_byte_vector<T>
struct Codec<T> {
  static Value write(const T& v, const FieldPath&) {
    const auto* first = reinterpret_cast<const std::byte*>(v.data());
    return Value(Bytes(first, first + v.size()));
  }
  static void read(const Value& value, T& v, const FieldPath& path) {
    const Bytes bytes = detail::read_bytes(value, path);
    const auto* first = reinterpret_cast<const typename T::value_type*>(bytes.data());
    v.assign(first, first + bytes.size());
  }
};

template <Describable T>
struct Codec<std::optional<T>> {
  static Value write(const std::optional<T>& v, const FieldPath& path) {
    return v ? Codec<T>::write(*v, path) : Value();
  }
  static void read(const Value& value, std::optional<T>& v, const FieldPath& path) {
    if (value.is_null()) {
      v.reset();
    } else {
      Codec<T>::read(value, v.emplace(), path);
    }
  }
};

template <class Duration>
struct Codec<std::chrono::time_point<std::chrono::system_clock, Duration>> {
  using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;
  using Rep = typename Duration::rep;
  using Period = typename Duration::period;
  static_assert(std::signed_integral<Rep> &&
                    (Period::den == 1 || (Period::num == 1 && std::nano::den % Period::den == 0)),
                "a time must be a whole number of seconds, or of decimal parts of one");
  static constexpr detail::Tick kTick{Period::num, Period::den};

  static Value write(const Time& v, const FieldPath& path) {
    return detail::write_time(v.time_since_epoch().count(), kTick, path);
  }
  static void read(const Value& value, Time& v, const FieldPath& path) {
    using Limits = std::numeric_limits<Rep>;
    const auto ticks = detail::read_time(value, kTick, Limits::min(), Limits::max(), path);
    v = Time(Duration(static_cast<Rep>(ticks)));
  }
};

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
  using Duration = std::chrono::duration<Rep, Period>;
  static Value write(const Duration& v, const FieldPath& path) {
    return Codec<Rep>::write(v.count(), path);
  }
  static void read(const Value& value, Duration& v, const FieldPath& path) {
    Rep count{};
    Codec<Rep>::read(value, count, path);
    v = Duration(count);
  }
};

template <class T, class Allocator>
requires(!detail::is_byte_vector<std::vector<T, Allocator>> &&
         Describable<T>) struct Codec<std::vector<T, Allocator>> {
  static Value write(const std::vector<T, Allocator>& v, const FieldPath& path) {
    Array out;
    out.reserve(v.size());
    for (std::size_t i = 0; i < v.size(); ++i) {
      out.push_back(Codec<T>::write(v[i], FieldPath(path, i)));
    }
    return Value(std::move(out));
  }
  static void read(const Value& value, std::vector<T, Allocator>& v, const FieldPath& path) {
    const Array& array = detail::read_array(value, path);
    v.clear();
    v.reserve(array.size());
    for (std::size_t i = 0; i < array.size(); ++i) {
      T element{};
      Codec<T>::read(array[i], element, FieldPath(path, i));
      v.push_back(std::move(element));
    }
  }
};

template <Describable T, std::size_t N>
struct Codec<std::array<T, N>> {
  static Value write(const std::array<T, N>& v, const FieldPath& path) {
    Array out;
    out.reserve(N);
    for (std::size_t i = 0; i < N; ++i) out.push_back(Codec<T>::write(v[i], FieldPath(path, i)));
    return Value(std::move(out));
  }
  static void read(const Value& value, std::array<T, N>& v, const FieldPath& path) {
    const Array& array = detail::read_array(value, path);
    if (array.size() != N) path.fail("expected " + std::to_string(N) + " elements");
    for (std::size_t i = 0; i < N; ++i) Codec<T>::read(array[i], v[i], FieldPath(path, i));
  }
};

template <Describable T, class Compare, class Allocator>
struct Codec<std::set<T, Compare, Allocator>> {
  using Set = std::set<T, Compare, Allocator>;
  static Value write(const Set& v, const FieldPath& path) {
    Array out;
    for (const T& element : v) out.push_back(Codec<T>::write(element, FieldPath(path, out.size())));
    return Value(std::move(out));
  }
  static void read(const Value& value, Set& v, const FieldPath& path) {
    const Array& array = detail::read_array(value, path);
    v.clear();
    for (std::size_t i = 0; i < array.size(); ++i) {
      T element{};
      Codec<T>::read(array[i], element, FieldPath(path, i));
      v.insert(std::move(element));
    }
  }
};

namespace detail {

template <class Map>
struct MapCodec {
  using Mapped = typename Map::mapped_type;
  static Value write(const Map& v, const FieldPath& path) {
    Object out;
    out.reserve(v.size());
    for (const auto& [name, mapped] : v) {
      if (!is_utf8(name)) path.fail("a key that is not UTF-8");
      out.emplace_back(name, Codec<Mapped>::write(mapped, FieldPath(path, name)));
    }
    return Value(std::move(out));
  }
  static void read(const Value& value, Map& v, const FieldPath& path) {
    v.clear();
    for (const auto& [name, member] : read_object(value, path)) {
      Mapped mapped{};
      Codec<Mapped>::read(member, mapped, FieldPath(path, name));
      v.insert_or_assign(name, std::move(mapped));
    }
  }
};

}  // namespace detail

template <Describable T, class Compare, class Allocator>
struct Codec<std::map<std::string, T, Compare, Allocator>>
    : detail::MapCodec<std::map<std::string, T, Compare, Allocator>> {};

template <Describable T, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_map<std::string, T, Hash, Equal, Allocator>>
    : detail::MapCodec<std::unordered_map<std::string, T, Hash, Equal, Allocator>> {};

}  // namespace sagabus
