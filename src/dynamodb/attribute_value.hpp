// Values as DynamoDB's attribute values, in their JSON form, and back.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "sagabus/codec.hpp"
#include "sagabus/value.hpp"

namespace sagabus::dynamodb {

// Values in one another, the attribute itself being the first: DynamoDB takes a plain value on the
// 32nd level, but no list or map there.
inline constexpr int kMaxLevels = 32;

// Appends {"M":{…}}, {"S":"…"} and so on. Of an object's members of one name only the last is
// written. Throws ValidationError naming the field: a number that is NaN, infinite or outside
// ±1E-130 to ±9.99…E+125, a string that is not UTF-8, an empty name, nesting that is too deep.
void append_attribute_value(std::string& out, const Value& value, const FieldPath& path,
                            int level = 1);

// Appends {"name":{"S":"…"},…}: an item, a key, the values of an expression. Throws as above.
void append_attributes(std::string& out, const Object& attributes, const FieldPath& path,
                       int level = 1);

void append_string_attribute(std::string& out, std::string_view text);  // {"S":"…"}
void append_number_attribute(std::string& out, std::int64_t number);    // {"N":"…"}
void append_number_attribute(std::string& out, std::uint64_t number);
void append_bool_attribute(std::string& out, bool value);  // {"BOOL":…}

// Numbers are read as int64 or uint64 where they are whole and fit, else as the nearest double.
// Sets are read as arrays. Throws ValidationError for what is no attribute value.
Value read_attribute_value(const boost::json::value& attribute, const FieldPath& path);

}  // namespace sagabus::dynamodb
