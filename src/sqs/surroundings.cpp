#include "sqs/surroundings.hpp"

#include <fmt/format.h>

#include "sagabus/error.hpp"
#include "sqs/names.hpp"

namespace sagabus::sqs {

std::string Surroundings::topic_arn(const std::string& topic) const {
  if (topic.starts_with("arn:")) return topic;
  if (!options.topics.arn_prefix.empty()) return options.topics.arn_prefix + topic;
  if (!known_arn.empty()) return sibling_arn(known_arn, "sns", topic);
  throw NotFound(
      fmt::format("the topic {} is in an unknown account: sqs: topics.arn_prefix is empty, "
                  "and no queue was looked up",
                  topic));
}

}  // namespace sagabus::sqs
