// The bodies of requests to SQS, and what stands in its answers: pure functions.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sagabus/clock.hpp"
#include "sqs/batch_line.hpp"
#include "sqs/batch_results.hpp"
#include "sqs/queue_form.hpp"

namespace sagabus::sqs {

// Operations. Literals, as aws::Client wants them.
inline constexpr std::string_view kReceive = "ReceiveMessage";
inline constexpr std::string_view kSendBatch = "SendMessageBatch";
inline constexpr std::string_view kDeleteBatch = "DeleteMessageBatch";
inline constexpr std::string_view kChangeVisibilityBatch = "ChangeMessageVisibilityBatch";
inline constexpr std::string_view kGetQueueUrl = "GetQueueUrl";
inline constexpr std::string_view kGetQueueAttributes = "GetQueueAttributes";
inline constexpr std::string_view kCreateQueue = "CreateQueue";
inline constexpr std::string_view kSetQueueAttributes = "SetQueueAttributes";

std::string get_queue_url_body(std::string_view name);
std::string get_queue_attributes_body(std::string_view url);
std::string create_queue_body(std::string_view name, const QueueAttributes& attributes);
std::string set_queue_attributes_body(std::string_view url, const QueueAttributes& attributes);

struct ReceiveRequest {
  std::string_view queue_url;
  unsigned max_messages = 10;
  std::chrono::seconds visibility_timeout{30};
  std::chrono::seconds wait_time{0};
  std::string_view attempt_id{};  // repeats of a request to a FIFO queue give the same messages
};
std::string receive_body(const ReceiveRequest& request);

// Of a batch: the entries' Ids are their places in it.
std::string batch_body(std::string_view queue_url, std::span<const BatchEntry> entries);

// The members of an entry.
struct SendEntry {
  std::string_view body;
  std::string_view group_id{};          // the next two: FIFO queues only
  std::string_view deduplication_id{};  //
  std::chrono::seconds delay{0};        // standard queues only
};
std::string send_members(const SendEntry& entry);
std::string delete_members(std::string_view receipt_handle);
std::string visibility_members(std::string_view receipt_handle, std::chrono::seconds timeout);

// Answers. Members that are missing are empty, and what is no answer at all is a TransientError.

struct ReceivedMessage {
  std::string body;
  std::string receipt_handle;
  std::string message_id;
  std::string group_id;             // empty on a standard queue
  TimePoint first_received{};       // by the service's clock; the epoch where it does not say
  std::uint64_t receive_count = 1;  // this one included
};
std::vector<ReceivedMessage> read_messages(const boost::json::value& answer);

// Those that the answer does not count among the successful.
std::vector<FailedEntry> read_failures(const boost::json::value& answer, std::size_t entries);

QueueAttributes read_attributes(const boost::json::value& answer);

}  // namespace sagabus::sqs
