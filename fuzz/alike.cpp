#include "alike.hpp"

#include <algorithm>
#include <optional>

namespace sagabus::fuzz {
namespace {

std::optional<double> number_of(const Value& value) {
  if (const auto* i = value.if_int64()) return static_cast<double>(*i);
  if (const auto* u = value.if_uint64()) return static_cast<double>(*u);
  if (const auto* d = value.if_double()) return *d;
  return std::nullopt;
}

bool alike_objects(const Object& a, const Object& b, const Value& whole_a, const Value& whole_b) {
  return std::all_of(b.begin(), b.end(),
                     [&](const Member& it) { return whole_a.find(it.first); }) &&
         std::all_of(a.begin(), a.end(), [&](const Member& it) {
           const Value* const other = whole_b.find(it.first);
           return other && alike(*whole_a.find(it.first), *other);
         });
}

}  // namespace

bool alike(const Value& a, const Value& b) {
  if (a == b) return true;
  if (const Object* x = a.if_object(), *y = b.if_object(); x && y) {
    return alike_objects(*x, *y, a, b);
  }
  if (const Array* x = a.if_array(), *y = b.if_array(); x && y) {
    return std::equal(x->begin(), x->end(), y->begin(), y->end(), alike);
  }
  // Two whole numbers would have been equal.
  const bool one_is_double = a.if_double() || b.if_double();
  return one_is_double && number_of(a) && number_of(a) == number_of(b);
}

}  // namespace sagabus::fuzz
