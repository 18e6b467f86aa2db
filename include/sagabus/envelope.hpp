// A message on its way: saga-bus's envelope, which services in other languages share.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

#include "sagabus/clock.hpp"
#include "sagabus/codec.hpp"
#include "sagabus/value.hpp"

namespace sagabus {

// Header names. All begin with "x-saga-", or are W3C Trace Context's.
namespace headers {
inline constexpr std::string_view kAttempt = "x-saga-attempt";
inline constexpr std::string_view kFirstSeen = "x-saga-first-seen";
inline constexpr std::string_view kOriginalEndpoint = "x-saga-original-endpoint";
inline constexpr std::string_view kErrorMessage = "x-saga-error-message";
inline constexpr std::string_view kErrorType = "x-saga-error-type";
// "1" on a dead letter that may have taken effect. Sent back with it, the message counts as one
// that is delivered again: where its inbox no longer tells, it is buried and not run. Who has
// looked at the instance and wants it to run removes the header.
inline constexpr std::string_view kUncertain = "x-saga-uncertain";
// How often a message has been put aside since it was sent, because its saga was not there yet.
inline constexpr std::string_view kWaits = "x-saga-waits";
// On a dead letter: the Delivery::order_key that it had. Who sends it back gives it as
// SendRequest::order_key, and removes the header.
inline constexpr std::string_view kOrderKey = "x-saga-order-key";
// On a message whose payload travels beside it: under which key of the ClaimStore (the SHA-256 of
// its JSON form, in hex), and how many bytes it has. Also, as a JSON object by endpoint, what keeps
// its order there, where only the payload would tell. Handlers and letters do not see them.
inline constexpr std::string_view kClaim = "x-saga-claim";
inline constexpr std::string_view kClaimBytes = "x-saga-claim-bytes";
inline constexpr std::string_view kClaimOrder = "x-saga-claim-order";
// On SagaTimeoutExpired: which timeout it is, and when its row was due (milliseconds since 1970).
inline constexpr std::string_view kTimeoutToken = "x-saga-timeout-token";
inline constexpr std::string_view kTimeoutDue = "x-saga-timeout-due";
inline constexpr std::string_view kTraceParent = "traceparent";
inline constexpr std::string_view kTraceState = "tracestate";
}  // namespace headers

using Headers = std::map<std::string, std::string, std::less<>>;

struct Envelope {
  std::string id;    // the same for every delivery, retry and redrive of this message
  std::string type;  // the message's name on the wire
  Value payload;
  Headers headers;
  TimePoint timestamp{};      // when it was published, or was to be sent where it was scheduled; a
                              // retry keeps it
  std::string partition_key;  // messages with one key keep their order where the transport can; may
                              // be empty

  friend bool operator==(const Envelope&, const Envelope&) = default;
};

namespace detail {

// No message, but it may stand where one may: it is published as it is.
template <>
struct CheckMessage<Envelope> : std::false_type {};

}  // namespace detail

// Envelopes are shared, never changed, between outbox, transport and handlers.
using EnvelopePtr = std::shared_ptr<const Envelope>;

// The JSON form: {"id":…,"type":…,"payload":…,"headers":{…},"timestamp":…,"partitionKey":…}.
std::string to_json(const Envelope& envelope);

// The same with one header more, unless the envelope has it: for transports that add one.
std::string to_json(const Envelope& envelope, std::string_view header, std::string_view value);

// Throws ValidationError saying what is wrong: not JSON, no id, no type, a header that is no
// string. `headers`, `timestamp` and `partitionKey` may be missing; members it does not know are
// ignored.
Envelope parse_envelope(std::string_view json);

// How many arrays and objects may lie in one another in a payload: one less than in a JSON text,
// since the envelope is one.
inline constexpr std::size_t kMaxPayloadDepth = 63;

// Throws ValidationError naming what could not be written, or not be read again: an empty id or
// type, text that is not UTF-8, a payload that is deeper than kMaxPayloadDepth or holds NaN or
// infinity, a time outside the years 0 to 9999. Looks at every part once, and allocates nothing.
void check(const Envelope& envelope);

// The payload as M. Throws ValidationError naming the field, as from_value does; a field that is
// missing and not optional is an error.
template <detail::CheckedMessage M>
M read_message(const Envelope& envelope) {
  return from_value<M>(envelope.payload, MissingField::refuse);
}

}  // namespace sagabus
