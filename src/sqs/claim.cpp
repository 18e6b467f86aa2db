#include "sqs/claim.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "aws/digest.hpp"
#include "aws/number.hpp"
#include "sagabus/error.hpp"
#include "sagabus/json.hpp"

namespace sagabus::sqs {
namespace {

constexpr std::size_t kKeyDigits = 64;

const std::string* find_header(const Envelope& envelope, std::string_view name) {
  const auto found = envelope.headers.find(name);
  return found == envelope.headers.end() ? nullptr : &found->second;
}

const std::string& required_header(const Envelope& envelope, std::string_view name) {
  const std::string* const value = find_header(envelope, name);
  if (!value) throw ValidationError(fmt::format("headers.{}: missing", name));
  return *value;
}

bool is_key(std::string_view text) {
  return text.size() == kKeyDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

bool has_claim(const Envelope& envelope) {
  return envelope.headers.contains(headers::kClaim);
}

Claim claim_for(std::string_view payload_json) {
  Claim claim;
  aws::append_hex(claim.key, aws::sha256(payload_json));
  claim.bytes = payload_json.size();
  return claim;
}

Envelope with_claim(const Envelope& whole, const Claim& claim, const OrderKeys& order_keys) {
  Envelope packed;
  packed.id = whole.id;
  packed.type = whole.type;
  packed.headers = whole.headers;
  packed.timestamp = whole.timestamp;
  packed.partition_key = whole.partition_key;
  const auto set = [&packed](std::string_view name, std::string value) {
    packed.headers.insert_or_assign(std::string(name), std::move(value));
  };
  set(headers::kClaim, claim.key);
  set(headers::kClaimBytes, std::to_string(claim.bytes));
  if (order_keys.empty()) return packed;
  Object by_endpoint;
  for (const auto& [endpoint, key] : order_keys) by_endpoint.emplace_back(endpoint, Value(key));
  set(headers::kClaimOrder, to_json(Value(std::move(by_endpoint))));
  return packed;
}

Claim read_claim(const Envelope& packed) {
  Claim claim;
  claim.key = required_header(packed, headers::kClaim);
  if (!is_key(claim.key)) {
    throw ValidationError(
        fmt::format("headers.{}: expected {} hex digits", headers::kClaim, kKeyDigits));
  }
  const auto bytes = aws::read_number<std::size_t>(required_header(packed, headers::kClaimBytes));
  if (!bytes) throw ValidationError(fmt::format("headers.{}: no number", headers::kClaimBytes));
  claim.bytes = *bytes;
  return claim;
}

std::optional<std::string> read_order_key(const Envelope& packed, std::string_view endpoint) {
  const std::string* const header = find_header(packed, headers::kClaimOrder);
  if (!header) return std::nullopt;
  try {
    const Value by_endpoint = parse_json(*header);
    const Value* const key = by_endpoint.find(endpoint);
    const std::string* const text = key ? key->if_string() : nullptr;
    return text && !text->empty() ? std::optional(*text) : std::nullopt;
  } catch (const ValidationError&) {  // somebody else's header
    return std::nullopt;
  }
}

Envelope with_payload(Envelope packed, const Claim& claim, std::string_view payload_json) {
  if (claim_for(payload_json) != claim) {
    throw ValidationError(fmt::format("the payload under {} is not the one that was sent: {} bytes",
                                      claim.key, payload_json.size()));
  }
  packed.payload = parse_json(payload_json);
  for (const std::string_view name :
       {headers::kClaim, headers::kClaimBytes, headers::kClaimOrder}) {
    packed.headers.erase(std::string(name));
  }
  return packed;
}

}  // namespace sagabus::sqs
