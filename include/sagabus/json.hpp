// Values as JSON text, for those who write a store or a transport, or look at a message.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "sagabus/value.hpp"

namespace sagabus {

struct JsonLimits {
  std::size_t max_depth = 64;                 // of arrays and objects in one another
  std::size_t max_bytes = 64U * 1024 * 1024;  // of the text
};

// Reads one JSON text (RFC 8259, UTF-8). Integers to 64 bits are exact, other numbers are the
// nearest double. Throws ValidationError with the position where the text is not JSON, passes a
// limit, or holds a number beyond a double's range.
Value parse_json(std::string_view text, const JsonLimits& limits = {});

// Throws ValidationError naming the member where an object in the value has one twice. parse_json
// takes such a text, since other programs may write it; of what a person wrote, either may have
// been meant.
void require_unique_members(const Value& value);

// Compact: no white space. Doubles are written so that reading gives the same bits back; bytes are
// written as base64 (RFC 4648). Throws ValidationError for NaN and infinity, which JSON lacks.
std::string to_json(const Value& value);
void append_json(std::string& out, const Value& value);

// Appends `text` as a JSON string, with its quotes.
void append_json_string(std::string& out, std::string_view text);

// Base64 with the standard alphabet and padding. Decoding throws ValidationError for any other
// text.
std::string encode_base64(const Bytes& bytes);
Bytes decode_base64(std::string_view text);

}  // namespace sagabus
