#include "sqs/outgoing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sagabus/error.hpp"
#include "sqs/body.hpp"
#include "sqs/directory.hpp"
#include "sqs/names.hpp"
#include "sqs/requests.hpp"
#include "sqs/topic_requests.hpp"

namespace sagabus::sqs {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A standard queue's.
constexpr milliseconds kMaxDelay = std::chrono::minutes(15);

void check_size(const Envelope& envelope, std::size_t bytes, const std::string& target,
                std::size_t most) {
  if (bytes <= most) return;
  throw ValidationError(fmt::format("{}: a message of {} bytes, and {} takes at most {}",
                                    envelope.type, bytes, target, most));
}

}  // namespace

milliseconds OutgoingRules::max_delay() const {
  return options_.fifo || options_.topics.enabled ? milliseconds(0) : kMaxDelay;
}

void OutgoingRules::add(const SendRequest& request, std::vector<Outgoing>& out) const {
  if (!request.envelope) throw ValidationError("envelope: missing");
  if (request.endpoint.empty() && topic_rules_.goes_by_topic(request.envelope->type)) {
    add_topic_entry(request, out);
    return;
  }
  std::vector<std::string> endpoints;
  if (request.endpoint.empty()) {
    endpoints = routes_.takers(request.envelope->type);
  } else {
    endpoints.push_back(request.endpoint);
  }
  if (endpoints.empty()) return;
  const std::string body = write_body(*request.envelope, options_.max_message_bytes);
  for (const std::string& name : endpoints) {
    Outgoing& outgoing = out.emplace_back();
    outgoing.name = name;
    outgoing.entry = entry_for(name, request, body);
  }
}

void OutgoingRules::add_topic_entry(const SendRequest& request, std::vector<Outgoing>& out) const {
  const Envelope& envelope = *request.envelope;
  const std::size_t most = std::min(options_.max_message_bytes, options_.topics.max_message_bytes);
  const std::string body = write_body(envelope, most);
  check_size(envelope, body.size(), name_in_arn(topic_rules_.topic(envelope.type)), most);
  delay_of(request);  // refuses one
  Outgoing& outgoing = out.emplace_back();
  outgoing.by_topic = true;
  outgoing.name = envelope.type;
  outgoing.entry.bytes = body.size();
  std::string deduplication;
  if (options_.fifo) {
    const std::string& key = request.deduplication_key;
    outgoing.entry.group =
        group_id(request.order_key.empty() ? topic_rules_.order_key(envelope) : request.order_key);
    deduplication = deduplication_id(key.empty() ? envelope.id : key);
  }
  outgoing.entry.members = publish_members(body, outgoing.entry.group, deduplication);
}

std::string OutgoingRules::group_of(const std::string& name, const SendRequest& request) const {
  if (!request.order_key.empty()) return group_id(request.order_key);
  // Nothing waits for anything there, so that whoever looks sees them all.
  const std::string& letters = options_.dead_letter.endpoint;
  if (is_dead_letter_endpoint(name) || name == letters) return group_id(request.envelope->id);
  return group_id(routes_.order_key(name, *request.envelope));
}

BatchEntry OutgoingRules::entry_for(const std::string& name, const SendRequest& request,
                                    const std::string& body) const {
  check_size(*request.envelope, body.size(), Directory::name_of(options_, name),
             options_.max_message_bytes);
  BatchEntry entry;
  entry.bytes = body.size();
  SendEntry members;
  members.body = body;
  members.delay = delay_of(request);
  std::string deduplication;
  if (options_.fifo) {
    const std::string& key = request.deduplication_key;
    entry.group = group_of(name, request);
    deduplication = deduplication_id(key.empty() ? request.envelope->id : key);
    members.group_id = entry.group;
    members.deduplication_id = deduplication;
  }
  entry.members = send_members(members);
  return entry;
}

seconds OutgoingRules::delay_of(const SendRequest& request) const {
  const TimePoint now = options_.ambient.clock->now();
  if (request.not_before <= now) return seconds(0);
  const auto delay = request.not_before - now;
  if (delay > max_delay()) {
    throw Unsupported(fmt::format("{}: a delay of {} ms, and this transport has {} at most",
                                  request.envelope->type, delay.count(), max_delay().count()));
  }
  return std::chrono::ceil<seconds>(delay);
}

}  // namespace sagabus::sqs
