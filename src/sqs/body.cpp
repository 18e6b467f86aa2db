#include "sqs/body.hpp"

#include <utility>

#include "sqs/names.hpp"

namespace sagabus::sqs {
namespace {

// What receivers in other languages of the family find their handlers by.
constexpr std::string_view kEndpointHeader = "x-endpoint";

}  // namespace

std::string write_body(const Envelope& envelope, std::size_t most) {
  std::string json = to_json(envelope, kEndpointHeader, envelope.type);
  std::string body = to_body(json);
  return body.size() > most && json.size() <= most ? json : body;
}

Envelope read_body(std::string_view body) {
  Envelope envelope = parse_envelope(body);
  const auto header = envelope.headers.find(kEndpointHeader);
  if (header != envelope.headers.end() && header->second == envelope.type) {
    envelope.headers.erase(header);
  }
  return envelope;
}

}  // namespace sagabus::sqs
