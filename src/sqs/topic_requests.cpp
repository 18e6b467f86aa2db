#include "sqs/topic_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "aws/form.hpp"

namespace sagabus::sqs {
namespace {

using aws::child_text;

constexpr std::string_view kVersion = "2010-03-31";

aws::Form form_for(std::string_view operation) {
  return aws::Form(operation, kVersion);
}

void add_attributes(aws::Form& form, const TopicAttributes& attributes) {
  int number = 0;
  for (const auto& [name, value] : attributes) {
    ++number;
    form.add(fmt::format("Attributes.entry.{}.key", number), name);
    form.add(fmt::format("Attributes.entry.{}.value", number), value);
  }
}

template <class Function>
void for_each_member(const aws::Element& answer, const std::string& list, Function function) {
  const aws::Element* const found = aws::find_element(answer, list);
  if (!found) return;
  for (const auto& [name, member] : *found) {
    if (name == "member") function(member);
  }
}

}  // namespace

std::string create_topic_form(std::string_view name, const TopicAttributes& attributes) {
  aws::Form form = form_for(kCreateTopic);
  form.add("Name", name);
  add_attributes(form, attributes);
  return std::move(form).text();
}

std::string get_topic_attributes_form(std::string_view topic_arn) {
  aws::Form form = form_for(kGetTopicAttributes);
  form.add("TopicArn", topic_arn);
  return std::move(form).text();
}

std::string subscribe_form(std::string_view topic_arn, std::string_view queue_arn,
                           const TopicAttributes& attributes) {
  aws::Form form = form_for(kSubscribe);
  form.add("TopicArn", topic_arn);
  form.add("Protocol", "sqs");
  form.add("Endpoint", queue_arn);
  form.add("ReturnSubscriptionArn", "true");
  add_attributes(form, attributes);
  return std::move(form).text();
}

std::string unsubscribe_form(std::string_view subscription_arn) {
  aws::Form form = form_for(kUnsubscribe);
  form.add("SubscriptionArn", subscription_arn);
  return std::move(form).text();
}

std::string get_subscription_attributes_form(std::string_view subscription_arn) {
  aws::Form form = form_for(kGetSubscriptionAttributes);
  form.add("SubscriptionArn", subscription_arn);
  return std::move(form).text();
}

std::string list_subscriptions_form(std::string_view topic_arn, std::string_view next_token) {
  aws::Form form = form_for(kListSubscriptions);
  form.add("TopicArn", topic_arn);
  form.add_unless_empty("NextToken", next_token);
  return std::move(form).text();
}

std::string publish_members(std::string_view message, std::string_view group_id,
                            std::string_view deduplication_id) {
  std::string out = "Message=";
  out.reserve(message.size() + message.size() / 2 + 256);
  aws::append_percent_encoded(out, message);
  if (!group_id.empty()) {
    out += "&MessageGroupId=";
    aws::append_percent_encoded(out, group_id);
    out += "&MessageDeduplicationId=";
    aws::append_percent_encoded(out, deduplication_id);
  }
  return out;
}

std::string publish_form(std::string_view topic_arn, const std::vector<BatchEntry>& entries) {
  aws::Form form = form_for(kPublishBatch);
  form.add("TopicArn", topic_arn);
  std::string out = std::move(form).text();
  std::size_t size = out.size();
  for (const BatchEntry& entry : entries) size += entry.members.size() + 256;
  out.reserve(size);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string prefix = fmt::format("&PublishBatchRequestEntries.member.{}.", i + 1);
    fmt::format_to(std::back_inserter(out), "{}Id={}", prefix, i);
    std::string_view rest = entries[i].members;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('&'), rest.size());
      out.append(prefix).append(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return out;
}

std::string read_text(const aws::Element& answer, const char* name) {
  const aws::Element* const found = aws::find_element(answer, name);
  return found ? found->data() : std::string();
}

TopicAttributes read_topic_attributes(const aws::Element& answer) {
  TopicAttributes out;
  const aws::Element* const found = aws::find_element(answer, "Attributes");
  if (!found) return out;
  for (const auto& [name, entry] : *found) {
    if (name == "entry") out.emplace(child_text(entry, "key"), child_text(entry, "value"));
  }
  return out;
}

std::vector<FailedEntry> read_publish_failures(const aws::Element& answer, std::size_t entries) {
  BatchResults results(entries);
  for_each_member(answer, "Successful",
                  [&](const aws::Element& entry) { results.succeeded(child_text(entry, "Id")); });
  for_each_member(answer, "Failed", [&](const aws::Element& entry) {
    FailedEntry why;
    why.code = child_text(entry, "Code");
    why.message = child_text(entry, "Message");
    why.sender_fault = child_text(entry, "SenderFault") == "true";
    results.failed(child_text(entry, "Id"), std::move(why));
  });
  return results.take();
}

std::string find_subscription(const aws::Element& page, std::string_view queue_arn) {
  std::string found;
  for_each_member(page, "Subscriptions", [&](const aws::Element& subscription) {
    const bool matches = child_text(subscription, "Protocol") == "sqs" &&
                         child_text(subscription, "Endpoint") == queue_arn;
    if (matches) found = child_text(subscription, "SubscriptionArn");
  });
  return found;
}

}  // namespace sagabus::sqs
