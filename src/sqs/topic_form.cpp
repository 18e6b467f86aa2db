#include "sqs/topic_form.hpp"

#include "aws/number.hpp"
#include "sqs/queue_form.hpp"

namespace sagabus::sqs {
namespace {

constexpr std::size_t kUsualSize = 256U * 1024;  // of a topic that does not say
constexpr const char* kMaximumSize = "MaximumMessageSize";
constexpr const char* kRaw = "RawMessageDelivery";
constexpr const char* kFilter = "FilterPolicy";

bool takes_messages_of(const TopicAttributes& found, std::size_t bytes) {
  const auto limit = found.find(kMaximumSize);
  if (limit == found.end()) return bytes <= kUsualSize;
  return aws::read_number<std::size_t>(limit->second).value_or(0) >= bytes;
}

}  // namespace

TopicForm topic_form(const TransportOptions& options) {
  TopicForm form;
  form.fifo = options.fifo;
  form.max_message_bytes = options.topics.max_message_bytes;
  return form;
}

TopicAttributes wanted_attributes(const TopicForm& form) {
  TopicAttributes out;
  if (form.fifo) {
    out.emplace("FifoTopic", "true");
    out.emplace("FifoThroughputScope", "MessageGroup");
  }
  if (form.max_message_bytes > kUsualSize) {
    out.emplace(kMaximumSize, std::to_string(form.max_message_bytes));
  }
  return out;
}

TopicAttributes wanted_subscription() {
  return {{kRaw, "true"}};
}

std::vector<std::string> differences(const TopicForm& wanted, const TopicAttributes& found) {
  std::vector<std::string> out;
  for (const auto& [name, value] : wanted_attributes(wanted)) {
    if (name != kMaximumSize) add_difference(out, found, name, value);
  }
  if (!takes_messages_of(found, wanted.max_message_bytes)) {
    add_difference(out, found, kMaximumSize, std::to_string(wanted.max_message_bytes));
  }
  if (!wanted.fifo && found.contains("FifoTopic")) out.emplace_back("it is a FIFO topic");
  return out;
}

std::vector<std::string> subscription_differences(const TopicAttributes& found) {
  std::vector<std::string> out;
  for (const auto& [name, value] : wanted_subscription()) add_difference(out, found, name, value);
  const auto filter = found.find(kFilter);
  if (filter != found.end() && !filter->second.empty() && filter->second != "{}") {
    out.emplace_back("it has a filter, which keeps messages back");
  }
  return out;
}

}  // namespace sagabus::sqs
