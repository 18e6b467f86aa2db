// A payload that travels beside its message, as the message's headers tell it: pure functions.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sagabus/envelope.hpp"

namespace sagabus::sqs {

struct Claim {
  std::string key;  // the SHA-256 of the payload's JSON form, 64 lower-case hex digits
  std::size_t bytes = 0;
  friend bool operator==(const Claim&, const Claim&) = default;
};

// What keeps a message's order at an endpoint.
using OrderKeys = std::map<std::string, std::string, std::less<>>;

bool has_claim(const Envelope& envelope);

Claim claim_for(std::string_view payload_json);

// The envelope without its payload, and with the headers that stand for it.
Envelope with_claim(const Envelope& whole, const Claim& claim, const OrderKeys& order_keys);

// Throws ValidationError where a header is missing, or is not what with_claim() writes: no text
// from a message becomes part of a path or an address.
Claim read_claim(const Envelope& packed);

// What keeps its order at that endpoint, where its headers tell.
std::optional<std::string> read_order_key(const Envelope& packed, std::string_view endpoint);

// The envelope as it was before. Throws ValidationError where that is not the payload that the
// claim stands for, or is no JSON.
Envelope with_payload(Envelope packed, const Claim& claim, std::string_view payload_json);

}  // namespace sagabus::sqs
