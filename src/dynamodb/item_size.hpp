// How large DynamoDB takes an item to be: for its limit of 400 KB, and for the units it bills.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <string_view>

#include "sagabus/value.hpp"

namespace sagabus::dynamodb {

inline constexpr std::size_t kMaxItemBytes = 400 * 1024;

// The part of it that is kept for inbox, outbox and timers: where the state had filled it all, no
// step of the instance could be committed any more.
inline constexpr std::size_t kBookkeepingBytes = 64 * 1024;

// A number's bytes: a digit pair each, one more, and one for a minus sign; 1 for 0.
std::size_t number_size(std::string_view number);

// A value's bytes, without the name of its attribute.
std::size_t value_size(const Value& value);

// The bytes of an item, or of a map's content, in DynamoDB's JSON form.
std::size_t item_size(const boost::json::object& item);

// Units of 1 KB that a write of so many bytes is billed as.
double write_units(std::size_t bytes);

}  // namespace sagabus::dynamodb
