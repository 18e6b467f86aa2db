#include "sqs/queue_form.hpp"

#include <fmt/format.h>

#include <boost/json/parse.hpp>

#include "aws/json_member.hpp"
#include "aws/number.hpp"
#include "sagabus/json.hpp"
#include "sqs/queue_policy.hpp"

namespace sagabus::sqs {
namespace {

namespace json = boost::json;

constexpr int kRetention = 14 * 24 * 3600;
constexpr std::string_view kRedrivePolicy = "RedrivePolicy";
constexpr const char* kMaximumMessageSize = "MaximumMessageSize";

// Empty where the queue has none, or one that cannot be read.
std::string dead_letter_arn_of(const QueueAttributes& found) {
  const auto policy = found.find(std::string(kRedrivePolicy));
  if (policy == found.end()) return {};
  boost::system::error_code bad;
  const json::value read = json::parse(policy->second, bad);
  return bad ? std::string() : std::string(aws::find_text(read, {"deadLetterTargetArn"}));
}

// Whether messages of so many bytes fit into it; one that does not say is taken to have no limit of
// its own.
bool takes(const QueueAttributes& found, std::size_t bytes) {
  const auto limit = found.find(kMaximumMessageSize);
  if (limit == found.end()) return true;
  return aws::read_number<std::size_t>(limit->second).value_or(0) >= bytes;
}

}  // namespace

QueueAttributes wanted_attributes(const QueueForm& form) {
  QueueAttributes out{
      {"MessageRetentionPeriod", std::to_string(kRetention)},
      {"VisibilityTimeout", std::to_string(form.visibility_timeout.count())},
      {kMaximumMessageSize, std::to_string(form.max_message_bytes)},
  };
  if (form.fifo) {
    out.emplace("FifoQueue", "true");
    out.emplace("DeduplicationScope", "messageGroup");
    out.emplace("FifoThroughputLimit", "perMessageGroupId");
  }
  if (!form.dead_letter_arn.empty()) {
    std::string policy = "{\"deadLetterTargetArn\":";
    append_json_string(policy, form.dead_letter_arn);
    policy += fmt::format(",\"maxReceiveCount\":\"{}\"}}", form.max_receive_count);
    out.emplace(kRedrivePolicy, std::move(policy));
  }
  if (!form.topics.empty()) out.emplace(kPolicy, *letting_in({}, form.arn, form.topics));
  return out;
}

std::vector<std::string> differences(const QueueForm& wanted, const QueueAttributes& found) {
  std::vector<std::string> out;
  for (const auto& [name, value] : wanted_attributes(wanted)) {
    // Requests bring their own; and a policy may be written in several ways.
    if (name == "VisibilityTimeout" || name == kRedrivePolicy || name == kPolicy) continue;
    if (name == kMaximumMessageSize && takes(found, wanted.max_message_bytes)) continue;
    add_difference(out, found, name, value);
  }
  if (!wanted.fifo && found.contains("FifoQueue")) out.emplace_back("it is a FIFO queue");
  const std::string letters = dead_letter_arn_of(found);
  if (letters != wanted.dead_letter_arn && !wanted.dead_letter_arn.empty()) {
    out.push_back(fmt::format("its dead letters go to {}, expected {}",
                              letters.empty() ? "nowhere" : letters, wanted.dead_letter_arn));
  }
  for (const std::string& topic : not_let_in(policy_of(found), wanted.topics)) {
    out.push_back(does_not_let_in(topic));
  }
  return out;
}

void add_difference(std::vector<std::string>& out, const std::map<std::string, std::string>& found,
                    const std::string& name, const std::string& expected) {
  const auto there = found.find(name);
  const std::string value = there == found.end() ? "not set" : there->second;
  if (value != expected) out.push_back(fmt::format("{} is {}, expected {}", name, value, expected));
}

}  // namespace sagabus::sqs
