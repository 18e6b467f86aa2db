#include "sqs/topic_rules.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "sqs/names.hpp"

namespace sagabus::sqs {
namespace {

// Stands for the topic among the endpoints of order keys: no endpoint has this name.
constexpr std::string_view kOnTopic;

}  // namespace

const Topic* TopicRules::particulars(const std::string& type) const {
  const std::vector<Topic>& topics = options_.topics.types;
  const auto found = std::find_if(topics.begin(), topics.end(),
                                  [&type](const Topic& topic) { return topic.type == type; });
  return found == topics.end() ? nullptr : &*found;
}

bool TopicRules::has_topic(const std::string& type) const {
  if (!options_.topics.enabled) return false;
  const Topic* const topic = particulars(type);
  return !topic || !topic->direct;
}

bool TopicRules::goes_by_topic(const std::string& type) const {
  if (!has_topic(type)) return false;
  if (!options_.fifo) return true;
  const Topic* const topic = particulars(type);
  return (topic && !topic->group_by.empty()) || routes_.keep_one_order(type);
}

std::string TopicRules::order_key(const Envelope& envelope) const {
  if (has_claim(envelope)) return routes_.order_key(std::string(kOnTopic), envelope);
  const Topic* const topic = particulars(envelope.type);
  if (topic && !topic->group_by.empty()) return order_key_by_member(envelope, topic->group_by);
  const auto takers = routes_.takers(envelope.type);
  return routes_.order_key(takers.empty() ? std::string() : takers.front(), envelope);
}

OrderKeys TopicRules::order_keys(const Envelope& whole) const {
  OrderKeys keys = routes_.order_keys(whole);
  if (goes_by_topic(whole.type)) keys.emplace(kOnTopic, order_key(whole));
  return keys;
}

std::string TopicRules::topic(const std::string& type) const {
  const Topic* const topic = particulars(type);
  if (topic && !topic->arn.empty()) return topic->arn;
  return topic_name(options_.queue_prefix, type, options_.fifo);
}

std::string TopicRules::objection(const std::string& type) const {
  if (!has_topic(type) || goes_by_topic(type)) return {};
  return fmt::format(
      "{} goes straight to the queues of {}, which may keep its order by different "
      "things, and to nobody else; where they keep it by one, topics.types says so",
      type, fmt::join(routes_.takers(type), ", "));
}

}  // namespace sagabus::sqs
