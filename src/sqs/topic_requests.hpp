// The forms of requests to SNS, and what stands in its answers: pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "aws/xml.hpp"
#include "sqs/batch_line.hpp"
#include "sqs/batch_results.hpp"

namespace sagabus::sqs {

// Operations. Literals, as aws::Client wants them.
inline constexpr std::string_view kPublishBatch = "PublishBatch";
inline constexpr std::string_view kCreateTopic = "CreateTopic";
inline constexpr std::string_view kGetTopicAttributes = "GetTopicAttributes";
inline constexpr std::string_view kSubscribe = "Subscribe";
inline constexpr std::string_view kUnsubscribe = "Unsubscribe";
inline constexpr std::string_view kGetSubscriptionAttributes = "GetSubscriptionAttributes";
inline constexpr std::string_view kListSubscriptions = "ListSubscriptionsByTopic";

// As the service names and writes them.
using TopicAttributes = std::map<std::string, std::string>;

std::string create_topic_form(std::string_view name, const TopicAttributes& attributes);
std::string get_topic_attributes_form(std::string_view topic_arn);
std::string subscribe_form(std::string_view topic_arn, std::string_view queue_arn,
                           const TopicAttributes& attributes);
std::string unsubscribe_form(std::string_view subscription_arn);
std::string get_subscription_attributes_form(std::string_view subscription_arn);
std::string list_subscriptions_form(std::string_view topic_arn, std::string_view next_token);

// The parameters of an entry, encoded, for BatchEntry::members. Where there is a group, the topic
// is a FIFO one.
std::string publish_members(std::string_view message, std::string_view group_id,
                            std::string_view deduplication_id);

// Of a batch: the entries' Ids are their places in it.
std::string publish_form(std::string_view topic_arn, const std::vector<BatchEntry>& entries);

// Answers. Elements that are missing are empty.

std::string read_text(const aws::Element& answer, const char* name);
TopicAttributes read_topic_attributes(const aws::Element& answer);
std::vector<FailedEntry> read_publish_failures(const aws::Element& answer, std::size_t entries);

// The subscription of that queue on the page; empty where it has none.
std::string find_subscription(const aws::Element& page, std::string_view queue_arn);

}  // namespace sagabus::sqs
